#include "cache_sets.h"

#include <stdlib.h>
#include <string.h>

static uint64_t effective_sets(struct cache_geometry geometry)
{
    return geometry.index == CACHE_INDEX_UNKNOWN ? 1 : geometry.sets;
}

static bool power_of_two(uint64_t value)
{
    return value != 0 && (value & (value - 1)) == 0;
}

uint64_t cache_nominal_bytes(struct cache_geometry geometry)
{
    return (uint64_t)geometry.line_bytes * geometry.sets * geometry.ways * geometry.slices;
}

uint64_t cache_usable_bytes(struct cache_geometry geometry)
{
    return geometry.line_bytes * effective_sets(geometry) * geometry.ways;
}

bool cache_geometry_valid(struct cache_geometry geometry)
{
    return power_of_two(geometry.line_bytes) && geometry.line_bytes >= 16 && geometry.line_bytes <= 4096
        && power_of_two(geometry.sets) && geometry.sets <= 1u << 24
        && geometry.ways >= 1 && geometry.ways <= 64
        && geometry.index <= CACHE_INDEX_UNKNOWN && geometry.replacement <= CACHE_RANDOM
        && (geometry.replacement != CACHE_TREE_PLRU || power_of_two(geometry.ways))
        && geometry.slices >= 1 && (geometry.slices == 1 || geometry.index != CACHE_INDEX_PLAIN);
}

bool sets_create(struct cache_sets *sets, struct cache_geometry geometry, uint64_t seed)
{
    size_t count = effective_sets(geometry), lines = count * geometry.ways;

    *sets = (struct cache_sets){
        .tags = malloc(lines * sizeof(uint64_t)),
        .stamps = calloc(lines, sizeof(uint64_t)),
        .trees = calloc(count, sizeof(uint64_t)),
        .random = seed != 0 ? seed : 1,
        .mask = count - 1,
        .ways = geometry.ways,
        .levels = 31 - (uint32_t)__builtin_clz(geometry.ways),
        .replacement = geometry.replacement,
    };
    if (!sets->tags || !sets->stamps || !sets->trees) {
        sets_destroy(sets);
        return false;
    }
    memset(sets->tags, 0xFF, lines * sizeof(uint64_t));
    return true;
}

void sets_destroy(struct cache_sets *sets)
{
    free(sets->tags);
    free(sets->stamps);
    free(sets->trees);
    *sets = (struct cache_sets){ 0 };
}

static uint32_t oldest(const uint64_t *stamps, uint32_t ways)
{
    uint32_t victim = 0;

    for (uint32_t way = 1; way < ways; way++)
        if (stamps[way] < stamps[victim])
            victim = way;
    return victim;
}

static uint32_t leaf(uint64_t tree, uint32_t levels)
{
    uint32_t node = 1;

    for (uint32_t level = 0; level < levels; level++)
        node = 2 * node + (uint32_t)(tree >> node & 1);
    return node - (1u << levels);
}

/* Source: Marsaglia, "Xorshift RNGs" (2003), and Vigna's multiplier: xorshift64*. */
static uint32_t draw(uint64_t *state, uint32_t below)
{
    uint64_t x = *state;

    x ^= x >> 12;
    x ^= x << 25;
    x ^= x >> 27;
    *state = x;
    return (uint32_t)(((x * UINT64_C(0x2545F4914F6CDD1D)) >> 32) * below >> 32);
}

size_t sets_room(struct cache_sets *sets, uint64_t line)
{
    uint64_t set = line & sets->mask;
    size_t   first = (size_t)set * sets->ways;

    for (uint32_t way = 0; way < sets->ways; way++)
        if (sets->tags[first + way] == EMPTY)
            return first + way;
    switch (sets->replacement) {
    case CACHE_TRUE_LRU: return first + oldest(&sets->stamps[first], sets->ways);
    case CACHE_TREE_PLRU: return first + leaf(sets->trees[set], sets->levels);
    case CACHE_RANDOM: break;
    }
    return first + draw(&sets->random, sets->ways);
}
