#include "guest/control.h"

#include "engine/engine.h"
#include "guest/offered.h"

/* The others of the low half are reserved, and read as 0. APM vol 2, "CR0 Register". */
#define CR0_WRITABLE (CR0_PE | CR0_MP | CR0_EM | CR0_TS | CR0_NE | CR0_WP | CR0_AM | CR0_NW | \
                      CR0_CD | CR0_PG)

/* The real CD and NW stay 0: with CD set, an AMD CPU would write hit lines back (APM vol 2, 7.4),
 * and an Intel CPU would treat the guest's memory as uncacheable (SDM vol 3, "Memory Type Used for
 * Translated Guest-Physical Addresses"). */
bool cr0_write(struct vcpu *vcpu, uint64_t wanted)
{
    struct guest_mode mode = engine->mode(vcpu);
    uint64_t value = (wanted & CR0_WRITABLE) | CR0_ET;
    bool paging_starts = (value & CR0_PG) && !(mode.cr0 & CR0_PG);
    bool paging_ends = !(value & CR0_PG) && (mode.cr0 & CR0_PG);

    if (wanted >> 32 || ((value & CR0_PG) && !(value & CR0_PE)) ||
        ((value & CR0_NW) && !(value & CR0_CD)) ||
        (paging_starts && (mode.efer & EFER_LME) && (!(mode.cr4 & CR4_PAE) || mode.code_l)) ||
        (paging_ends && (mode.code_long || (mode.cr4 & CR4_PCIDE))) ||
        (!(value & CR0_WP) && (mode.cr4 & CR4_CET)))
        return false;
    engine->set_cr0(vcpu, value);
    return true;
}

/* Features that XCR0 turns on together or not at all. Intel SDM vol 1, "Enabling the XSAVE Feature
 * Set". */
static bool is_valid_xcr0(uint64_t value)
{
    static const struct { uint64_t together, needs; } rules[] = {
        {XCR0_X87, 0}, {XCR0_AVX, XCR0_SSE}, {XCR0_AVX512, XCR0_SSE | XCR0_AVX},
    };
    if (value & ~(cpuid(CPUID_XSTATE, 0).eax & OFFERED_XCR0) || !(value & XCR0_X87))
        return false;
    for (uint32_t i = 0; i < sizeof rules / sizeof rules[0]; i++) {
        uint64_t set = value & rules[i].together;
        if (set != 0 && (set != rules[i].together || (value & rules[i].needs) != rules[i].needs))
            return false;
    }
    return true;
}

/* XCR0 is the guest's all the time, but while the cipher works (cpu/vectors.h). */
bool xcr0_write(uint32_t number, uint64_t value)
{
    if (number != 0 || !is_valid_xcr0(value))
        return false;
    write_xcr0(value);
    return true;
}
