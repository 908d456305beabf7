/* control.h — the control registers that the guest writes only as far as the CPU would let it. */
#pragma once
#include "engine/vcpu.h"

/* Both return false where the guest gets #GP. */
[[nodiscard]] bool cr0_write(struct vcpu *vcpu, uint64_t wanted);
[[nodiscard]] bool xcr0_write(uint32_t number, uint64_t value);
