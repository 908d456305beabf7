/* msr.h — MSRs that the guest sees, or changes, only as the hypervisor wants it. */
#pragma once
#include "engine/vcpu.h"

/* An access that exited: `value` is written, or becomes what was read. False where the guest gets
 * #GP. */
[[nodiscard]] bool msr_access(struct vcpu *vcpu, uint32_t msr, bool is_write, uint64_t *value);

/* The memory types that the firmware left become the guest's view. Before the freeze changes the
 * real ones. */
void msr_start(struct vcpu *vcpu);

/* Lets through what needs no look at it. */
void msr_open(struct vcpu *vcpu);
