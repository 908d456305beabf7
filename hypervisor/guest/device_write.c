/* source  AMD APM vol 3 (24594), AND, OR, XOR, MOV */
#include "guest/device_write.h"

#include "devices/apic.h"
#include "engine/decode.h"
#include "report/panic.h"
#include "report/tracer.h"
#include "residency/memory_map.h"

/* Of a result of 32 bits. AF is undefined. */
static uint64_t flags_of(uint32_t result)
{
    return (result == 0 ? RFLAGS_ZF : 0) | (result >> 31 ? RFLAGS_SF : 0) |
           (__builtin_parity(result & 0xFF) ? 0 : RFLAGS_PF);
}

bool device_write(struct vcpu *vcpu, struct exit *exit)
{
    struct instruction instruction;
    struct guest_mode mode = engine->mode(vcpu);
    bool is_32_bit = engine->segment(vcpu, SEGMENT_CS).attributes & SEGMENT_D;

    exit->gpa &= ~memory_map.c_bit;
    if (exit->access & MISS_FETCH)      /* from a device, or a page that devices write */
        return false;
    if (memory_map_kind(exit->gpa) != MEMORY_WATCHED || !(exit->access & MISS_WRITE))
        panic(PANIC_STATE, exit->gpa);      /* every other entry gives all rights */
    /* A page-table walk writes without an instruction. */
    if ((exit->access & MISS_WALK) ||
        !instruction_decode(&vcpu->regs, &mode, is_32_bit, &instruction) ||
        instruction.store == STORE_NONE)
        return false;
    uint32_t value = instruction.source;
    if (instruction.store != STORE_MOV) {
        uint32_t before = apic_read(exit->gpa);
        value = instruction.store == STORE_OR    ? before | value
                : instruction.store == STORE_AND ? before & value : before ^ value;
        vcpu->regs.rflags &= ~(RFLAGS_CF | RFLAGS_PF | RFLAGS_ZF | RFLAGS_SF | RFLAGS_OF);
        vcpu->regs.rflags |= flags_of(value);
    }
    if (!apic_write(exit->gpa, value))
        tracer_count(COUNT_APIC_REFUSED, 0);
    exit->next_rip = vcpu->regs.rip + instruction.length;
    return true;
}
