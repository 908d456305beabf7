/* first_state.h — what the guest's first instruction finds in the CPU, but for the general
 * registers, whichever vendor made it. */
#pragma once
#include <stdint.h>

#include "cpu/registers.h"

struct segment {
    uint16_t selector;
    uint16_t attributes;    /* descriptor bits 55:52 and 47:40, in 11:0 */
    uint32_t limit;
    uint64_t base;
};

/* Attributes: AMD APM vol 2 (24593), "Legacy Segment Descriptors" and "Long-Mode Segment
 * Descriptors". */
#define SEGMENT_CODE64 0xA9Bu       /* G L P S, code, readable, accessed */
#define SEGMENT_DATA32 0xC93u
#define SEGMENT_CODE16 0x09Bu
#define SEGMENT_DATA16 0x093u
#define SEGMENT_TSS    0x08Bu
#define SEGMENT_LDT    0x082u

/* Of the attributes. */
#define SEGMENT_TYPE_CODE   BIT(3)
#define SEGMENT_TYPE_DOWN   BIT(2)  /* data that expands down */
#define SEGMENT_TYPE_ACCESS BIT(1)  /* data: writable; code: readable */
#define SEGMENT_DPL         FIELD(6, 5)
#define SEGMENT_P           BIT(7)
#define SEGMENT_L           BIT(9)  /* 64-bit code */
#define SEGMENT_D           BIT(10) /* 32-bit code; expand-down data up to 4 GiB */

/* Of gates of the interrupt table. */
#define GATE_TYPE FIELD(44, 40)
#define GATE_TASK UINT64_C(5)

/* As both vendors' control blocks have them. */
enum segment_number : uint8_t {
    SEGMENT_ES, SEGMENT_CS, SEGMENT_SS, SEGMENT_DS, SEGMENT_FS, SEGMENT_GS, SEGMENT_NONE
};

struct first_state {
    struct segment code, data, gdtr, idtr, ldtr, tr;    /* data: of DS, ES, FS, GS, SS */
    uint64_t cr0, cr3, cr4, efer;
};

#define DR6_RESET 0xFFFF0FF0u
#define DR7_RESET 0x400u
