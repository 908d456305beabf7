/* schedule.h — the words of an AES key schedule, and how they follow from each other. Private to
 * the searches. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "key_schedules.h"

#define SCHEDULE_WORDS_MAX (KEY_SCHEDULE_BYTES_MAX / 4)

struct schedule_shape {
    uint32_t words;         /* 44 or 60 */
    uint32_t key_words;     /* 4 or 8 */
};

static inline struct schedule_shape schedule_shape(uint32_t key_bytes)
{
    return (struct schedule_shape){ (uint32_t)key_schedule_bytes(key_bytes) / 4, key_bytes / 4 };
}

/* What word i is, exclusive-or word i - key_words: from word i - 1. */
uint32_t schedule_step(struct schedule_shape shape, uint32_t i, uint32_t before);

/* All words, from those at [from, from + key_words). */
void schedule_complete(struct schedule_shape shape, uint32_t *words, uint32_t from);

/* As FIPS 197 numbers them <-> as they lie in memory. */
void schedule_store(struct schedule_shape shape, const uint32_t *words, enum key_layout layout,
                    uint8_t *memory);

/* Undoes only the order of the rounds, which keeps sums what they are; the rest is
 * schedule_restore. */
void schedule_load(struct schedule_shape shape, const uint8_t *memory, enum key_layout layout,
                   uint32_t *words);
void schedule_restore(struct schedule_shape shape, uint32_t *words, enum key_layout layout);

/* Words at [first, end) tell each other by sums: all of them, unless the inner rounds are
 * transformed. */
static inline uint32_t schedule_first(enum key_layout layout) { return layout & KEY_LAYOUT_INVERSE
    ? 4 : 0; }
static inline uint32_t schedule_end(struct schedule_shape shape, enum key_layout layout)
{
    return layout & KEY_LAYOUT_INVERSE ? shape.words - 4 : shape.words;
}

/* Word i is the sum of two others. */
static inline bool schedule_is_sum(uint32_t i) { return i % 4 != 0; }
