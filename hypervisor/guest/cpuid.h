/* cpuid.h — what the guest may know of the CPU. */
#pragma once
#include "engine/vcpu.h"

/* Carries out CPUID. */
void cpuid_answer(struct vcpu *vcpu);
