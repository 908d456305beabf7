/* panic.h — when a contract is broken, or the guest may not go on: one line on COM1, the trace, no secrets, stop. */
#pragma once
#include <stdint.h>

#include "trace.h"

#define LEVEL_NONE 0xFFu

[[noreturn]] void panic(enum panic_code code, uint64_t value);
/* With the parts of an explanation, null at the end. */
[[noreturn]] void panic_because(enum panic_code code, uint64_t value, const char *const reasons[]);
[[noreturn]] void panic_page(uint64_t index, uint32_t level);   /* PANIC_INTEGRITY */

/* Erases keys, slots and everything else that is secret. Safe to call twice. */
void wipe_secrets(void);

/* Erases what earlier calls left below the stack pointer. */
void wipe_dead_stack(void);
