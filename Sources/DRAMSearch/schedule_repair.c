#include "schedule_repair.h"

#include <string.h>

#define ROUNDS_OF_VOTES 40

/* Bits in which word i is not the sum of the two it comes from. */
static uint32_t failing(struct schedule_shape shape, const uint32_t *words, uint32_t i)
{
    return words[i] ^ words[i - 1] ^ words[i - shape.key_words];
}

uint32_t schedule_sum_failures(struct schedule_shape shape, const uint32_t *words, uint32_t first,
                               uint32_t end,
                               uint32_t limit)
{
    uint32_t failures = 0;

    for (uint32_t i = first + shape.key_words; i < end && failures <= limit; i++)
        if (schedule_is_sum(i))
            failures += (uint32_t)__builtin_popcount(failing(shape, words, i));
    return failures;
}

uint32_t schedule_step_failures(struct schedule_shape shape, const uint32_t *words, uint32_t first,
                                uint32_t end,
                                uint32_t limit)
{
    uint32_t failures = 0;

    for (uint32_t i = first + shape.key_words; i < end && failures <= limit; i += 4)
        failures += (uint32_t)__builtin_popcount(
            words[i] ^ words[i - shape.key_words] ^ schedule_step(shape, i, words[i - 1]));
    return failures;
}

/* Each bit of `all`: every sum that word i is part of fails there; of `most`: more fail than hold.
 * */
static void vote(struct schedule_shape shape, const uint32_t *words, uint32_t i, uint32_t first,
                 uint32_t end,
                 uint32_t *all, uint32_t *most)
{
    uint32_t sums[3], count = 0;

    if (schedule_is_sum(i) && i >= first + shape.key_words)
        sums[count++] = failing(shape, words, i);
    if (schedule_is_sum(i + 1) && i + 1 >= first + shape.key_words && i + 1 < end)
        sums[count++] = failing(shape, words, i + 1);
    if (schedule_is_sum(i) && i + shape.key_words < end)
        sums[count++] = failing(shape, words, i + shape.key_words);
    *all = count < 2 ? 0 : count == 2 ? sums[0] & sums[1] : sums[0] & sums[1] & sums[2];
    *most = count < 3 ? *all : (sums[0] & sums[1]) | (sums[0] & sums[2]) | (sums[1] & sums[2]);
}

/* Word i of every fourth stands in one sum that can mend it: the one of its right neighbour. */
static void mend_from_neighbour(struct schedule_shape shape, uint32_t *words, uint32_t first,
                                uint32_t end,
                                const uint32_t *may_flip)
{
    for (uint32_t i = first + shape.key_words; i + 1 < end; i += 4)
        words[i] ^= failing(shape, words, i + 1) & may_flip[i];
}

/* Flips what the votes say; only where all agree, if that is anywhere. False: no vote is left. */
static bool flip_once(struct schedule_shape shape, uint32_t *words, uint32_t first, uint32_t end,
                      const uint32_t *may_flip)
{
    uint32_t all[SCHEDULE_WORDS_MAX], most[SCHEDULE_WORDS_MAX], any_all = 0, any_most = 0;

    for (uint32_t i = first; i < end; i++) {
        vote(shape, words, i, first, end, &all[i], &most[i]);
        any_all |= all[i] &= may_flip[i];
        any_most |= most[i] &= may_flip[i];
    }
    for (uint32_t i = first; i < end; i++)
        words[i] ^= any_all ? all[i] : most[i];
    return any_most != 0;
}

void schedule_repair(struct schedule_shape shape, uint32_t *words, uint32_t first, uint32_t end,
                     enum decay_ground ground)
{
    uint32_t may_flip[SCHEDULE_WORDS_MAX];

    for (uint32_t i = first; i < end; i++)
        may_flip[i] = ground == DECAY_TO_0 ? ~words[i] : ground == DECAY_TO_1
            ? words[i] : UINT32_MAX;
    for (uint32_t round = 0; round < ROUNDS_OF_VOTES; round++)
        if (!flip_once(shape, words, first, end, may_flip))
            break;
    mend_from_neighbour(shape, words, first, end, may_flip);
}
