#include "guest/first_state.h"

#include "contract.h"
#include "devices/ports.h"
#include "residency/memory_map.h"

#define REAL_IVT_LIMIT  0x3FFu
#define TSS_LIMIT       0x67u
#define RAM_ABOVE_1_MIB 0x100000u

static const struct segment ldtr = {.attributes = SEGMENT_LDT, .limit = UINT16_MAX};
static const struct segment tr = {.attributes = SEGMENT_TSS, .limit = TSS_LIMIT};

struct first_state first_state(const struct image_header *image)
{
    if (image->guest == GUEST_REAL)
        return (struct first_state){
            .code = {0, SEGMENT_CODE16, UINT16_MAX, 0}, .data = {0, SEGMENT_DATA16, UINT16_MAX, 0},
            .gdtr = {.limit = UINT16_MAX}, .idtr = {.limit = REAL_IVT_LIMIT},
            .ldtr = ldtr, .tr = tr, .cr0 = CR0_ET,
        };
    return (struct first_state){
        .code = {GUEST_CS, SEGMENT_CODE64, UINT32_MAX, 0},
        .data = {GUEST_DS, SEGMENT_DATA32, UINT32_MAX, 0},
        .gdtr = {.limit = GUEST_GDT_ENTRIES * 8 - 1, .base = GUEST_GDT}, .ldtr = ldtr, .tr = tr,
        .cr0 = CR0_PE | CR0_ET | CR0_NE | CR0_WP | CR0_PG, .cr3 = image->cr3,
        .cr4 = CR4_PAE | CR4_OSFXSR | CR4_OSXMMEXCPT, .efer = EFER_LME | EFER_LMA,
    };
}

struct guest_regs first_registers(const struct image_header *image, const struct boot_info *boot)
{
    return (struct guest_regs){
        .rip = image->entry, .rsp = image->stack, .rsi = image->rsi,
        .rdi = memory_map_range_end(RAM_ABOVE_1_MIB), .rbx = ports_pm1a_control(),
        .rdx = boot->drive,
        /* A BIOS starts boot sectors with interrupts on. */
        .rflags = RFLAGS_FIXED | (image->guest == GUEST_REAL ? RFLAGS_IF : 0),
    };
}
