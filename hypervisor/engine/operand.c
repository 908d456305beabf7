/* source  AMD APM vol 2 (24593), "Limit Checks in Protected Mode", "Type Checks", "Canonical
 *         Address Form", "Supervisor-Mode Access Prevention" */
#include "engine/operand.h"

#define CANONICAL_BITS      48u
#define CANONICAL_BITS_LA57 57u

static bool is_canonical(const struct guest_mode *mode, uint64_t linear)
{
    uint64_t sign = BIT((mode->cr4 & CR4_LA57 ? CANONICAL_BITS_LA57 : CANONICAL_BITS) - 1);
    return ((linear & (2 * sign - 1)) ^ sign) - sign == linear;
}

/* May the segment be used so, up to `last`? */
static bool is_within(const struct segment *segment, uint64_t offset, uint64_t last, bool is_write)
{
    uint64_t type = segment->attributes, top = type & SEGMENT_D ? UINT32_MAX : UINT16_MAX;
    bool is_code = type & SEGMENT_TYPE_CODE;
    if (!(type & SEGMENT_P) || ((is_write || is_code) && !(type & SEGMENT_TYPE_ACCESS)) ||
        (is_write && is_code))
        return false;
    if (!is_code && (type & SEGMENT_TYPE_DOWN))
        return offset > segment->limit && last <= top;
    return last <= segment->limit;
}

bool operand_find(const struct vcpu *vcpu, enum segment_number number, uint64_t offset,
                  uint32_t bytes, bool is_write, struct operand *operand, struct fault *fault)
{
    struct guest_mode mode = engine->mode(vcpu);
    struct segment segment = engine->segment(vcpu, number);
    bool is_user = field_get(engine->segment(vcpu, SEGMENT_SS).attributes, SEGMENT_DPL) == 3;
    bool is_guarded = !is_user && (mode.cr4 & CR4_SMAP) && !(vcpu->regs.rflags & RFLAGS_AC);
    bool is_flat = mode.code_long && number < SEGMENT_FS;
    uint64_t linear = offset + (is_flat ? 0 : segment.base), last = bytes - 1;

    *fault = (struct fault){number == SEGMENT_SS ? EXCEPTION_SS : EXCEPTION_GP, 0};
    if (mode.code_long ? !is_canonical(&mode, linear) || !is_canonical(&mode, linear + last)
                       : !is_within(&segment, offset, offset + last, is_write))
        return false;
    if (!mode.code_long)
        linear = (uint32_t)linear;
    operand->linear = linear;
    fault->error = (is_write ? WALK_WRITE : 0u) | (is_user ? WALK_USER : 0u) |
                   (is_guarded ? WALK_GUARDED : 0u);
    size_t found = walk_find(&mode, linear, bytes, &fault->error, &operand->target);
    fault->error &= ~WALK_GUARDED;
    fault->vector = EXCEPTION_PF;
    if (found < bytes)
        write_cr2(linear + found);
    return found == bytes;
}
