/* cache_sets.h — tags, and who is replaced. Private to the model. */
#pragma once
#include "cache_model.h"

#define NOT_HELD  SIZE_MAX
#define EMPTY     UINT64_MAX
#define MODIFIED  UINT64_C(1)

/* A tag is line number << 1 | modified. Way w of set s is tags[s * ways + w]. */
struct cache_sets {
    uint64_t              *tags;
    uint64_t              *stamps;      /* true LRU: when last used */
    uint64_t              *trees;       /* tree-PLRU: bit n of a word is node n; 1: victim to the right */
    uint64_t               clock;
    uint64_t               random;      /* never 0 */
    uint64_t               mask;        /* set = line & mask */
    uint32_t               ways;
    uint32_t               levels;      /* of the tree */
    enum cache_replacement replacement;
};

bool   sets_create(struct cache_sets *sets, struct cache_geometry geometry, uint64_t seed);
void   sets_destroy(struct cache_sets *sets);
/* Where to put `line`: an empty way if the set has one, else the policy's victim. */
size_t sets_room(struct cache_sets *sets, uint64_t line);

static inline size_t sets_find(const struct cache_sets *sets, uint64_t line)
{
    size_t first = (size_t)(line & sets->mask) * sets->ways;

    for (uint32_t way = 0; way < sets->ways; way++)
        if (sets->tags[first + way] >> 1 == line)
            return first + way;
    return NOT_HELD;
}

static inline void sets_touch(struct cache_sets *sets, size_t at, uint64_t line)
{
    if (sets->replacement == CACHE_TRUE_LRU)
        sets->stamps[at] = ++sets->clock;
    else if (sets->replacement == CACHE_TREE_PLRU) {
        uint64_t set = line & sets->mask;
        uint64_t tree = sets->trees[set];
        uint32_t way = (uint32_t)(at - (size_t)set * sets->ways), node = 1;
        for (uint32_t level = sets->levels; level-- > 0; ) {
            uint32_t right = way >> level & 1;
            tree = right ? tree & ~(UINT64_C(1) << node) : tree | UINT64_C(1) << node;
            node = 2 * node + right;
        }
        sets->trees[set] = tree;
    }
}
