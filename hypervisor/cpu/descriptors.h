/* descriptors.h — the hypervisor's own segments and exception table. */
#pragma once
#include <stdint.h>

#define HOST_CS 0x08u
#define HOST_DS 0x10u

struct [[gnu::packed]] table_register {     /* what LGDT, SGDT and their like move */
    uint16_t limit;
    uint64_t base;
};

/* Loads GDT and IDT. Every exception ends in host_exception (report/panic.c). There is no TSS:
 * nothing here uses one. */
void descriptors_start(void);

/* Another entry for one vector: the address of code that ends in IRETQ. */
void descriptors_set(uint32_t vector, uint64_t code);
