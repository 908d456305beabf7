/* access.h — feeds the cache model each load and store at its physical address. */
#pragma once
#include <stdint.h>

#include "qemu_plugin.h"

/* What a load or store is told to, by QEMU; `data` is its instruction's linear address. */
void access_touched(unsigned vcpu, qemu_plugin_meminfo_t info, uint64_t linear, void *rip);
void access_non_temporal(unsigned vcpu, qemu_plugin_meminfo_t info, uint64_t linear, void *rip);
/* Here it is the `struct announced`: of VMRUN, VMLOAD, VMSAVE; of LGDT and LIDT. */
void access_physical(unsigned vcpu, qemu_plugin_meminfo_t info, uint64_t linear, void *instruction);
void access_descriptor_table(unsigned vcpu, qemu_plugin_meminfo_t info, uint64_t linear, void *instruction);

/* Something moved, or must be looked at anew: what was accessed last may no longer be a hit that changes nothing. */
void access_forget(void);
