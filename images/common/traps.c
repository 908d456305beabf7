/* source  AMD APM vol 2 (24593), "Long-Mode Interrupt Control Transfers" (gate descriptors) */
#include "traps.h"

#include "guest.h"

#define CODE_SELECTOR   0x10u
#define GATE_INTERRUPT  0x8E00u     /* present, ring 0, 64-bit interrupt gate */
#define STUBS           32u

struct gate {
    uint16_t offset_low, selector, attributes, offset_middle;
    uint32_t offset_high, reserved;
};
_Static_assert(sizeof(struct gate) == 16, "as the CPU reads it");

static _Alignas(PAGE_BYTES) struct gate gates[TRAP_VECTORS];
static uint32_t expected_vector = TRAP_VECTORS, expected_skip;
volatile uint64_t trap_counts[32], trap_flags;

extern const void *const trap_stubs[STUBS];     /* traps.asm */

void traps_set(uint32_t vector, const void *code)
{
    uint64_t offset = (uint64_t)(uintptr_t)code;
    gates[vector] = (struct gate){.offset_low = (uint16_t)offset, .selector = CODE_SELECTOR,
                                  .attributes = GATE_INTERRUPT,
                                      .offset_middle = (uint16_t)(offset >> 16),
                                  .offset_high = (uint32_t)(offset >> 32)};
}

void traps_start(void)
{
    struct __attribute__((packed)) {
        uint16_t limit;
        uint64_t base;
    } table = {sizeof gates - 1, (uint64_t)(uintptr_t)gates};

    for (uint32_t vector = 0; vector < STUBS; vector++)
        traps_set(vector, trap_stubs[vector]);
    asm volatile("lidt %0" : : "m"(table));
}

void traps_expect(uint32_t vector, uint32_t skip_bytes)
{
    expected_vector = vector;
    expected_skip = skip_bytes;
}

void trap_handle(struct trap_frame *frame)
{
    if (frame->vector != expected_vector) {
        print("unexpected exception ");
        print_decimal(frame->vector);
        print(", error ");
        print_hexadecimal(frame->error);
        print(", at ");
        print_hexadecimal(frame->rip);
        print("\n");
        power_off();
    }
    trap_counts[frame->vector]++;
    trap_flags = frame->rflags;
    frame->rip += expected_skip;
    expected_vector = TRAP_VECTORS;
}
