/* operand.h — memory operands of instructions that are emulated: what the CPU would check, and
 * where they lie. */
#pragma once
#include <stdbool.h>

#include "engine/engine.h"

struct operand {
    uint64_t linear;
    struct walk_target target;
};

/* Finds `bytes` (at most 8) at an offset into a segment, as the guest's current privilege may reach
 * them. Alignment checks (RFLAGS.AC at CPL 3) and protection keys are not looked at.
 *   returns   false where the CPU would raise `fault`; CR2 is set then
 */
bool operand_find(const struct vcpu *vcpu, enum segment_number number, uint64_t offset,
                  uint32_t bytes, bool is_write, struct operand *operand, struct fault *fault);
