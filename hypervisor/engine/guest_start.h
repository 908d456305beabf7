/* guest_start.h — what the guest's first instruction finds in the CPU, whichever vendor made it. */
#pragma once
#include <stdint.h>

#include "image.h"

struct segment {
    uint16_t selector;
    uint16_t attributes;    /* descriptor bits 55:52 and 47:40, in 11:0 */
    uint32_t limit;
    uint64_t base;
};

struct guest_start {
    struct segment code, data, gdtr, idtr, ldtr, tr;    /* data: of DS, ES, FS, GS, SS */
    uint64_t cr0, cr3, cr4, efer, rflags;
};

#define DR6_RESET 0xFFFF0FF0u
#define DR7_RESET 0x400u

struct guest_start guest_start(const struct image_header *image);
