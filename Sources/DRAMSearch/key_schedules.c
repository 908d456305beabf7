#include "key_schedules.h"

#include <string.h>

#include "schedule.h"
#include "schedule_repair.h"

/* Wrong bits that are tolerated. */
struct tolerance {
    struct decay decay;
    uint32_t     two_sums;      /* of the 64 bits of two sums: the first look */
};

/* A find, and how many bits of it fail to follow from each other. */
struct guess {
    struct key_find find;
    uint32_t        failures;
};

struct search {
    struct tolerance tolerance;
    const uint8_t   *buffer;
    size_t           bytes;
    struct key_find *finds;
    size_t           room, count;
    struct guess     last;
};

static const enum key_layout forward_layouts[] = { KEY_FORWARD, KEY_FORWARD_SWAPPED };
static const enum key_layout reversed_layouts[] = {
    KEY_INVERSE, KEY_REVERSED, KEY_INVERSE_SWAPPED, KEY_REVERSED_SWAPPED,
};

static uint64_t load(const uint8_t *at)
{
    uint64_t word;

    memcpy(&word, at, sizeof word);
    return word;
}

/* A sum of three bits is wrong when one or three of them are. */
static double sum_error(double bit_error)
{
    double right = 1 - 2 * bit_error;

    return (1 - right * right * right) / 2;
}

/* Half-way between what decay makes fail and the half of all that fails in random words: wrong bits
 * come in clusters, since each stands in three sums. */
static uint32_t sum_limit(uint32_t bits, double bit_error)
{
    return bit_error == 0 ? 0 : (uint32_t)(bits * (sum_error(bit_error) + 0.5) / 2);
}

/* An expanded key has as many ones as zeroes; blank and sparse memory fulfils sums without being
 * one. */
static bool is_balanced(const uint8_t *at, size_t bytes)
{
    uint32_t ones = 0, bits = (uint32_t)(8 * bytes);

    for (size_t i = 0; i < bytes; i += 8)
        ones += (uint32_t)__builtin_popcountll(load(at + i));
    return ones > bits / 4 && ones < bits / 4 * 3;
}

/* The key whose schedule lies nearest to `memory`, from each run of words that could have made all
 * others. */
static bool recover(const struct search *search, struct schedule_shape shape, const uint32_t *words,
                    const uint8_t *memory, struct key_find *find)
{
    double error = search->tolerance.decay.probability;
    uint32_t first = schedule_first(find->layout), end = schedule_end(shape, find->layout);
    uint32_t budget = decay_budget(32 * shape.words, error);

    find->is_recovered = 0;
    for (uint32_t from = first; from + shape.key_words <= end; from += 4) {
        uint32_t whole[SCHEDULE_WORDS_MAX];
        uint8_t stored[KEY_SCHEDULE_BYTES_MAX];
        memcpy(whole + from, words + from, 4 * shape.key_words);
        schedule_complete(shape, whole, from);
        schedule_store(shape, whole, find->layout, stored);
        uint32_t flipped = decay_distance(stored, memory, 4 * shape.words,
                                          search->tolerance.decay.ground, budget);
        if (flipped == UINT32_MAX || (find->is_recovered && flipped >= find->flipped))
            continue;
        find->is_recovered = 1;
        find->flipped = flipped;
        memcpy(find->key, whole, find->key_bytes);
    }
    return find->is_recovered;
}

/* In random words half of the bits fail: a quarter is nine standard deviations away from that. */
static uint32_t step_limit(const struct search *search, uint32_t first, uint32_t end,
                           uint32_t key_words)
{
    return search->tolerance.decay.probability == 0 ? 0 : (end - first - key_words) / 4 * 32 / 4;
}

