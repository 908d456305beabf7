#include "block_set.h"

#include <stdlib.h>
#include <string.h>

#define FILTER_BITS_EACH 16u
#define BATCH            64u        /* look-ups at once: the filter's cache misses overlap */
#define DISTINCT_BYTES   8

struct block {
    uint64_t low, high;
};

/* Neither is ever kept by its value: zeroes mark an empty place, ones a forgotten block. */
static const struct block empty = { 0, 0 }, forgotten = { UINT64_MAX, UINT64_MAX };

struct block_set {
    struct block *table;            /* open addressing, linear */
    size_t        places;
    uint64_t     *filter;
    size_t        filter_bits;
    size_t        capacity, count, taken;
    bool          has_empty, has_forgotten;     /* the two blocks that the table cannot hold */
};

static struct block block_load(const uint8_t *bytes)
{
    struct block block;

    memcpy(&block, bytes, sizeof block);
    return block;
}

static bool is_same(struct block a, struct block b)
{
    return a.low == b.low && a.high == b.high;
}

static uint64_t hashed(struct block block)
{
    unsigned __int128 product =
        (unsigned __int128)(block.low ^ UINT64_C(0x9E3779B97F4A7C15))
        * (block.high ^ UINT64_C(0xBF58476D1CE4E5B9));
    uint64_t x = (uint64_t)product ^ (uint64_t)(product >> 64) ^ block.low;

    return (x ^ x >> 32) * UINT64_C(0x94D049BB133111EB);
}

/* Uniform in 0 .. limit - 1. */
static size_t scaled(uint64_t hash, size_t limit)
{
    return (size_t)((unsigned __int128)hash * limit >> 64);
}

struct block_set *block_set_create(size_t capacity)
{
    struct block_set *set = calloc(1, sizeof *set);

    if (set == NULL)
        return NULL;
    set->capacity = capacity;
    set->places = capacity + capacity / 2 + 16;
    set->filter_bits = (capacity + 4) * FILTER_BITS_EACH;
    set->table = calloc(set->places, sizeof *set->table);
    set->filter = calloc(set->filter_bits / 64 + 1, sizeof *set->filter);
    if (set->table == NULL || set->filter == NULL) {
        block_set_destroy(set);
        return NULL;
    }
    return set;
}

void block_set_destroy(struct block_set *set)
{
    if (set == NULL)
        return;
    free(set->table);
    free(set->filter);
    free(set);
}

size_t block_set_count(const struct block_set *set)
{
    return set->count;
}

bool block_is_trivial(const uint8_t block[BLOCK_BYTES])
{
    uint64_t seen[4] = { 0 };
    int distinct = 0;
    bool is_counting = true;

    for (uint32_t i = 0; i < BLOCK_BYTES; i++) {
        seen[block[i] / 64] |= UINT64_C(1) << block[i] % 64;
        if (i > 1 && (uint8_t)(block[i] - block[i - 1]) != (uint8_t)(block[1] - block[0]))
            is_counting = false;
    }
    for (uint32_t i = 0; i < 4; i++)
        distinct += __builtin_popcountll(seen[i]);
    return distinct < DISTINCT_BYTES || is_counting || memcmp(block, block + 8, 8) == 0;
}

/* Where the block is, or the empty place where it would be. */
static size_t place_of(const struct block_set *set, struct block block, uint64_t hash)
{
    size_t at = scaled(hash, set->places);

    while (!is_same(set->table[at], block) && !is_same(set->table[at], empty))
        at = at + 1 == set->places ? 0 : at + 1;
    return at;
}

static bool may_hold(const struct block_set *set, uint64_t hash)
{
    size_t bit = scaled(hash, set->filter_bits);

    return set->filter[bit / 64] >> bit % 64 & 1;
}

static enum block_added add_special(struct block_set *set, bool *has)
{
    if (*has)
        return BLOCK_PRESENT;
    *has = true;
    set->count++;
    return BLOCK_NEW;
}

enum block_added block_set_add(struct block_set *set, const uint8_t bytes[BLOCK_BYTES])
{
    struct block block = block_load(bytes);

    if (is_same(block, empty))
        return add_special(set, &set->has_empty);
    if (is_same(block, forgotten))
        return add_special(set, &set->has_forgotten);
    uint64_t hash = hashed(block);
    size_t at = place_of(set, block, hash), bit = scaled(hash, set->filter_bits);
    if (is_same(set->table[at], block))
        return BLOCK_PRESENT;
    if (set->taken == set->capacity)
        return BLOCK_NO_ROOM;
    set->table[at] = block;
    set->filter[bit / 64] |= UINT64_C(1) << bit % 64;
    set->taken++;
    set->count++;
    return BLOCK_NEW;
}

bool block_set_add_all(struct block_set *set, const void *buffer, size_t bytes)
{
    const uint8_t *start = buffer;
    bool has_room = true;

    for (size_t at = 0; at + BLOCK_BYTES <= bytes; at += BLOCK_BYTES)
        if (!block_is_trivial(start + at) && block_set_add(set, start + at) == BLOCK_NO_ROOM)
            has_room = false;
    return has_room;
}

static bool holds(const struct block_set *set, struct block block, uint64_t hash)
{
    if (is_same(block, empty))
        return set->has_empty;
    if (is_same(block, forgotten))
        return set->has_forgotten;
    return may_hold(set, hash) && is_same(set->table[place_of(set, block, hash)], block);
}

size_t block_set_find(const struct block_set *set, const void *buffer, size_t bytes,
                      uint64_t *offsets, size_t room)
{
    const uint8_t *start = buffer;
    size_t found = 0, end = bytes < BLOCK_BYTES ? 0 : bytes - BLOCK_BYTES + 1;
    uint64_t hashes[BATCH];

    for (size_t from = 0; from < end; from += BATCH) {
        size_t count = end - from < BATCH ? end - from : BATCH;
        for (size_t i = 0; i < count; i++) {
            hashes[i] = hashed(block_load(start + from + i));
            __builtin_prefetch(&set->filter[scaled(hashes[i], set->filter_bits) / 64]);
        }
        for (size_t i = 0; i < count; i++) {
            if (!holds(set, block_load(start + from + i), hashes[i]))
                continue;
            if (found < room)
                offsets[found] = from + i;
            found++;
        }
    }
    return found;
}

size_t block_set_remove_all(struct block_set *set, const void *buffer, size_t bytes)
{
    const uint8_t *start = buffer;
    size_t removed = 0;

    for (size_t at = 0; at + BLOCK_BYTES <= bytes; at++) {
        struct block block = block_load(start + at);
        uint64_t hash = hashed(block);
        if (is_same(block, empty) || is_same(block, forgotten) || !holds(set, block, hash))
            continue;
        set->table[place_of(set, block, hash)] = forgotten;
        set->count--;
        removed++;
    }
    return removed;
}

size_t block_set_find_repeats(struct block_set *set, const void *buffer, size_t bytes,
                              size_t stride,
                              uint64_t *offsets, size_t room, bool *is_full)
{
    const uint8_t *start = buffer;
    size_t found = 0;

    for (size_t at = 0; at + BLOCK_BYTES <= bytes; at += stride) {
        enum block_added added = block_set_add(set, start + at);
        *is_full |= added == BLOCK_NO_ROOM;
        if (added != BLOCK_PRESENT)
            continue;
        if (found < room)
            offsets[found] = at;
        found++;
    }
    return found;
}
