/* tracer.h — the ring of trace records, in the frozen region, and its way out over COM2. */
#pragma once
#include <stdint.h>

#include "trace.h"

void tracer_start(uint32_t every);

/* Facts, panic, end: always recorded. */
void tracer_add(struct trace_record record);
void tracer_fact(enum trace_fact fact, uint64_t value);

/* One in `every` exits is followed in full: its own record, and each page that it opens, seals or
 * drops. */
void tracer_exit_begins(void);
/* Recorded only while an exit is followed. */
void tracer_event(enum trace_kind kind, uint8_t level, uint32_t detail, uint64_t value,
                  uint64_t cycles);

void tracer_count(enum trace_counter counter, uint64_t cycles);

/* Sends what stands in the ring: all of it, or once it is half full. Between exits, outside
 * measured sections. */
void tracer_send(void);
void tracer_drain(void);

/* Sends everything, counters and the end record included. */
void tracer_end(enum trace_ending ending, uint64_t value);
