#include "guest_start.h"

#include "registers.h"

#define GUEST_GDT       0x6000u     /* null, null, code, data: made by make-image */
#define GUEST_GDT_LIMIT 31u
#define GUEST_CS        0x10u
#define GUEST_DS        0x18u
#define REAL_IVT_LIMIT  0x3FFu
#define TSS_LIMIT       0x67u

#define SEGMENT_CODE64 0xA9Bu       /* G L P S, code, readable, accessed */
#define SEGMENT_DATA32 0xC93u
#define SEGMENT_CODE16 0x09Bu
#define SEGMENT_DATA16 0x093u
#define SEGMENT_TSS    0x08Bu
#define SEGMENT_LDT    0x082u

static const struct segment ldtr = {.attributes = SEGMENT_LDT, .limit = UINT16_MAX};
static const struct segment tr = {.attributes = SEGMENT_TSS, .limit = TSS_LIMIT};

struct guest_start guest_start(const struct image_header *image)
{
    if (image->guest == GUEST_REAL)
        return (struct guest_start){
            .code = {0, SEGMENT_CODE16, UINT16_MAX, 0}, .data = {0, SEGMENT_DATA16, UINT16_MAX, 0},
            .gdtr = {.limit = UINT16_MAX}, .idtr = {.limit = REAL_IVT_LIMIT}, .ldtr = ldtr, .tr = tr,
            .cr0 = CR0_ET,
            .rflags = RFLAGS_FIXED | RFLAGS_IF,     /* a BIOS starts boot sectors with interrupts on */
        };
    return (struct guest_start){
        .code = {GUEST_CS, SEGMENT_CODE64, UINT32_MAX, 0}, .data = {GUEST_DS, SEGMENT_DATA32, UINT32_MAX, 0},
        .gdtr = {.limit = GUEST_GDT_LIMIT, .base = GUEST_GDT}, .ldtr = ldtr, .tr = tr,
        .cr0 = CR0_PE | CR0_ET | CR0_NE | CR0_WP | CR0_PG, .cr3 = image->cr3,
        .cr4 = CR4_PAE | CR4_OSFXSR | CR4_OSXMMEXCPT,
        .efer = EFER_LME | EFER_LMA,
        .rflags = RFLAGS_FIXED,
    };
}
