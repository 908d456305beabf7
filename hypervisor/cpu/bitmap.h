/* bitmap.h — the vendors' bitmaps of ports and MSRs. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

static inline void bitmap_set(uint8_t *bitmap, uint32_t bit, bool value)
{
    uint8_t mask = (uint8_t)(1u << bit % 8);
    bitmap[bit / 8] = (uint8_t)(value ? bitmap[bit / 8] | mask : bitmap[bit / 8] & ~mask);
}

static inline bool bitmap_get(const uint8_t *bitmap, uint32_t bit)
{
    return bitmap[bit / 8] >> bit % 8 & 1;
}
