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
    return power_of_two(geometry.line_bytes) && geometry.line_bytes >= 16
        && geometry.line_bytes <= 4096
        && power_of_two(geometry.sets) && geometry.sets <= 1u << 24
        && geometry.ways >= 1 && geometry.ways <= 64
        && geometry.index <= CACHE_INDEX_UNKNOWN && geometry.replacement <= CACHE_RANDOM
        && (geometry.replacement != CACHE_TREE_PLRU || power_of_two(geometry.ways))
        && geometry.slices >= 1 && (geometry.slices == 1 || geometry.index != CACHE_INDEX_PLAIN);
}

bool sets_create(struct cache_sets *sets, const struct cache_config *config)
{
    struct cache_geometry geometry = config->geometry;
    uint64_t places = config->mapped_bytes / geometry.line_bytes;
    size_t count = effective_sets(geometry), lines = count * geometry.ways;

    *sets = (struct cache_sets){
        .tags = malloc(lines * sizeof(uint64_t)),
        .stamps = calloc(lines, sizeof(uint64_t)),
        .trees = calloc(count, sizeof(uint64_t)),
        .places = places != 0 ? calloc(places, 1) : NULL,
        .place_count = places,
        .random = config->seed != 0 ? config->seed : 1,
        .mask = count - 1,
        .set_bits = (uint32_t)__builtin_ctzll(count),
        .ways = geometry.ways,
        .levels = 31 - (uint32_t)__builtin_clz(geometry.ways),
        .replacement = geometry.replacement,
    };
    if (!sets->tags || !sets->stamps || !sets->trees || (places != 0 && !sets->places)) {
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
    free(sets->places);
    *sets = (struct cache_sets){ 0 };
}

static uint32_t oldest(const struct cache_sets *sets, uint64_t line)
{
    uint32_t victim = 0;

    for (uint32_t way = 1; way < sets->ways; way++)
        if (sets->stamps[sets_at(sets, line, way)] < sets->stamps[sets_at(sets, line, victim)])
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

static uint32_t victim(struct cache_sets *sets, uint64_t line)
{
    switch (sets->replacement) {
    case CACHE_TRUE_LRU: return oldest(sets, line);
    case CACHE_TREE_PLRU: return leaf(sets->trees[line & sets->mask], sets->levels);
    case CACHE_RANDOM: break;
    }
    return draw(&sets->random, sets->ways);
}

size_t sets_room(struct cache_sets *sets, uint64_t line)
{
    for (uint32_t way = 0; way < sets->ways; way++)
        if (sets->tags[sets_at(sets, line, way)] == EMPTY)
            return sets_at(sets, line, way);
    return sets_at(sets, line, victim(sets, line));
}
