#include "pager_view.h"

#include <string.h>

#include "bytes.h"
#include "pager.h"
#include "plugin_base.h"
#include "record.h"

static struct pager seen;       /* its tables stay where they were at the guest's first entry */

/* The hypervisor's pointers all lead into its region. */
static void *here(const void *pointer)
{
    uint64_t in = (uint64_t)pointer - machine.set.linear_base;
    uint64_t offset = offset_of_address(machine.set.region_base);

    if (in >= machine.set.region_bytes)
        give_up("the hypervisor's pager points outside of the frozen region, to 0x%llx",
                (unsigned long long)(uint64_t)pointer);
    return machine.ram + offset + in;
}

static struct pager view(void)
{
    struct pager pager;

    memcpy(&pager, machine.ram + offset_of_address(machine.set.region_base) + machine.set.pager,
           sizeof pager);
    pager.slots = here(pager.slots);
    pager.buckets = here(pager.buckets);
    pager.frames = here(pager.frames);
    pager.image_key = here(pager.image_key);
    pager.session_key = here(pager.session_key);
    return pager;
}

void pager_view_start(void)
{
    seen = view();
    machine.slots_base = address_of_offset((uint64_t)(seen.frames - machine.ram));
    /* And one frame more, which stands where the guest has nothing. */
    machine.slots_end = machine.slots_base + (seen.slot_count + UINT64_C(1)) * FRAME_BYTES;
}

page_id pager_view_page_at(uint64_t address)
{
    if (!seen.slots || !in_region(address))
        return PAGE_NONE;
    uint64_t slot = (address - machine.slots_base) / FRAME_BYTES;
    bool     is_slot = address >= machine.slots_base && slot < seen.slot_count
        && (seen.slots[slot].flags & SLOT_USED);

    return is_slot ? seen.slots[slot].page : PAGE_NONE;
}

/* The entry as the tree has it now: in the parent's slot, or in the parent's home, which is opened
 * for it. */
static bool find_entry(const struct pager *pager, page_id page, struct page_entry *entry)
{
    if (page_level(page) == pager->geometry.top_level) {
        *entry = pager->root;
        return page_index(page) == 0;
    }
    page_id parent = page_parent(page);
    slot_t  slot = pager_find(pager, parent);
    if (slot != SLOT_NONE) {
        memcpy(entry, (const struct page_entry *)pager_frame(pager, slot) + page_entry_index(page),
               sizeof *entry);
        return true;
    }
    struct page_entry above;
    uint64_t          home = offset_of_address(page_home(&pager->geometry, parent));
    _Alignas(64) struct page_entry entries[PAGE_ENTRIES];
    if (home == NOWHERE || !find_entry(pager, parent, &above) || above.state == PAGE_BLANK
        || !page_open(above.state == PAGE_IMAGED ? pager->image_key : pager->session_key, parent,
                      &above,
                      machine.ram + home, entries))
        return false;
    *entry = entries[page_entry_index(page)];
    memset(entries, 0, sizeof entries);
    return true;
}

/* The region's keys are expanded for the hypervisor's kernel, and lead to it. A schedule of AES-256
 * begins with the raw key. */
static void expand_here(struct gcm_key *own, const struct gcm_key **key)
{
    const struct gcm_kernel *kernel = gcm_kernel_find(GCM_ANY);

    if (kernel == NULL)
        give_up("this CPU cannot open pages: it lacks AES-NI or PCLMULQDQ");
    gcm_key_expand(kernel, own, (const uint8_t *)(*key)->round_keys);
    *key = own;
}

void pager_view_record_entries(const uint64_t *homes, size_t count)
{
    static _Alignas(64) struct gcm_key image_key, session_key;
    struct pager pager = view();

    expand_here(&image_key, &pager.image_key);
    expand_here(&session_key, &pager.session_key);
    for (size_t i = 0; i < count; i++) {
        struct residency_entry record = { .home = homes[i],
            .page = page_of_home(&pager.geometry, homes[i]) };
        if (find_entry(&pager, record.page, &record.entry) && record.entry.state != PAGE_BLANK)
            record_append(RESIDENCY_ENTRY, &record, sizeof record);
    }
    bytes_wipe(&image_key, sizeof image_key);
    bytes_wipe(&session_key, sizeof session_key);
}

void pager_view_record_keys(void)
{
    struct pager pager = view();
    const struct gcm_key *keys[] = { pager.image_key, pager.session_key };
    const uint32_t        states[] = { PAGE_IMAGED, PAGE_SEALED };

    for (size_t i = 0; i < 2; i++) {
        struct residency_key record = { .state = states[i] };
        memcpy(record.raw, keys[i]->round_keys, sizeof record.raw);
        record_append(RESIDENCY_KEY, &record, sizeof record);
    }
}
