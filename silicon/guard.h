/* guard.h — an experiment that faults or hangs costs itself, and not the run. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "silicon.h"

struct guard_fault {            /* entry.asm fills it in */
    uint64_t vector, error, address;
};
extern struct guard_fault guard_fault;

#define WATCHDOG_VECTOR 0xF0u   /* entry.asm has it too */

/* Exception entries, the other CPUs held, interrupts of the PICs masked, the clock and the watchdog
 * set by the RTC. */
void guard_start(void);
uint64_t guard_hertz(void);     /* of the TSC; 0: no clock to set it by */
bool guard_has_watchdog(void);

/* OK, FAULT, or after so many seconds HUNG; memory types are the firmware's again afterwards. */
enum silicon_outcome guard_run(void (*experiment)(void), uint64_t seconds);

/* false: it is refused. Inside an experiment too. */
bool guard_msr(uint32_t number, uint64_t *value);
