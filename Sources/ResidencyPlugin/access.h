/* access.h — feeds the cache model each load and store at its physical address. */
#pragma once
#include <stdint.h>

#include "qemu_plugin.h"

/* QEMU calls these for each load and store; `rip` is its instruction's linear address. */
void access_touched(unsigned vcpu, qemu_plugin_meminfo_t info, uint64_t linear, void *rip);
void access_non_temporal(unsigned vcpu, qemu_plugin_meminfo_t info, uint64_t linear, void *rip);
/* Here it is the `struct announced`: of VMRUN, VMLOAD, VMSAVE; of LGDT and LIDT. */
void access_physical(unsigned vcpu, qemu_plugin_meminfo_t info, uint64_t linear, void *instruction);
void access_descriptor_table(unsigned vcpu, qemu_plugin_meminfo_t info, uint64_t linear,
                             void *instruction);

/* After a movement of lines, or of tables: the next access may not be skipped as a repeated hit. */
void access_forget(void);
