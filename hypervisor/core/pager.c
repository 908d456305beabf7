/* pager.c — opening and sealing pages, and the tree that vouches for them.
 *
 * A metadata page stays resident while any page that it describes does: an eviction then always
 * finds the entry that it must update, and never has to open a page in order to close one.
 * `children` counts those pages, and is raised before a slot is sought, so that the search cannot
 * evict the path that it is meant to extend.
 */
#include "pager.h"

#include "bytes.h"
#include "slots.h"

/* In units of a neighbourhood. With fewer, pages opened ahead could push out what the guest's next
 * instruction needs. */
#define SLOTS_TO_SPARE 16u

static uint64_t cycles_now(void)
{
    return __builtin_ia32_rdtsc();
}

/* What describes the page: the root, or an entry of its parent, which stays in its slot for as long
 * as the page does. */
static struct page_entry *entry_of(struct pager *pager, page_id page, slot_t parent)
{
    if (parent == SLOT_NONE)
        return &pager->root;

    struct page_entry *entries = pager_frame(pager, parent);

    return &entries[page_entry_index(page)];
}

static void *home_of(struct pager *pager, page_id page)
{
    return pager->ops->dram(pager->context, page_home(&pager->geometry, page));
}

void pager_use_policy(struct pager *pager, enum image_policy policy, bool keeps_use)
{
    bool is_patient = policy == POLICY_GCLOCK_AHEAD && keeps_use;

    pager->policy = policy == POLICY_FIFO ? pager_policy_fifo : pager_policy_clock;
    pager->patience = is_patient ? PAGER_PATIENCE : 0;
    pager->ahead = is_patient ? PAGER_AHEAD : 1;
}

static enum pager_status seal(struct pager *pager, slot_t slot)
{
    page_id page = pager->slots[slot].page;
    slot_t parent = pager->slots[slot].parent;
    uint64_t start = cycles_now();

    if (pager->counter == UINT64_MAX)
        return PAGER_COUNTER_USED_UP;
    pager->counter++;
    page_seal(pager->session_key, page, PAGE_SEALED, pager->counter, pager_frame(pager, slot),
              home_of(pager, page), entry_of(pager, page, parent));
    if (parent != SLOT_NONE)
        pager->slots[parent].flags |= SLOT_DIRTY | SLOT_REFERENCED;
    pager->ops->event(pager->context, PAGER_SEALED, page, PAGE_SEALED, cycles_now() - start);
    return PAGER_OK;
}

static enum pager_status evict(struct pager *pager, slot_t slot)
{
    page_id page = pager->slots[slot].page;
    slot_t parent = pager->slots[slot].parent;

    if (page_level(page) == 0)
        pager->slots[slot].flags |= pager->ops->unmap(pager->context, slot);
    if (pager->slots[slot].flags & SLOT_DIRTY) {
        enum pager_status status = seal(pager, slot);

        if (status != PAGER_OK)
            return status;
    } else {
        pager->ops->event(pager->context, PAGER_DROPPED, page,
                          entry_of(pager, page, parent)->state, 0);
    }
    slots_remove(pager, slot);
    if (parent != SLOT_NONE)
        pager->slots[parent].children--;
    return PAGER_OK;
}

static enum pager_status take_slot(struct pager *pager, slot_t *slot)
{
    *slot = slots_free(pager);
    if (*slot != SLOT_NONE)
        return PAGER_OK;
    *slot = pager->policy(pager);
    if (*slot == SLOT_NONE)
        return PAGER_NO_VICTIM;
    return evict(pager, *slot);
}

/* An entry comes from an authenticated page, so a malformed one is our own bug: refused all the
 * same. */
static bool fill(struct pager *pager, page_id page, slot_t parent, void *frame)
{
    struct page_entry *entry = entry_of(pager, page, parent);
    const struct gcm_key *key = entry->state == PAGE_IMAGED ? pager->image_key : pager->session_key;

    switch (entry->state) {
    case PAGE_SHARED:
        if (page_level(page) != 0)
            return false;
        pager->ops->take_back(pager->context, page_index(page));
        *entry = (struct page_entry){0};
        pager->slots[parent].flags |= SLOT_DIRTY;
        [[fallthrough]];
    case PAGE_BLANK:
        bytes_wipe(frame, PAGE_BYTES);
        return true;
    case PAGE_IMAGED:
    case PAGE_SEALED:
        return page_open(key, page, entry, home_of(pager, page), frame);
    }
    return false;
}

