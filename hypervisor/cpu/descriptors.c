/* source  AMD APM vol 2 (24593), "Long-Mode Segment Descriptors", "Interrupt-Gate and Trap-Gate
 *         Descriptors" */
#include "cpu/descriptors.h"

#include "cpu/registers.h"

#define VECTORS   32u
#define GATE_INTERRUPT (BIT(47) | UINT64_C(0xE) << 40)     /* present, 64-bit interrupt gate */

/* null, 64-bit code, data: accessed preset */
static uint64_t gdt[] = {0, 0x00AF9B000000FFFF, 0x00CF93000000FFFF};
static uint64_t idt[VECTORS][2];
extern const uint64_t exception_stubs[VECTORS];     /* entry.asm */

void descriptors_set(uint32_t vector, uint64_t code)
{
    idt[vector][0] = (code & 0xFFFF) | HOST_CS << 16 | GATE_INTERRUPT | (code >> 16 & 0xFFFF) << 48;
    idt[vector][1] = code >> 32;
}

void descriptors_start(void)
{
    for (uint32_t i = 0; i < VECTORS; i++)
        descriptors_set(i, exception_stubs[i]);
    struct table_register gdtr = {sizeof gdt - 1, (uint64_t)gdt};
    struct table_register idtr = {sizeof idt - 1, (uint64_t)idt};
    asm volatile("lgdt %0; lidt %1" : : "m"(gdtr), "m"(idtr));
    asm volatile("push %0; lea 1f(%%rip), %%rax; push %%rax; lretq; 1:"
                 : : "i"(HOST_CS) : "rax", "memory");
    asm volatile("mov %0, %%ds; mov %0, %%es; mov %0, %%ss" : : "r"(HOST_DS));
    asm volatile("mov %0, %%fs; mov %0, %%gs" : : "r"(0));
}
