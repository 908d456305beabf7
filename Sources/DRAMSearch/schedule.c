#include "schedule.h"

#include <string.h>

#include "aes.h"

static uint32_t round_constant(uint32_t number)
{
    uint32_t constant = 1;

    while (--number > 0)
        constant = aes_doubled(constant);
    return constant;
}

uint32_t schedule_step(struct schedule_shape shape, uint32_t i, uint32_t before)
{
    if (i % shape.key_words == 0)
        return aes_substituted(aes_rotated(before)) ^ round_constant(i / shape.key_words);
    return i % 4 == 0 ? aes_substituted(before) : before;
}

void schedule_complete(struct schedule_shape shape, uint32_t *words, uint32_t from)
{
    for (uint32_t i = from + shape.key_words; i < shape.words; i++)
        words[i] = words[i - shape.key_words] ^ schedule_step(shape, i, words[i - 1]);
    for (uint32_t i = from + shape.key_words; i-- > shape.key_words; )
        words[i - shape.key_words] = words[i] ^ schedule_step(shape, i, words[i - 1]);
}

static uint32_t place_in_memory(struct schedule_shape shape, uint32_t i, enum key_layout layout)
{
    return layout & KEY_LAYOUT_REVERSED ? shape.words - 4 - i / 4 * 4 + i % 4 : i;
}

void schedule_load(struct schedule_shape shape, const uint8_t *memory, enum key_layout layout,
                   uint32_t *words)
{
    for (uint32_t i = 0; i < shape.words; i++)
        memcpy(&words[i], memory + 4 * place_in_memory(shape, i, layout), 4);
}

void schedule_restore(struct schedule_shape shape, uint32_t *words, enum key_layout layout)
{
    for (uint32_t i = 0; i < shape.words; i++) {
        if (layout & KEY_LAYOUT_SWAPPED)
            words[i] = __builtin_bswap32(words[i]);
        if (layout & KEY_LAYOUT_INVERSE && i >= 4 && i < shape.words - 4)
            words[i] = aes_mixed(words[i]);
    }
}

void schedule_store(struct schedule_shape shape, const uint32_t *words, enum key_layout layout,
                    uint8_t *memory)
{
    for (uint32_t i = 0; i < shape.words; i++) {
        uint32_t word = words[i];
        if (layout & KEY_LAYOUT_INVERSE && i >= 4 && i < shape.words - 4)
            word = aes_unmixed(word);
        if (layout & KEY_LAYOUT_SWAPPED)
            word = __builtin_bswap32(word);
        memcpy(memory + 4 * place_in_memory(shape, i, layout), &word, 4);
    }
}

void key_schedule_expand(const uint8_t *key, uint32_t key_bytes, enum key_layout layout,
                         uint8_t *schedule)
{
    struct schedule_shape shape = schedule_shape(key_bytes);
    uint32_t words[SCHEDULE_WORDS_MAX];

    memcpy(words, key, key_bytes);
    schedule_complete(shape, words, 0);
    schedule_store(shape, words, layout, schedule);
}
