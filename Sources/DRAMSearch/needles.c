#include "needles.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define FILTER_BITS_LOG2 16u

/* Its anchor: eight of its bytes that are looked at first. */
struct entry {
    uint64_t anchor;
    size_t   anchor_at;
    size_t   start;             /* in `bytes` */
    size_t   count;
    uint32_t index;
    uint32_t budget;            /* wrong bits */
};

struct needles {
    struct entry *entries;      /* by anchor, ascending */
    uint8_t      *bytes;
    size_t        count;
    struct decay  decay;
    uint64_t      filter[(1u << FILTER_BITS_LOG2) / 64];
    /* By how many bits of eight bytes are set: some anchor may have decayed to that. Memory is
     * mostly blank, and no anchor is. */
    bool          weights[65];
};

struct output {
    struct needle_find *finds;
    size_t room, count;
};

static uint64_t load(const uint8_t *at)
{
    uint64_t word;

    memcpy(&word, at, sizeof word);
    return word;
}

static uint32_t filter_bit(uint64_t anchor)
{
    return (uint32_t)(anchor * UINT64_C(0x9E3779B97F4A7C15) >> (64 - FILTER_BITS_LOG2));
}

/* Eight bytes that are not all the same, if there are any: memory is full of runs of one byte. */
static size_t best_anchor(const uint8_t *bytes, size_t count)
{
    for (size_t at = 0; at + 8 <= count; at++)
        if (memcmp(bytes + at, bytes + at + 1, 7) != 0)
            return at;
    return 0;
}

static void allow_weights(bool weights[65], const struct entry *entry)
{
    uint32_t weight = (uint32_t)__builtin_popcountll(entry->anchor);

    for (uint32_t i = 0; i <= 64; i++)
        if (i + entry->budget >= weight && weight + entry->budget >= i)
            weights[i] = true;
}

static int by_anchor(const void *left, const void *right)
{
    uint64_t a = ((const struct entry *)left)->anchor, b = ((const struct entry *)right)->anchor;

    return (a > b) - (a < b);
}

static void fill(struct needles *needles, const struct needle *list)
{
    size_t start = 0;

    for (size_t i = 0; i < needles->count; i++) {
        size_t anchor_at = best_anchor(list[i].bytes, list[i].count);
        memcpy(needles->bytes + start, list[i].bytes, list[i].count);
        uint64_t anchor = load(needles->bytes + start + anchor_at);
        needles->entries[i] = (struct entry){
            anchor, anchor_at, start, list[i].count, (uint32_t)i,
            decay_budget((uint32_t)(8 * list[i].count), needles->decay.probability),
        };
        allow_weights(needles->weights, &needles->entries[i]);
        needles->filter[filter_bit(anchor) / 64] |= UINT64_C(1) << filter_bit(anchor) % 64;
        start += list[i].count;
    }
    qsort(needles->entries, needles->count, sizeof *needles->entries, by_anchor);
}

struct needles *needles_create(const struct needle *list, size_t count, struct decay decay)
{
    size_t bytes = 0;

    for (size_t i = 0; i < count; i++) {
        if (list[i].count < NEEDLE_BYTES_MIN)
            return NULL;
        bytes += list[i].count;
    }
    struct needles *needles = calloc(1, sizeof *needles);
    if (needles == NULL)
        return NULL;
    needles->entries = calloc(count + 1, sizeof *needles->entries);
    needles->bytes = malloc(bytes + 1);
    needles->count = count;
    needles->decay = decay;
    if (needles->entries == NULL || needles->bytes == NULL) {
        needles_destroy(needles);
        return NULL;
    }
    fill(needles, list);
    return needles;
}

void needles_destroy(struct needles *needles)
{
    if (needles == NULL)
        return;
    free(needles->entries);
    free(needles->bytes);
    free(needles);
}

/* The needle's anchor may be at buffer + at. */
static void check(const struct needles *needles, const struct entry *entry, const uint8_t *buffer,
                  size_t bytes,
                  size_t at, struct output *output)
{
    if (at < entry->anchor_at || bytes - (at - entry->anchor_at) < entry->count)
        return;
    size_t start = at - entry->anchor_at;
    uint32_t flipped = decay_distance(needles->bytes + entry->start, buffer + start, entry->count,
                                      needles->decay.ground, entry->budget);
    if (flipped == UINT32_MAX)
        return;
    if (output->count < output->room)
        output->finds[output->count] = (struct needle_find){ start, entry->index, flipped };
    output->count++;
}

static size_t first_with(const struct needles *needles, uint64_t anchor)
{
    size_t low = 0, high = needles->count;

    while (low < high) {
        size_t middle = (low + high) / 2;
        if (needles->entries[middle].anchor < anchor)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static void find_whole(const struct needles *needles, const uint8_t *buffer, size_t bytes,
                       struct output *output)
{
    for (size_t at = 0; at + 8 <= bytes; at++) {
        uint64_t seen = load(buffer + at);
        uint32_t bit = filter_bit(seen);
        if ((needles->filter[bit / 64] >> bit % 64 & 1) == 0)
            continue;
        for (size_t i = first_with(needles, seen); i < needles->count
             && needles->entries[i].anchor == seen; i++)
            check(needles, &needles->entries[i], buffer, bytes, at, output);
    }
}

static void find_decayed(const struct needles *needles, const uint8_t *buffer, size_t bytes,
                         struct output *output)
{
    for (size_t at = 0; at + 8 <= bytes; at++) {
        uint64_t seen = load(buffer + at);
        if (!needles->weights[__builtin_popcountll(seen)])
            continue;
        for (size_t i = 0; i < needles->count; i++) {
            const struct entry *entry = &needles->entries[i];
            if (decay_flips(entry->anchor, seen, needles->decay.ground) <= entry->budget)
                check(needles, entry, buffer, bytes, at, output);
        }
    }
}

static int by_offset(const void *left, const void *right)
{
    const struct needle_find *a = left, *b = right;

    if (a->offset != b->offset)
        return a->offset < b->offset ? -1 : 1;
    return (a->needle > b->needle) - (a->needle < b->needle);
}

size_t needles_find(const struct needles *needles, const void *buffer, size_t bytes,
                    struct needle_find *finds,
                    size_t room)
{
    struct output output = { finds, room, 0 };

    if (needles->decay.probability > 0)
        find_decayed(needles, buffer, bytes, &output);
    else
        find_whole(needles, buffer, bytes, &output);
    qsort(finds, output.count < room ? output.count : room, sizeof *finds, by_offset);
    return output.count;
}
