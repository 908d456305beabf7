/* machine.h — instructions that C does not have. Sources: AMD APM vol 3 (24594); Intel SDM (325462)
 * vol 2. */
#pragma once
#include <stdint.h>

#define BIT(n) (UINT64_C(1) << (n))

#define CR4_OSXSAVE BIT(18)
#define MSR_MTRR_PHYSBASE0   0x200u
#define MSR_MTRR_FIX4K_C0000 0x268u     /* the first of eight, up to FFFFFh */
#define MSR_PAT              0x277u
#define MSR_MTRR_DEF_TYPE    0x2FFu
#define MSR_EFER             0xC0000080u
#define EFER_SVME            BIT(12)

#define VECTOR_DE  0u
#define VECTOR_DB  1u
#define VECTOR_NMI 2u
#define VECTOR_BP  3u
#define VECTOR_UD  6u
#define VECTOR_GP  13u

struct cpuid {
    uint32_t eax, ebx, ecx, edx;
};

static inline struct cpuid cpuid(uint32_t leaf, uint32_t subleaf)
{
    struct cpuid r;
    asm volatile("cpuid" : "=a"(r.eax), "=b"(r.ebx), "=c"(r.ecx), "=d"(r.edx) : "a"(leaf),
                 "c"(subleaf));
    return r;
}

static inline uint64_t rdmsr(uint32_t msr)
{
    uint32_t low, high;
    asm volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(msr));
    return (uint64_t)high << 32 | low;
}

static inline void wrmsr(uint32_t msr, uint64_t value)
{
    asm volatile("wrmsr" : : "c"(msr), "a"((uint32_t)value),
                 "d"((uint32_t)(value >> 32)) : "memory");
}

static inline uint64_t read_cr4(void)
{
    uint64_t value;
    asm volatile("mov %%cr4, %0" : "=r"(value));
    return value;
}

static inline void write_cr4(uint64_t value)
{
    asm volatile("mov %0, %%cr4" : : "r"(value) : "memory");
}

static inline void wbinvd(void) { asm volatile("wbinvd" : : : "memory"); }
static inline void invd(void) { asm volatile("invd" : : : "memory"); }

static inline void out8(uint16_t port,
                        uint8_t value) { asm volatile("outb %0, %1" : : "a"(value), "Nd"(port)); }
static inline void out16(uint16_t port,
                         uint16_t value) { asm volatile("outw %0, %1" : : "a"(value), "Nd"(port)); }
static inline uint16_t in16(uint16_t port)
{
    uint16_t value;
    asm volatile("inw %1, %0" : "=a"(value) : "Nd"(port));
    return value;
}

static inline uint8_t in8(uint16_t port)
{
    uint8_t value;
    asm volatile("inb %1, %0" : "=a"(value) : "Nd"(port));
    return value;
}

[[noreturn]] static inline void halt(void)
{
    for (;;)
        asm volatile("cli; hlt");
}