/* Opens a page whose parent is resident, in slot `parent`. */
static enum pager_status open_page(struct pager *pager, page_id page, slot_t parent, slot_t *slot)
{
    if (parent != SLOT_NONE)
        pager->slots[parent].children++;

    enum pager_status status = take_slot(pager, slot);

    if (status == PAGER_OK) {
        const struct page_entry *entry = entry_of(pager, page, parent);
        uint64_t start = cycles_now();

        if (fill(pager, page, parent, pager_frame(pager, *slot))) {
            slots_insert(pager, *slot, page, parent);
            /* Spared by the clock's hand once: the guest is about to use it. */
            pager->slots[*slot].flags |= SLOT_REFERENCED;
            pager->ops->event(pager->context, PAGER_OPENED, page, entry->state,
                              cycles_now() - start);
            return PAGER_OK;
        }
        pager->failed = page;
        status = PAGER_TAMPERED;
    }
    if (parent != SLOT_NONE)
        pager->slots[parent].children--;
    return status;
}

/* The guest needed a page after `needed`. What came after a page twice is expected again; what came
 * once instead makes it less certain. */
static void learn(struct pager *pager, page_id page)
{
    slot_t parent = pager_find(pager, page_parent(pager->needed));

    if (parent != SLOT_NONE && pager->needed != page) {
        uint32_t *next = &entry_of(pager, pager->needed, parent)->next;

        if ((*next & NEXT_PAGE) == page)
            *next += *next < NEXT_MOST ? NEXT_ONCE : 0;
        else
            *next = *next >= NEXT_ONCE ? *next - NEXT_ONCE : NEXT_ONCE | page;
        pager->slots[parent].flags |= SLOT_DIRTY;
    }
    pager->needed = page;
}

/* Pages that came with the last miss came to be used, so their first use tells nothing about a
 * second. At the next miss it is forgotten: what earns a page a turn of the clock's hand must come
 * later. Which of them were used, and in what order, is learned. */
static void forget_first_use(struct pager *pager)
{
    for (uint32_t i = 0; i < pager->recent_count && pager->patience > 0; i++)
        if (slots_take_marks(pager, pager->recent[i]))
            learn(pager, pager->slots[pager->recent[i]].page);
    pager->recent_count = 0;
}

/* Opens a page that is not resident, and those above it, from the nearest resident one downward. */
static enum pager_status open_missing(struct pager *pager, page_id page, slot_t *slot)
{
    page_id path[PAGE_LEVELS];
    uint32_t missing = 0;
    slot_t parent = SLOT_NONE;

    forget_first_use(pager);
    while (parent == SLOT_NONE) {
        path[missing++] = page;
        if (page_level(page) == pager->geometry.top_level)
            break;
        page = page_parent(page);
        parent = pager_find(pager, page);
    }
    do {
        enum pager_status status = open_page(pager, path[--missing], parent, slot);

        if (status != PAGER_OK)
            return status;
        parent = *slot;
    } while (missing > 0);
    if (page_level(path[0]) == 0)
        pager->recent[pager->recent_count++] = *slot;
    return PAGER_OK;
}

/* Whether nothing had to be decrypted for the page in a slot: it was never sealed. */
static bool is_blank(struct pager *pager, slot_t slot)
{
    return entry_of(pager, pager->slots[slot].page, pager->slots[slot].parent)->state == PAGE_BLANK;
}

/* Opens and maps a page ahead of its use: a blank one, or one that is not. It bears no mark of use:
 * the clock takes it first. */
static enum pager_status open_ahead(struct pager *pager, page_id page, slot_t parent, bool blank)
{
    enum page_state state = entry_of(pager, page, parent)->state;
    slot_t slot;

    if ((state == PAGE_BLANK) != blank || state == PAGE_SHARED ||
        pager_find(pager, page) != SLOT_NONE || !pager->ops->is_ram(pager->context, page))
        return PAGER_OK;

    enum pager_status status = open_page(pager, page, parent, &slot);

    if (status != PAGER_OK)
        return status;
    pager->slots[slot].flags &= (uint8_t)~SLOT_REFERENCED;
    pager->ops->map(pager->context, slot, true);
    if (!blank)
        pager->recent[pager->recent_count++] = slot;
    return PAGER_OK;
}

/* Their parent is that of the page that was missed, and stays: one of them has always just come. */
static enum pager_status open_neighbours(struct pager *pager, page_id page, slot_t parent)
{
    page_id first = page & ~(pager->ahead - 1);
    enum pager_status status = PAGER_OK;

