/* vmx_vmcs.h — the current VMCS: its fields, and what they hold before the first entry. */
#pragma once
#include "engine/first_state.h"
#include "engine/vmx.h"
#include "report/panic.h"

static inline uint64_t vmread(enum vmcs_field field)
{
    uint64_t value;
    bool failed;
    asm volatile("vmread %2, %0" : "=r"(value), "=@ccbe"(failed) : "r"((uint64_t)field));
    if (failed)
        panic(PANIC_STATE, field);
    return value;
}

static inline void vmwrite(enum vmcs_field field, uint64_t value)
{
    bool failed;
    asm volatile("vmwrite %1, %2" : "=@ccbe"(failed) : "r"(value), "r"((uint64_t)field));
    if (failed)
        panic(PANIC_STATE, field);
}

struct vmcs_pointers {      /* host-physical */
    uint64_t ept, msr_bitmap, io_bitmap_a, io_bitmap_b;
};

/* In this order; the first two need only the CPU. */
void vmcs_load_host(void);
void vmcs_load_controls(const struct vmcs_pointers *pointers);
void vmcs_load_guest(const struct first_state *state);
