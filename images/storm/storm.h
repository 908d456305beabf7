/* storm.h — handlers.asm and devices.c, as storm.c uses them. */
#pragma once
#include <stdint.h>

#define VECTOR_TIMER 0x20u
#define TIMER_HERTZ  1000u

/* Handlers: addresses for the interrupt table, not to be called. */
extern const uint8_t storm_divide[], storm_debug[], storm_nmi[], storm_breakpoint[],
    storm_undefined[], storm_timer[],
    storm_call[];

/* How often each ran; `step`, `watch` and `execute` are the kinds of #DB. */
extern volatile uint64_t storm_divide_count, storm_debug_count, storm_nmi_count,
    storm_breakpoint_count,
    storm_undefined_count, storm_timer_count, storm_call_count, storm_step_count, storm_watch_count,
    storm_execute_count;

/* Each causes one event. */
void storm_cause_divide(void);
void storm_cause_breakpoint(void);
void storm_cause_undefined(void);
void storm_cause_call(void);
void storm_broken_at(void);     /* an execution breakpoint can stand here */
/* Causes 5 * count + 1 single steps. */
void storm_step_over(uint64_t count, void *const words[]);

/* 1 kHz on IRQ 0, which is VECTOR_TIMER; every other line is masked. Lets interrupts in. */
void timer_start(void);
void timer_stop(void);
/* The next tick may come. */
void timer_acknowledge(void);
/* Of the day, from the real-time clock. */
uint64_t clock_seconds(void);

void nmi_send_to_self(void);

static inline void breakpoint_set_0(uint64_t address)
{
    asm volatile("mov %0, %%dr0" : : "r"(address));
}

static inline void breakpoint_set_1(uint64_t address)
{
    asm volatile("mov %0, %%dr1" : : "r"(address));
}

static inline void breakpoints_control(uint64_t value)
{
    asm volatile("mov %0, %%dr7" : : "r"(value));
}

