#include "residency/nested.h"

#include "bytes.h"
#include "cpu/memory.h"
#include "cpu/registers.h"
#include "report/panic.h"
#include "report/tracer.h"
#include "residency/memory_map.h"

#define LEVELS      4u
#define ENTRIES     512u
#define NONE        UINT16_MAX

#define RAM_MARK    BIT(11)     /* ignored by the CPU in both formats: a 4 KiB entry that maps a
                                 * slot */

/* A slot's `mapping`: the place of its entry among those of all tables, and above it what is kept
 * of the page's use from entries that are gone. The first places are the root's own: 0 is none. */
#define PLACE      FIELD(28, 0)
#define KEPT_SHIFT 29u
#define KEPT_ACCESSED ((uint32_t)USE_ACCESSED << KEPT_SHIFT)

static struct nested_format format;
static struct nested_pool pool;
static uint64_t (*tables)[ENTRIES];     /* of the pool; tables[0] is the root */
static struct nested_note *notes;
static uint16_t first_free;
static uint32_t hand;
static uint64_t changes = 1;
static uint64_t half;
/* In tables of this level each entry stands twice, so that addresses with and without the C-bit
 * share what is below: a kernel that has yet to load its CR3 with it uses both for one page, even
 * in one instruction. 0: in none. */
static uint32_t joint_level;

static uint32_t index_at(uint64_t gpa, uint32_t level)
{
    return (uint32_t)(gpa >> (12 + 9 * (level - 1))) % ENTRIES;
}

/* The table that an entry above level 1 leads to. */
static uint64_t *child_of(uint64_t entry)
{
    return (uint64_t *)((entry & PTE_FRAME) - frozen_base + HYPERVISOR_BASE);
}

void nested_start(const struct nested_format *entries, const struct nested_pool *room)
{
    format = *entries;
    format.ram |= RAM_MARK | (format.keeps_use ? 0 : format.accessed | format.dirty);
    pool = *room;
    tables = pool.tables;
    notes = pool.notes;
    bytes_wipe(tables, (uint64_t)pool.pages * PAGE_BYTES);
    bytes_wipe(notes, nested_note_bytes(pool.pages));
    notes[0].level = LEVELS;
    nested_divide(memory_map.c_bit == 0);
    first_free = NONE;
    for (uint32_t i = pool.pages - 1; i > 0; i--) {
        notes[i].parent = first_free;
        first_free = (uint16_t)i;
    }
}

static uint16_t table_of(const uint64_t *entry)
{
    return (uint16_t)(((uintptr_t)entry - (uintptr_t)tables) / PAGE_BYTES);
}

static enum page_use use_of(uint64_t entry)
{
    return (enum page_use)((entry & format.accessed ? USE_ACCESSED : 0) |
                           (entry & format.dirty ? USE_DIRTY : 0));
}

static uint32_t *mapping_of(uint64_t entry)
{
    return &pool.slots[((entry & PTE_FRAME) - frozen_hpa(pool.frames)) / PAGE_BYTES].mapping;
}

uint64_t nested_root(void)
{
    return frozen_hpa(tables);
}

static void set_table(uint64_t *entry, uint64_t value)
{
    *entry = value;
    if (joint_level != 0 && notes[table_of(entry)].level == joint_level)
        entry[index_at(memory_map.c_bit, joint_level)] = value;
}

/* Gives a table that maps nothing any more back to the pool. */
static void table_free(uint16_t table)
{
    struct nested_note *note = &notes[table];
    set_table(&tables[note->parent][note->parent_entry], 0);
    notes[note->parent].entries--;
    notes[note->parent].children--;
    *note = (struct nested_note){.parent = first_free};
    first_free = table;
    changes++;
}

/* Takes a table without children out of the tree. Pages that it mapped stay resident, with what it
 * knew of their use; a later soft miss maps them again. */
static void table_drop(uint16_t table)
{
    struct nested_note *note = &notes[table];
    for (uint32_t i = 0; i < ENTRIES && note->entries != 0; i++) {
        uint64_t entry = tables[table][i];
        if (!(entry & PTE_P))
            continue;
        if (entry & RAM_MARK) {
            uint32_t *mapping = mapping_of(entry);
            *mapping = (*mapping & (uint32_t)~PLACE) | (uint32_t)use_of(entry) << KEPT_SHIFT;
        }
        tables[table][i] = 0;
        note->entries--;
    }
    table_free(table);
}

/* Second chance, by the accessed bit that a walk sets in the entry above. `keep` is the table being
 * extended. */