static bool is_schedule(const struct search *search, uint32_t key_bytes, enum key_layout layout,
                        const uint8_t *memory, struct guess *guess)
{
    struct schedule_shape shape = schedule_shape(key_bytes);
    uint32_t first = schedule_first(layout), end = schedule_end(shape, layout),
        words[SCHEDULE_WORDS_MAX];
    uint32_t limit = step_limit(search, first, end, shape.key_words);

    schedule_load(shape, memory, layout, words);
    if (search->tolerance.decay.probability > 0)
        schedule_repair(shape, words, first, end, search->tolerance.decay.ground);
    schedule_restore(shape, words, layout);
    guess->failures = schedule_step_failures(shape, words, first, end, limit);
    if (guess->failures > limit)
        return false;
    guess->find = (struct key_find){ .offset = (uint64_t)(memory - search->buffer),
        .key_bytes = key_bytes,
                                     .layout = layout };
    return recover(search, shape, words, memory, &guess->find)
        || search->tolerance.decay.probability > 0;
}

/* A schedule that is looked at a round or two beside its beginning still follows from itself in
 * most bits. */
static bool is_shadow(const struct search *search, const struct guess *guess)
{
    const struct key_find *last = &search->last.find;

    return search->count > 0
        && guess->find.offset < last->offset + key_schedule_bytes(last->key_bytes);
}

static bool is_better(const struct guess *left, const struct guess *right)
{
    if (left->find.is_recovered != right->find.is_recovered)
        return left->find.is_recovered;
    return left->failures < right->failures;
}

static void keep(struct search *search, const struct guess *guess)
{
    bool is_other = !is_shadow(search, guess);

    if (!is_other && !is_better(guess, &search->last))
        return;
    search->count += is_other;
    search->last = *guess;
    if (search->count <= search->room)
        search->finds[search->count - 1] = guess->find;
}

/* Two sums hold at `at`: do all? Those of the inner rounds hold in every layout. */
static void look_closer(struct search *search, size_t at, uint32_t key_bytes, bool is_reversed)
{
    struct schedule_shape shape = schedule_shape(key_bytes);
    const uint8_t *memory = search->buffer + at;
    uint32_t words[SCHEDULE_WORDS_MAX], sums = (shape.words - 8 - shape.key_words) / 4 * 3;
    uint32_t limit = sum_limit(32 * sums, search->tolerance.decay.probability);

    if (search->bytes - at < 4 * shape.words || !is_balanced(memory, 64))
        return;
    schedule_load(shape, memory, is_reversed ? KEY_REVERSED : KEY_FORWARD, words);
    if (schedule_sum_failures(shape, words, 4, shape.words - 4, limit) > limit)
        return;
    const enum key_layout *layouts = is_reversed ? reversed_layouts : forward_layouts;
    size_t count = is_reversed
        ? sizeof reversed_layouts / sizeof *layouts : sizeof forward_layouts / sizeof *layouts;
    for (size_t i = 0; i < count; i++) {
        struct guess guess;
        if (is_schedule(search, key_bytes, layouts[i], memory, &guess))
            keep(search, &guess);
    }
}

size_t key_schedules_find(struct decay decay, const void *buffer, size_t bytes,
                          struct key_find *finds, size_t room)
{
    struct search search = {
        .tolerance = { decay,
            decay.probability == 0 ? 0 : decay_budget(64, sum_error(decay.probability)) + 3 },
        .buffer = buffer, .bytes = bytes, .finds = finds, .room = room,
    };
    uint32_t limit = search.tolerance.two_sums;

    /* Words 2 and 3 of a round key: sums of words 1 and 2 before them, and 2 and 3 of the round key
     * 1 or 2 earlier. */
    for (size_t at = 0; at + key_schedule_bytes(16) <= bytes; at++) {
        const uint8_t *memory = search.buffer + at;
        uint64_t second = load(memory + 24) ^ load(memory + 20),
            third = load(memory + 40) ^ load(memory + 36);
        uint64_t key = load(memory + 8);
        if ((uint32_t)__builtin_popcountll(second ^ key) <= limit)
            look_closer(&search, at, 16, false);
        if ((uint32_t)__builtin_popcountll(third ^ key) <= limit)
            look_closer(&search, at, 32, false);
        if ((uint32_t)__builtin_popcountll(second ^ load(memory + 40)) <= limit)
            look_closer(&search, at, 16, true);
        if ((uint32_t)__builtin_popcountll(second ^ load(memory + 56)) <= limit)
            look_closer(&search, at, 32, true);
    }
    return search.count;
}
