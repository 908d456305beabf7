/* loader.h — the loader's low memory, [LOADER_LOW_BASE, LOADER_LOW_END), and how it finds the
 * hypervisor. */
#pragma once
#include "image.h"

#define ENTRY_SIGNATURE      0x534F52A9u        /* the first instruction, as a number */

#define IMAGE_HEADER_SECTORS (sizeof(struct image_header) / IMAGE_SECTOR_BYTES)
#define LOADER_SEGMENT       (LOADER_LOW_BASE >> 4)
#define LOADER_CODE_OFFSET   0x1000u            /* behind the header */
#define LOADER_MAX_SECTORS   4u
#define LOADER_STACK_OFFSET  0xFFF0u            /* top, in LOADER_SEGMENT */
#define BOOT_INFO_BASE       (LOADER_LOW_BASE + 0x3000u)
#define BOOT_INFO_SEGMENT    (BOOT_INFO_BASE >> 4)
#define BOOT_TABLES          (LOADER_LOW_BASE + 0x4000u)    /* 8 pages */
#define LOADER_BOUNCE        (LOADER_LOW_BASE + 0x10000u)   /* 64 KiB, on a 64 KiB boundary */

/* The hypervisor's first function: start.c; entry.asm calls it. */
[[noreturn]] void start(uint64_t boot_info);
