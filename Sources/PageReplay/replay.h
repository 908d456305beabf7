/* replay.h — one run of a replay, as its policies see it. */
#pragma once
#include "page_replay.h"
#include "pager.h"

#define NEVER UINT32_MAX

struct replay {
    struct replay_input input;
    uint32_t *next;             /* of each touch: when the same page is touched next; NEVER: not again */
    uint32_t *first;            /* of each page: its first touch; NEVER: none */
    uint64_t  page_count, distinct;
    int       dram;             /* a file of memory that each run maps privately */
};

enum use : uint8_t { USE_MAPPED = 1, USE_ACCESSED = 2, USE_DIRTY = 4, USE_AHEAD = 8 };

struct run {
    const struct replay *replay;
    struct pager         pager;
    struct gcm_key       session_key;
    uint8_t             *dram;
    uint8_t             *use;       /* enum use of each page: what the nested tables know */
    uint32_t            *next;      /* of each page: its next touch */
    uint32_t            *last;      /* of each page: its last touch, plus 1 */
    struct queues       *queues;
    struct replay_counts counts;
};

/* Was the page used since last asked? Clears the marks. */
bool run_take_marks(struct run *run, slot_t slot);
static inline bool run_evictable(const struct run *run, slot_t slot)
{
    return (run->pager.slots[slot].flags & SLOT_USED) && run->pager.slots[slot].children == 0;
}

slot_t policy_lru(struct pager *pager);
slot_t policy_optimum(struct pager *pager);

/* Policies that keep slots in queues. */
struct queues *queues_create(enum replay_policy policy, uint32_t slots, uint64_t pages);
void queues_free(struct queues *queues);
void queues_inserted(struct run *run, slot_t slot);
void queues_removed(struct run *run, slot_t slot);
/* A miss has been served. */
void queues_served(struct run *run, slot_t slot);
slot_t policy_queues(struct pager *pager);
