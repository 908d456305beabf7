#include "nested.h"

#include "bytes.h"
#include "memory.h"
#include "panic.h"
#include "registers.h"
#include "state.h"
#include "tracer.h"

#define LEVELS      4u
#define ENTRIES     512u
#define NONE        UINT16_MAX
#define LARGE_BYTES UINT64_C(0x200000)

#define RAM_MARK    BIT(11)     /* ignored by the CPU in both formats: a 4 KiB entry that maps a slot */

static struct nested_format format;
static uint64_t (*tables)[ENTRIES];     /* tables[0] is the root */
static struct nested_note *notes;
static uint32_t table_count;
static uint16_t first_free;
static uint32_t hand;
static bool flush;

static uint32_t index_at(uint64_t gpa, uint32_t level)
{
    return (uint32_t)(gpa >> (12 + 9 * (level - 1))) % ENTRIES;
}

/* The table that an entry above level 1 leads to. */
static uint64_t *child_of(uint64_t entry)
{
    return (uint64_t *)((entry & PTE_FRAME) - frozen_base + HYPERVISOR_BASE);
}

static uint16_t table_of(const uint64_t *entry)
{
    return (uint16_t)(((uintptr_t)entry - (uintptr_t)tables) / PAGE_BYTES);
}

uint64_t nested_note_bytes(uint32_t pages)
{
    return pages * sizeof(struct nested_note);
}

void nested_start(const struct nested_format *entries, void *pool, uint32_t pages, struct nested_note *pool_notes)
{
    format = *entries;
    format.ram |= RAM_MARK | (format.keeps_use ? 0 : format.accessed | format.dirty);
    flush = true;       /* whatever ran before us may have left translations */
    tables = pool;
    notes = pool_notes;
    table_count = pages;
    bytes_wipe(pool, (uint64_t)pages * PAGE_BYTES);
    bytes_wipe(notes, pages * sizeof *notes);
    notes[0].level = LEVELS;
    first_free = NONE;
    for (uint32_t i = pages - 1; i > 0; i--) {
        notes[i].parent = first_free;
        first_free = (uint16_t)i;
    }
}

static struct page_use use_of(uint64_t entry)
{
    return (struct page_use){entry & format.accessed, entry & format.dirty};
}

static slot_t slot_of(uint64_t entry)
{
    return (slot_t)(((entry & PTE_FRAME) - frozen_hpa(pager.frames)) / PAGE_BYTES);
}

uint64_t nested_root(void)
{
    return frozen_hpa(tables);
}

/* Takes a table without children out of the tree. Pages that it mapped stay resident: what it knew of their use
 * goes to the pager, and a later soft miss maps them again. */
static void table_drop(uint16_t table)
{
    struct nested_note *note = &notes[table];
    for (uint32_t i = 0; i < ENTRIES && note->entries != 0; i++) {
        uint64_t entry = tables[table][i];
        if (!(entry & PTE_P))
            continue;
        if (entry & RAM_MARK) {
            pager_note_use(&pager, slot_of(entry), use_of(entry));
            pager.slots[slot_of(entry)].mapping = 0;
        }
        tables[table][i] = 0;
        note->entries--;
    }
    tables[note->parent][note->parent_entry] = 0;
    notes[note->parent].entries--;
    notes[note->parent].children--;
    *note = (struct nested_note){.parent = first_free};
    first_free = table;
    flush = true;
}

/* Second chance, by the accessed bit that a walk sets in the entry above. `keep` is the table being extended. */
static void table_reclaim(uint16_t keep)
{
    for (uint32_t turns = 0; turns < 2 * table_count; turns++) {
        hand = hand + 1 < table_count ? hand + 1 : 1;
        struct nested_note *note = &notes[hand];
        if (note->level == 0 || note->children != 0 || hand == keep)
            continue;
        uint64_t *above = &tables[note->parent][note->parent_entry];
        if (*above & format.accessed) {
            *above &= ~format.accessed;
            continue;
        }
        table_drop((uint16_t)hand);
        tracer_count(COUNT_TABLE_DROP, 0);
        return;
    }
    panic(PANIC_NO_ROOM, table_count);
}

