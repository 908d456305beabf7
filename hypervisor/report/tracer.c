#include "report/tracer.h"

#include "bytes.h"
#include "cpu/registers.h"
#include "report/serial.h"

#define RING_RECORDS 256u   /* an exit adds few: a miss at most two for each level, twice for
                             * adopted pages */

static struct trace_record ring[RING_RECORDS];
static uint32_t ring_used;
static uint16_t sequence;
static uint32_t every, until_next;
static bool following;
static struct { uint64_t events, cycles; } counters[COUNT_END];

void tracer_start(uint32_t one_in)
{
    every = one_in;
    until_next = 1;
    serial_start(COM2);
}

/* Not inline, so that recording saves no registers for it. */
[[gnu::noinline]] void tracer_send(void)
{
    for (uint32_t i = 0; i < ring_used; i++) {
        struct trace_frame frame = {.sync = TRACE_SYNC, .sequence = sequence++, .record = ring[i]};
        uint32_t checksum = crc32(0, &frame.sequence, sizeof frame.sequence);
        frame.checksum = crc32(checksum, &frame.record, sizeof frame.record);
        serial_write(COM2, &frame, sizeof frame);
    }
    ring_used = 0;
}

static void add(struct trace_record record)
{
    record.tsc = rdtsc();
    ring[ring_used] = record;
    if (++ring_used == RING_RECORDS)
        tracer_send();
}

/* Not inline, nor is `tracer_end`: Bochs's debugger stops there. */
[[gnu::noinline]] void tracer_add(struct trace_record record)
{
    add(record);
}

void tracer_fact(enum trace_fact fact, uint64_t value)
{
    tracer_add((struct trace_record){.kind = TRACE_FACT, .detail = fact, .value = value});
}

void tracer_exit_begins(void)
{
    if (every == 0)
        return;
    following = --until_next == 0;
    if (following)
        until_next = every;
}

void tracer_event(enum trace_kind kind, uint8_t level, uint32_t detail, uint64_t value,
                  uint64_t cycles)
{
    if (following)
        add((struct trace_record){
            .value = value, .cycles = cycles, .detail = detail, .level = level, .kind = kind});
}

void tracer_count(enum trace_counter counter, uint64_t cycles)
{
    counters[counter].events++;
    counters[counter].cycles += cycles;
}

void tracer_drain(void)
{
    if (ring_used >= RING_RECORDS / 2)
        tracer_send();
}

[[gnu::noinline]] void tracer_end(enum trace_ending ending, uint64_t value)
{
    for (uint32_t i = 1; i < COUNT_END; i++)
        tracer_add((struct trace_record){.kind = TRACE_COUNT, .detail = i,
            .value = counters[i].events, .cycles = counters[i].cycles});
    tracer_add((struct trace_record){.kind = TRACE_END, .detail = ending, .value = value});
    tracer_send();
    serial_flush(COM2);
}
