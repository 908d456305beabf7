/* cache_sets.h — tags, and who is replaced. Private to the model. */
#pragma once
#include "cache_model.h"

#define NOT_HELD  SIZE_MAX
#define EMPTY     UINT64_MAX
#define MODIFIED  UINT64_C(1)
#define PLACE_MODIFIED 0x80u        /* as the tag says, too: a hit then need not look at the tag */

/* A tag is line number << 1 | modified. Way w of set s is tags[w * sets + s]: neighbours in memory,
 * which tend to be in the same way, are neighbours here too. */
struct cache_sets {
    uint64_t              *tags;
    uint64_t              *stamps;      /* true LRU: when last used */
    uint64_t              *trees;       /* tree-PLRU: bit n of a word is node n; 1: victim to the
                                           right */
    uint8_t               *places;      /* of each line below place_count: its way plus 1, and
                                           PLACE_MODIFIED; 0: not held */
    uint64_t               place_count;
    uint64_t               clock;
    uint64_t               random;      /* never 0 */
    uint64_t               mask;        /* set = line & mask */
    uint32_t               set_bits;    /* the mask's */
    uint32_t               ways;
    uint32_t               levels;      /* of the tree */
    enum cache_replacement replacement;
};

bool   sets_create(struct cache_sets *sets, const struct cache_config *config);
void   sets_destroy(struct cache_sets *sets);
/* Where to put `line`: an empty way if the set has one, else the policy's victim. */
size_t sets_room(struct cache_sets *sets, uint64_t line);

static inline size_t sets_at(const struct cache_sets *sets, uint64_t line, uint32_t way)
{
    return (size_t)way << sets->set_bits | (line & sets->mask);
}

static inline uint32_t sets_way(const struct cache_sets *sets, size_t at)
{
    return (uint32_t)(at >> sets->set_bits);
}

static inline size_t sets_find(const struct cache_sets *sets, uint64_t line)
{
    if (line < sets->place_count)
        return sets->places[line] != 0
            ? sets_at(sets, line, (sets->places[line] & ~PLACE_MODIFIED) - 1u) : NOT_HELD;
    for (uint32_t way = 0; way < sets->ways; way++)
        if (sets->tags[sets_at(sets, line, way)] >> 1 == line)
            return sets_at(sets, line, way);
    return NOT_HELD;
}

static inline void sets_put(struct cache_sets *sets, size_t at, uint64_t line, bool modified)
{
    sets->tags[at] = line << 1 | modified;
    if (line < sets->place_count)
        sets->places[line] = (uint8_t)((sets_way(sets, at) + 1) | (modified ? PLACE_MODIFIED : 0));
}

static inline bool sets_is_modified(const struct cache_sets *sets, size_t at)
{
    return sets->tags[at] & MODIFIED;
}

static inline void sets_modify(struct cache_sets *sets, size_t at, uint64_t line)
{
    if (line < sets->place_count) {
        if (sets->places[line] & PLACE_MODIFIED)
            return;
        sets->places[line] |= PLACE_MODIFIED;
    }
    sets->tags[at] |= MODIFIED;
}

/* The line that was there. */
static inline uint64_t sets_take(struct cache_sets *sets, size_t at)
{
    uint64_t line = sets->tags[at] >> 1;

    sets->tags[at] = EMPTY;
    if (line < sets->place_count)
        sets->places[line] = 0;
    return line;
}

static inline void sets_touch(struct cache_sets *sets, size_t at, uint64_t line)
{
    if (sets->replacement == CACHE_TRUE_LRU)
        sets->stamps[at] = ++sets->clock;
    else if (sets->replacement == CACHE_TREE_PLRU) {
        uint64_t set = line & sets->mask;
        uint64_t tree = sets->trees[set];
        uint32_t way = sets_way(sets, at), node = 1;
        for (uint32_t level = sets->levels; level-- > 0; ) {
            uint32_t right = way >> level & 1;
            tree = right ? tree & ~(UINT64_C(1) << node) : tree | UINT64_C(1) << node;
            node = 2 * node + right;
        }
        sets->trees[set] = tree;
    }
}