static uint16_t table_add(uint16_t parent, uint64_t *entry)
{
    if (first_free == NONE)
        table_reclaim(parent);
    uint16_t table = first_free;
    first_free = notes[table].parent;
    notes[table] = (struct nested_note){
        .parent = parent, .parent_entry = (uint16_t)(entry - tables[parent]),
        .level = (uint8_t)(notes[parent].level - 1)};
    *entry = frozen_hpa(tables[table]) | format.table | format.accessed;
    notes[parent].entries++;
    notes[parent].children++;
    return table;
}

/* The entry for gpa in a table of `leaf_level`, or the one above it where the way there ends. */
static uint64_t *find(uint64_t gpa, uint32_t leaf_level, uint32_t *level)
{
    uint64_t *entry = &tables[0][index_at(gpa, LEVELS)];
    for (*level = LEVELS; *level > leaf_level && (*entry & (PTE_P | PTE_PS)) == PTE_P; --*level)
        entry = child_of(*entry) + index_at(gpa, *level - 1);
    return entry;
}

/* Adds the tables between. Not inline: it is rare, and `map` then saves no registers for it. */
__attribute__((noinline))
static uint64_t *extend(uint64_t *entry, uint64_t gpa, uint32_t leaf_level, uint32_t level)
{
    for (; level > leaf_level && !(*entry & PTE_P); level--)
        entry = tables[table_add(table_of(entry), entry)] + index_at(gpa, level - 1);
    return entry;
}

/* Returns where the mapping stands: the place of its entry among those of all tables. The first are the root's own. */
static uint32_t map(uint64_t gpa, uint64_t mapping, uint32_t leaf_level)
{
    uint32_t level;
    uint64_t *entry = find(gpa, leaf_level, &level);
    if (level > leaf_level)
        entry = extend(entry, gpa, leaf_level, level);
    if (*entry & PTE_P)
        panic(PANIC_STATE, gpa);        /* mapped already, or inside a large page */
    *entry = mapping;
    notes[table_of(entry)].entries++;
    return (uint32_t)(entry - tables[0]);
}

void nested_map(uint64_t gpa, slot_t slot)
{
    pager.slots[slot].mapping = map(gpa, frozen_hpa(pager_frame(&pager, slot)) | format.ram, 1);
}

void nested_map_device(uint64_t gpa, uint64_t bytes)
{
    gpa &= ~(bytes - 1);
    if (bytes == LARGE_BYTES)
        map(gpa, gpa | format.device | PTE_PS, 2);
    else
        map(gpa, gpa | format.device, 1);
}

struct page_use nested_unmap(slot_t slot)
{
    uint32_t mapping = pager.slots[slot].mapping;
    if (mapping == 0)
        return (struct page_use){false, false};
    uint64_t *leaf = &tables[mapping / ENTRIES][mapping % ENTRIES];
    struct page_use use = use_of(*leaf);
    *leaf = 0;
    pager.slots[slot].mapping = 0;
    flush = true;
    if (--notes[mapping / ENTRIES].entries == 0)
        table_drop((uint16_t)(mapping / ENTRIES));
    return use;
}

/* For a CPU that marks no use: the end of the mapping is the only way to see the next one. Not inline: see `extend`. */
__attribute__((noinline))
static bool used_until_now(slot_t slot)
{
    pager_note_use(&pager, slot, (struct page_use){.dirty = nested_unmap(slot).dirty});
    return true;
}

bool nested_accessed(slot_t slot)
{
    uint32_t mapping = pager.slots[slot].mapping;
    uint64_t *leaf = &tables[mapping / ENTRIES][mapping % ENTRIES];
    if (mapping == 0 || !(*leaf & format.accessed))
        return false;
    if (!format.keeps_use)
        return used_until_now(slot);
    *leaf &= ~format.accessed;          /* a stale TLB entry only makes a used page look unused until the next flush */
    return true;
}

bool nested_keeps_use(void)
{
    return format.keeps_use;
}

void nested_flush(void)
{
    flush = true;
}

bool nested_take_flush(void)
{
    bool taken = flush;
    flush = false;
    return taken;
}

void nested_wipe(void)
{
    bytes_wipe(tables, (uint64_t)table_count * PAGE_BYTES);
}
