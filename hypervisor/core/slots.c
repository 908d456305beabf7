/* slots.c — which slot holds which page, and whom to evict.
 *
 * Pages are found by open addressing with linear probing. Removal shifts later entries back, so there are no
 * tombstones and a probe is as short after a million evictions as at the start.
 */
#include "slots.h"

static uint32_t bucket_wanted(const struct pager *pager, page_id page)
{
    int log2 = __builtin_ctz(pager->bucket_count);

    return (uint32_t)((uint64_t)(page * UINT32_C(0x9E3779B1)) >> (32 - log2));
}

static uint32_t bucket_next(const struct pager *pager, uint32_t bucket)
{
    return (bucket + 1) & (pager->bucket_count - 1);
}

/* The page's bucket, or the empty one where the search for it ends. */
static uint32_t bucket_of(const struct pager *pager, page_id page)
{
    uint32_t bucket = bucket_wanted(pager, page);

    while (pager->buckets[bucket] != SLOT_NONE && pager->slots[pager->buckets[bucket]].page != page)
        bucket = bucket_next(pager, bucket);
    return bucket;
}

uint32_t pager_bucket_count(uint32_t slot_count)
{
    uint32_t buckets = 1;

    while (buckets < 2 * slot_count)
        buckets *= 2;
    return buckets;
}

void slots_clear(struct pager *pager)
{
    for (uint32_t i = 0; i < pager->slot_count; i++)
        pager->slots[i] = (struct slot){0};
    for (uint32_t i = 0; i < pager->bucket_count; i++)
        pager->buckets[i] = SLOT_NONE;
    pager->used = 0;
    pager->hand = 0;
    pager->newcomer = SLOT_NONE;
}

slot_t pager_find(const struct pager *pager, page_id page)
{
    return pager->buckets[bucket_of(pager, page)];
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

void slots_insert(struct pager *pager, slot_t slot, page_id page)
{
    pager->slots[slot] = (struct slot){.page = page, .flags = SLOT_USED};
    pager->buckets[bucket_of(pager, page)] = slot;
    pager->used++;
}

/* Moves back each entry behind the gap that could not be found across it. */
static void close_gap(struct pager *pager, uint32_t gap)
{
    uint32_t mask = pager->bucket_count - 1;

    for (uint32_t at = bucket_next(pager, gap);; at = bucket_next(pager, at)) {
        slot_t slot = pager->buckets[at];

        if (slot == SLOT_NONE)
            break;

        uint32_t wanted = bucket_wanted(pager, pager->slots[slot].page);

        if (((at - wanted) & mask) >= ((at - gap) & mask)) {
            pager->buckets[gap] = slot;
            gap = at;
        }
    }
    pager->buckets[gap] = SLOT_NONE;
}

void slots_remove(struct pager *pager, slot_t slot)
{
    close_gap(pager, bucket_of(pager, pager->slots[slot].page));
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
    bool used = s->flags & SLOT_REFERENCED;

    s->flags &= (uint8_t)~SLOT_REFERENCED;
    if (page_level(s->page) == 0)
        used |= pager->ops->accessed(pager->context, page_index(s->page));
    return used;
}

/* With patience a page that is found used has one more turn in store, up to so many, and loses one when it is not
 * (GCLOCK: A. J. Smith, "Sequentiality and prefetching in database systems", 1978). The first turns may only do that;
 * then an unused page is found, unless pages are used faster than the hand turns. The last one seen must do: SLOT_NONE
 * is to mean that nothing is evictable.
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
