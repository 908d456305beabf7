/* vcpu.h — one CPU of the guest's, as far as it is not in the engine's control block. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "cpu/registers.h"

/* In the order of their encoding, so that an instruction's register number is an index. */
struct guest_regs {
    uint64_t rax, rcx, rdx, rbx, rsp, rbp, rsi, rdi;
    uint64_t r8, r9, r10, r11, r12, r13, r14, r15;
    uint64_t rip, rflags;
};

/* What the guest believes of memory types. The real registers are the hypervisor's. */
#define MTRR_VARIABLE_MAX 16u
struct guest_memory_types {
    uint64_t pat;
    uint64_t mtrr_default;
    uint64_t mtrr_fixed[MTRR_FIXED_COUNT];          /* in the order of registers.h */
    uint64_t mtrr_variable[2 * MTRR_VARIABLE_MAX];  /* base, mask, base, mask, ... */
};

struct vcpu {
    struct guest_regs regs;         /* while the guest does not run */
    struct guest_memory_types types;
    /* The engine's own. */
    uint64_t changes_seen;          /* of nested_changes: those before its TLB was last flushed; 0
                                     * has it flushed */
    uint64_t debug_hits;            /* in DR6's bits: breakpoints that the emulated instruction
                                     * met */
    enum emulated : uint8_t {
        EMULATED_NOTHING,
        EMULATED_INSTRUCTION,
        EMULATED_ITERATION,         /* of a REP, and not the last */
    } emulated;                     /* since the last exit */
    bool     launched;              /* vmx: the next entry is a VMRESUME */
    bool     has_nrip;              /* svm: the CPU tells where the next instruction begins */
};
