/* traps.h — an interrupt table for guests: exceptions are counted, and the expected ones are
 * stepped over. */
#pragma once
#include <stdint.h>

#define TRAP_VECTORS 256u

/* What traps.asm leaves on the stack. */
struct trap_frame {
    uint64_t rax, rcx, rdx, rsi, rdi, r8, r9, r10, r11;     /* what a C function may change */
    uint64_t vector;
    uint64_t error;     /* 0 where the CPU gives none */
    uint64_t rip, cs, rflags, rsp, ss;
};

/* Loads a table whose first 32 vectors lead to trap_handle. */
void traps_start(void);

/* Another handler for one vector: the address of code that ends in IRETQ. */
void traps_set(uint32_t vector, const void *code);

/* Exceptions so far, by vector. One that was not announced by traps_expect prints itself and ends
 * the guest. */
extern volatile uint64_t trap_counts[32];
extern volatile uint64_t trap_flags;    /* the RFLAGS that the last one pushed */

/* The next exception of this vector is counted, and `skip_bytes` of code are stepped over. */
void traps_expect(uint32_t vector, uint32_t skip_bytes);

void trap_handle(struct trap_frame *frame);     /* called by traps.asm */
