/* marks.h — a marker in each line of the region, and what of them DRAM has. */
#pragma once
#include <stdint.h>

#include "memory.h"

enum mark : uint64_t { MARK_DRAM = 1, MARK_CACHE = 2, MARK_OTHER = 3 };

static inline uint64_t mark_of(enum mark mark, uint64_t line)
{
    return mark * UINT64_C(0x9E3779B97F4A7C15) ^ line;
}

static inline volatile uint64_t *mark_line(uint64_t base, uint64_t line)
{
    return (volatile uint64_t *)(base + line * LINE_BYTES);
}

static inline void write_back_all(void)
{
    asm volatile("wbinvd" : : : "memory");
}

/* The i-th line of `lines`, a power of two, in an order that no prefetcher foresees. */
static inline uint64_t scattered(uint64_t i, uint64_t lines)
{
    i = (i ^ i >> 7) * 0x9E3779B1u & (lines - 1);
    return (i ^ i >> 5) * 0x85EBCA6Bu & (lines - 1);
}

void marks_write(enum mark mark, uint64_t bytes);
void marks_read(uint64_t bytes);        /* each line once, scattered */
/* A region that is frozen, and DRAM behind it that has another mark in each line. */
void marks_freeze(uint64_t bytes, bool other);
/* INVD, then the four values of such a row: lines, and those kept, written, neither. */
void marks_drop_and_count(uint64_t bytes, uint64_t *four);
