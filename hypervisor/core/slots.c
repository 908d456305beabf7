/* slots.c — which slot holds which page, and whom to evict.
 *
 * Pages are found by hashing, and slots of one bucket are chained through the slots themselves: a
 * page comes and goes by one link.
 */
#include "slots.h"

/* Where the page's chain begins. */
static slot_t *bucket_of(const struct pager *pager, page_id page)
{
    uint32_t hash = page * UINT32_C(0x9E3779B1);

    return &pager->buckets[(uint64_t)hash * pager_bucket_count(pager->slot_count) >> 32];
}

void pager_start(struct pager *pager)
{
    for (uint32_t i = 0; i < pager->slot_count; i++)
        pager->slots[i] = (struct slot){0};
    for (uint32_t i = 0; i < pager_bucket_count(pager->slot_count); i++)
        pager->buckets[i] = SLOT_NONE;
    pager->used = 0;
    pager->hand = 0;
    pager->needed = NEXT_PAGE;
    pager->recent_count = 0;
}

slot_t pager_find(const struct pager *pager, page_id page)
{
    slot_t slot = *bucket_of(pager, page);

    while (slot != SLOT_NONE && pager->slots[slot].page != page)
        slot = pager->slots[slot].next;
    return slot;
}

slot_t slots_free(const struct pager *pager)
{
    if (pager->used == pager->slot_count)
        return SLOT_NONE;

    /* While the table fills for the first time, that is slot number `used`. */
    slot_t slot = pager->used;

    while (pager->slots[slot].flags & SLOT_USED)
        slot = (slot + 1) % pager->slot_count;
    return slot;
}

void slots_insert(struct pager *pager, slot_t slot, page_id page, slot_t parent)
{
    slot_t *bucket = bucket_of(pager, page);

    pager->slots[slot] = (struct slot){
        .page = page, .parent = parent, .next = *bucket, .flags = SLOT_USED};
    *bucket = slot;
    pager->used++;
}

void slots_remove(struct pager *pager, slot_t slot)
{
    slot_t *link = bucket_of(pager, pager->slots[slot].page);

    while (*link != slot)
        link = &pager->slots[*link].next;
    *link = pager->slots[slot].next;
    pager->slots[slot] = (struct slot){0};
    pager->used--;
}

static bool evictable(const struct pager *pager, slot_t slot)
{
    return (pager->slots[slot].flags & SLOT_USED) && pager->slots[slot].children == 0;
}

static slot_t hand_advance(struct pager *pager)
{
    slot_t slot = pager->hand;

    pager->hand = slot + 1 == pager->slot_count ? 0 : slot + 1;
    return slot;
}

bool slots_take_marks(struct pager *pager, slot_t slot)
{
    struct slot *s = &pager->slots[slot];
    uint8_t marks = s->flags;

    if (page_level(s->page) == 0)
        marks |= pager->ops->take_use(pager->context, slot);
    s->flags = marks & (uint8_t)~SLOT_REFERENCED;
    return marks & SLOT_REFERENCED;
}

/* With `patience` each use that the hand finds earns a page one turn, up to that many, and each
 * turn without use costs it one (GCLOCK: A. J. Smith, "Sequentiality and prefetching in database
 * systems", 1978). After patience + 1 rounds every page has lost its turns, unless the guest uses
 * pages faster than the hand goes round. Then the last evictable one that was seen is taken:
 * SLOT_NONE says that there is none.
 */
slot_t pager_policy_clock(struct pager *pager)
{
    slot_t fallback = SLOT_NONE;

    for (uint64_t step = 0; step < (pager->patience + UINT64_C(2)) * pager->slot_count; step++) {
        slot_t slot = hand_advance(pager);
        struct slot *s = &pager->slots[slot];

        if (!evictable(pager, slot))
            continue;
        fallback = slot;
        if (slots_take_marks(pager, slot))
            s->turns += s->turns < pager->patience;
        else if (s->turns > 0)
            s->turns--;
        else
            return slot;
    }
    return fallback;
}

/* A victim's slot is refilled at once, so the order of slots is the order of opening. */
slot_t pager_policy_fifo(struct pager *pager)
{
    for (uint32_t step = 0; step < pager->slot_count; step++) {
        slot_t slot = hand_advance(pager);

        if (evictable(pager, slot))
            return slot;
    }
    return SLOT_NONE;
}
