#include "reference_policies.h"

#include <stdlib.h>
#include <string.h>

#include "run.h"

static struct run *run_of(struct pager *pager)
{
    return pager->context;
}

slot_t policy_lru(struct pager *pager)
{
    struct run *run = run_of(pager);
    slot_t      oldest = SLOT_NONE;
    uint32_t    least = NEVER;

    for (slot_t slot = 0; slot < pager->slot_count; slot++) {
        if (!run_evictable(run, slot))
            continue;
        page_id page = pager->slots[slot].page;
        if (page_level(page) != 0)
            return slot;        /* describes nothing that is resident */
        if (oldest == SLOT_NONE || run->last[page] < least) {
            oldest = slot;
            least = run->last[page];
        }
    }
    return oldest;
}

/* When the page, or one that it describes at whatever level, is touched next. */
static uint32_t next_touch(const struct run *run, page_id page)
{
    uint32_t shift = PAGE_ENTRIES_LOG2 * page_level(page), next = NEVER;
    uint64_t end = (uint64_t)(page_index(page) + 1) << shift;

    if (end > run->replay->page_count)
        end = run->replay->page_count;
    for (uint64_t index = (uint64_t)page_index(page) << shift; index < end; index++)
        if (run->next[index] < next)
            next = run->next[index];
    return next;
}

slot_t policy_optimum(struct pager *pager)
{
    struct run *run = run_of(pager);
    slot_t      farthest = SLOT_NONE;
    uint32_t    most = 0;

    for (slot_t slot = 0; slot < pager->slot_count; slot++) {
        if (!run_evictable(run, slot))
            continue;
        uint32_t next = next_touch(run, pager->slots[slot].page);
        if (farthest == SLOT_NONE || next > most) {
            farthest = slot;
            most = next;
        }
    }
    return farthest;
}

static uint64_t count_bound(const struct replay *replay, uint32_t slots, uint32_t *held,
                            uint32_t *next, bool *is_held)
{
    uint64_t misses = 0;
    uint32_t used = 0;

    for (uint64_t i = 0; i < replay->input.count; i++) {
        uint32_t page = replay->input.touches[i] & TOUCH_PAGE;
        next[page] = replay->next[i];
        if (is_held[page])
            continue;
        uint32_t slot = used;
        misses++;
        if (used < slots) {
            used++;
        } else {
            slot = 0;
            for (uint32_t other = 1; other < slots; other++)
                if (next[held[other]] > next[held[slot]])
                    slot = other;
            is_held[held[slot]] = false;
        }
        held[slot] = page;
        is_held[page] = true;
    }
    return misses;
}

uint64_t replay_bound(const struct replay *replay, uint32_t slots)
{
    uint32_t *held = malloc(slots * sizeof *held);
    uint32_t *next = malloc(replay->page_count * sizeof *next);
    bool     *is_held = calloc(replay->page_count, sizeof *is_held);
    uint64_t  misses = held && next
        && is_held ? count_bound(replay, slots, held, next, is_held) : UINT64_MAX;

    free(held);
    free(next);
    free(is_held);
    return misses;
}