    for (page_id i = first; i < first + pager->ahead && status == PAGER_OK; i++)
        status = open_ahead(pager, i, parent, true);
    return status;
}

/* Opens what was needed after the page before, and after that; where nothing was yet, and the page
 * lies behind the one that was needed last, the one behind it. */
static enum pager_status open_expected(struct pager *pager, page_id page, slot_t slot)
{
    page_id before = pager->needed;
    slot_t parent = pager->slots[slot].parent;
    enum pager_status status = PAGER_OK;

    if (is_blank(pager, slot))
        status = open_neighbours(pager, page, parent);

    for (uint32_t i = 0; i < pager->ahead && parent != SLOT_NONE && status == PAGER_OK; i++) {
        uint32_t next = entry_of(pager, page, parent)->next;

        if (next < NEXT_TWICE && (next != 0 || page != before + 1))
            break;
        before = page;
        page = next != 0 ? next & NEXT_PAGE : page + 1;
        parent = pager_find(pager, page_parent(page));
        if (parent != SLOT_NONE)
            status = open_ahead(pager, page, parent, false);
    }
    return status;
}

/* Not inline, so that the usual way saves no registers for it. */
[[gnu::noinline]] static enum pager_status bring(struct pager *pager, page_id page, bool to_guest,
                                                 slot_t *slot)
{
    pager->ops->cipher_begins(pager->context);

    enum pager_status status = open_missing(pager, page, slot);

    if (status == PAGER_OK && to_guest) {
        pager->ops->map(pager->context, *slot, false);
        if (pager->ahead > 1 && pager->slot_count >= SLOTS_TO_SPARE * pager->ahead)
            status = open_expected(pager, page, *slot);
    }
    pager->ops->cipher_ends(pager->context);
    return status;
}

enum pager_status pager_serve(struct pager *pager, uint32_t index, bool *was_resident)
{
    slot_t slot = pager_find(pager, page_make(0, index));

    *was_resident = slot != SLOT_NONE;
    if (slot == SLOT_NONE)
        return bring(pager, page_make(0, index), true, &slot);
    pager->ops->map(pager->context, slot, false);
    return PAGER_OK;
}

enum pager_status pager_fetch(struct pager *pager, uint32_t index, bool will_write, slot_t *slot)
{
    enum pager_status status = PAGER_OK;

    *slot = pager_find(pager, page_make(0, index));
    if (*slot == SLOT_NONE)
        status = bring(pager, page_make(0, index), false, slot);
    if (status == PAGER_OK)
        pager->slots[*slot].flags |= will_write ? USE_ACCESSED | USE_DIRTY : USE_ACCESSED;
    return status;
}

enum pager_status pager_adopt(struct pager *pager, uint32_t index, slot_t *slot)
{
    page_id page = page_make(0, index);
    bool resident = pager_find(pager, page) != SLOT_NONE;
    enum pager_status status = pager_fetch(pager, index, true, slot);

    if (status != PAGER_OK)
        return status;
    if (resident || !is_blank(pager, *slot)) {
        pager->failed = page;
        return PAGER_TAMPERED;
    }

    void *home = home_of(pager, page);

    __builtin_memcpy(pager_frame(pager, *slot), home, PAGE_BYTES);
    bytes_wipe(home, PAGE_BYTES);
    return PAGER_OK;
}

enum pager_status pager_share(struct pager *pager, uint32_t index, bool *was_shared)
{
    page_id page = page_make(0, index);
    slot_t slot = pager_find(pager, page), parent = pager_find(pager, page_parent(page));
    enum pager_status status = PAGER_OK;

    if (parent == SLOT_NONE)
        status = bring(pager, page_parent(page), false, &parent);
    if (status != PAGER_OK)
        return status;

    struct page_entry *entry = entry_of(pager, page, parent);

    *was_shared = entry->state == PAGE_SHARED;
    if (*was_shared)
        return PAGER_OK;
    if (slot != SLOT_NONE) {
        (void)pager->ops->unmap(pager->context, slot);
        pager->ops->event(pager->context, PAGER_DROPPED, page, entry->state, 0);
        bytes_wipe(pager_frame(pager, slot), PAGE_BYTES);
        slots_remove(pager, slot);
        pager->slots[parent].children--;
    }
    bytes_wipe(home_of(pager, page), PAGE_BYTES);
    *entry = (struct page_entry){.state = PAGE_SHARED};
    pager->slots[parent].flags |= SLOT_DIRTY;
    return PAGER_OK;
}