static void table_reclaim(uint16_t keep)
{
    for (uint32_t turns = 0; turns < 2 * pool.pages; turns++) {
        hand = hand + 1 < pool.pages ? hand + 1 : 1;
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
    panic_because(PANIC_NO_ROOM, pool.pages, (const char *[]){", nested tables", 0});
}

static uint16_t table_add(uint64_t *entry)
{
    uint16_t parent = table_of(entry);
    if (first_free == NONE)
        table_reclaim(parent);
    uint16_t table = first_free;
    first_free = notes[table].parent;
    notes[table] = (struct nested_note){
        .parent = parent, .parent_entry = (uint16_t)(entry - tables[parent]),
        .level = (uint8_t)(notes[parent].level - 1)};
    set_table(entry, frozen_hpa(tables[table]) | format.table | format.accessed);
    notes[parent].entries++;
    notes[parent].children++;
    return table;
}

/* The entry for gpa, or the one above it where the way there ends. */
static uint64_t *find(uint64_t gpa, uint32_t *level)
{
    uint64_t *entry = &tables[0][index_at(gpa, LEVELS)];
    for (*level = LEVELS; *level > 1 && (*entry & PTE_P); --*level)
        entry = child_of(*entry) + index_at(gpa, *level - 1);
    return entry;
}

/* Adds the tables between. Not inline: it is rare, and `map` then saves no registers for it. */
__attribute__((noinline))
static uint64_t *extend(uint64_t *entry, uint64_t gpa, uint32_t level)
{
    for (; level > 1; level--)
        entry = tables[table_add(entry)] + index_at(gpa, level - 1);
    return entry;
}

/* Returns where the mapping stands: the place of its entry among those of all tables. The first are
 * the root's own. */
static uint32_t map(uint64_t gpa, uint64_t mapping)
{
    uint32_t level;
    uint64_t *entry = find(gpa, &level);
    if (level > 1)
        entry = extend(entry, gpa, level);
    if (*entry & PTE_P)
        panic(PANIC_STATE, gpa);        /* mapped already */
    *entry = mapping;
    notes[table_of(entry)].entries++;
    return (uint32_t)(entry - tables[0]);
}

void nested_map(slot_t slot)
{
    uint64_t gpa = (uint64_t)page_index(pool.slots[slot].page) * PAGE_BYTES;
    uint64_t frame = frozen_hpa(pool.frames + (uint64_t)slot * PAGE_BYTES);
    pool.slots[slot].mapping |= map(gpa | half, frame | format.ram);
}

void nested_map_device(uint64_t gpa, bool is_watched)
{
    map(gpa | half, (gpa & PTE_FRAME) | (format.device & ~(is_watched ? format.write : 0)));
}

void nested_map_absent(uint64_t gpa)
{
    __builtin_memset(pool.absent, 0xFF, PAGE_BYTES);
    map(gpa | half, frozen_hpa(pool.absent) | (format.ram & ~RAM_MARK));
}

[[gnu::always_inline]] static inline void unmap(uint32_t place)
{
    tables[0][place] = 0;
    changes++;
    if (--notes[place / ENTRIES].entries == 0)
        table_free((uint16_t)(place / ENTRIES));
}

enum page_use nested_unmap(void *, slot_t slot)
{
    uint32_t mapping = pool.slots[slot].mapping, place = mapping & PLACE;
    uint32_t use = mapping >> KEPT_SHIFT;
    pool.slots[slot].mapping = 0;
    if (place != 0) {
        use |= use_of(tables[0][place]);
        unmap(place);
    }
    return (enum page_use)use;
}

bool nested_is_divided(void)
{
    return joint_level == 0;
}

void nested_divide(bool is_divided)
{
    if (is_divided == nested_is_divided())
        return;
    for (uint32_t level = 1; level < LEVELS; level++)
        for (uint32_t table = 1; table < pool.pages; table++)
            if (notes[table].level == level)
                table_drop((uint16_t)table);
    joint_level = is_divided ? 0 : memory_map.c_bit >> 39 != 0 ? LEVELS : LEVELS - 1;
}

void nested_use_half(uint64_t c_bit)
{
    half = c_bit;
}

void nested_map_shared(uint64_t gpa)
{
    map(gpa, gpa | format.device);
}

void nested_unmap_shared(uint64_t gpa)
{
    uint32_t level;
    uint64_t *entry = find(gpa, &level);
    if (level == 1 && (*entry & PTE_P))
        unmap((uint32_t)(entry - tables[0]));
}

static bool take_accessed(uint64_t *leaf)
{
    bool was = *leaf & format.accessed;
    if (was)    /* a stale TLB entry only makes a used page look unused until the next flush */
        *leaf &= ~format.accessed;
    return was;
}

/* Where use was kept, or nothing is mapped, or the CPU marks no use: then the end of the mapping is
 * the only way to see the next one. Not inline, as `extend`. */
[[gnu::noinline]] static enum page_use take_rare(slot_t slot)
{
    uint32_t mapping = pool.slots[slot].mapping, place = mapping & PLACE;
    if (place != 0 && !format.keeps_use)
        return nested_unmap(0, slot);
    pool.slots[slot].mapping = mapping & ~KEPT_ACCESSED;
    bool was = place != 0 && take_accessed(&tables[0][place]);
    return was || (mapping & KEPT_ACCESSED) ? USE_ACCESSED : USE_NONE;
}

enum page_use nested_take_use(void *, slot_t slot)
{
    uint32_t mapping = pool.slots[slot].mapping;
    if (mapping - 1 >= PLACE || !format.keeps_use)      /* 0 wraps */
        return take_rare(slot);
    return take_accessed(&tables[0][mapping]) ? USE_ACCESSED : USE_NONE;
}

uint64_t nested_changes(void)
{
    return changes;
}
