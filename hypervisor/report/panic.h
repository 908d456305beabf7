/* panic.h — the run must not go on, because a contract is broken or the guest may do no more: one
 * line on COM1, the trace, no secrets, stop. */
#pragma once
#include <stdint.h>

#include "trace.h"

#define LEVEL_NONE 0xFFu

[[noreturn]] void panic(enum panic_code code, uint64_t value);
/* With the parts of an explanation, null at the end. */
[[noreturn]] void panic_because(enum panic_code code, uint64_t value, const char *const reasons[]);
[[noreturn]] void panic_page(uint64_t index, uint32_t level);   /* PANIC_INTEGRITY */

/* An exception in the hypervisor itself; boot/entry.asm calls it. */
[[noreturn]] void host_exception(uint64_t vector, uint64_t rip);

/* From now on `erase(owner)` is part of wipe_secrets: what it erases, its owner alone knows. Called
 * again, it must do no harm. */
void wipe_also(void (*erase)(void *owner), void *owner);

/* Erases the guest's vector registers, what every owner has named, and the dead stack. Safe to call
 * twice. */
void wipe_secrets(void);

/* How a run ends that is no panic: erases secrets and sends the last records. Nothing but halting
 * the CPU, or the machine, may follow. */
void ending_close(enum trace_ending ending, uint64_t value);

/* Erases what earlier calls left below the stack pointer. */
void wipe_dead_stack(void);
