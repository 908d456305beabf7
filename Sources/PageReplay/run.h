/* run.h — one run of a replay: the pager, and what stands in for the machine around it. */
#pragma once
#include "page_replay.h"
#include "pager.h"

#define NEVER UINT32_MAX

struct replay {
    struct replay_input input;
    uint32_t *next;             /* of each touch: when the same page is touched next; NEVER: not
                                   again */
    uint32_t *first;            /* of each page: its first touch; NEVER: none */
    uint64_t  page_count, distinct;
    int       dram;             /* a file of memory that each run maps privately */
};

/* Beside the flags of enum page_use. */
#define USE_MAPPED 1u

struct queues;                  /* queues.h */

struct run {
    const struct replay *replay;
    struct pager         pager;
    struct gcm_key       session_key;
    uint8_t             *dram;
    uint8_t             *use;       /* of each page: as in nested tables */
    uint32_t            *next;      /* of each page: its next touch */
    uint32_t            *last;      /* of each page: its last touch, plus 1 */
    struct queues       *queues;    /* NULL: the policy has none */
    struct replay_counts counts;
};

/* Of a slot with a level-0 page. */
uint8_t *run_use(struct run *run, slot_t slot);
/* Was its page accessed since last asked? Clears the mark. */
enum page_use run_take_accessed(struct run *run, slot_t slot);
/* The same of any page, and of both its marks: the tables' and the pager's own. */
bool run_take_marks(struct run *run, slot_t slot);

static inline bool run_evictable(const struct run *run, slot_t slot)
{
    return (run->pager.slots[slot].flags & SLOT_USED) && run->pager.slots[slot].children == 0;
}
