/* guest.h — the one guest. */
#pragma once
#include <stdint.h>

#include "image.h"
#include "trace.h"

/* In the order of their encoding, so that an instruction's register number is an index. */
struct guest_regs {
    uint64_t rax, rcx, rdx, rbx, rsp, rbp, rsi, rdi;
    uint64_t r8, r9, r10, r11, r12, r13, r14, r15;
    uint64_t rip, rflags;
};

struct memory_range {
    uint64_t base, end;     /* host-physical = guest-physical; end exclusive */
};
#define GUEST_RANGES 32u
#define GUEST_HIDDEN (2 + BOOT_E820_ENTRIES)
#define MTRR_VARIABLE_MAX 16u

/* What the guest believes of memory types. The real registers are the hypervisor's. */
struct guest_memory_types {
    uint64_t pat;
    uint64_t mtrr_default;
    uint64_t mtrr_fixed[11];     /* in the order of registers.h */
    uint64_t mtrr_variable[2 * MTRR_VARIABLE_MAX];
};

struct guest {
    struct guest_regs         regs;
    struct guest_memory_types types;
    struct memory_range       ram[GUEST_RANGES];    /* sorted */
    uint32_t                  ram_ranges;
    struct memory_range       hidden[GUEST_HIDDEN]; /* never the guest's: frozen region, metadata homes, RAM not covered */
    uint32_t                  hidden_ranges;
    uint64_t                  physical_end;         /* first address that the guest cannot have */
    uint16_t                  pm1a_control;         /* ACPI sleep port; 0: none */
};
