/* debug.h — debug exceptions of a guest, kept in the order in which they came. Sources: AMD APM
 * vol 2 (24593), "Debug Registers"; Intel SDM (325462) vol 3, chapter 17. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "machine.h"

#define CR4_DE        BIT(3)
#define RFLAGS_TF     BIT(8)
#define RFLAGS_RF     BIT(16)
#define DR6_BD        BIT(13)
#define DR6_BS        BIT(14)
#define DR6_CAUSES    (0xFu | DR6_BD | DR6_BS)
#define DR7_GD        BIT(13)
#define DR7_GLOBAL(n) BIT(2 * (n) + 1)
#define DR7_TYPE(n, type)     ((uint64_t)(type) << (16 + 4 * (n)))
#define DR7_LENGTH(n, length) ((uint64_t)(length) << (18 + 4 * (n)))    /* 0, 1, 3: 1, 2, 4 bytes */
#define TYPE_WRITE  1u
#define TYPE_PORT   2u
#define TYPE_ACCESS 3u

struct debug_trap {
    uint64_t dr6, dr7, rip, rflags;
};

/* debug.asm */
extern volatile struct debug_trap debug_log[16];
extern volatile uint64_t debug_count;
extern volatile bool debug_keeps_step;      /* else the first trap ends single steps */
extern const uint8_t debug_handler[];

static inline void write_dr7(uint64_t value)
{
    asm volatile("mov %0, %%dr7" : : "r"(value) : "memory");
}

/* Lets breakpoint `n` watch, and forgets earlier traps. */
#define WATCH(n, address, type, length)                                                     \
    do {                                                                                    \
        asm volatile("mov %0, %%dr" #n : : "r"((uint64_t)(address)));                       \
        debug_count = 0;                                                                    \
        write_dr7(DR7_GLOBAL(n) | DR7_TYPE(n, type) | DR7_LENGTH(n, length));               \
    } while (0)

/* Executes instructions with RFLAGS.TF set from the first on. */
#define STEPPED "pushfq; orl $0x100, (%%rsp); popfq; "
