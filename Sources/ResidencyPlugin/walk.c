#include "walk.h"

#include <string.h>

#define CR0_PG  (UINT64_C(1) << 31)
#define CR4_PSE (UINT64_C(1) << 4)
#define CR4_PAE (UINT64_C(1) << 5)
#define CR4_LA57 (UINT64_C(1) << 12)
#define EFER_LME (UINT64_C(1) << 8)

uint64_t table_entry(uint64_t table, unsigned index)
{
    uint64_t offset = offset_of_address(table + index * 8);
    uint64_t entry = 0;

    if (offset != NOWHERE)
        memcpy(&entry, machine.ram + offset, sizeof entry);
    return entry;
}

enum memory_type entry_type(uint64_t entry, bool is_leaf_4k, uint64_t pat)
{
    bool high = entry & (is_leaf_4k ? PTE_LARGE : PTE_PAT_2M);

    return pat_type(pat,
                    (unsigned)high << 2 | (entry & PTE_PCD ? 2 : 0) | (entry & PTE_PWT ? 1 : 0));
}

/* The less cacheable of both. Source: AMD APM vol 2 (24593), 15.25.8, simplified to the careful
 * side. */
static enum memory_type combined(enum memory_type guest, enum memory_type host)
{
    if (guest == host || host == MEMORY_WB)
        return guest;
    return guest == MEMORY_WB ? host : MEMORY_UC;
}

/* From a guest's or the host's table to where it lies. */
typedef struct translation (*place)(uint64_t address);

static struct translation as_is(uint64_t address)
{
    return (struct translation){ address, MEMORY_WB };
}

static const struct translation nothing = { NOWHERE, MEMORY_UC };

static struct translation leaf(uint64_t address, enum memory_type type, place locate)
{
    struct translation found = locate(address);

    if (found.address != NOWHERE)
        found.type = combined(type, found.type);
    return found;
}

/* PAE and long mode: `levels` of 512 entries, the top one of PAE has four. */
static struct translation walk_wide(uint64_t linear, const struct paging *paging, unsigned levels,
                                    place locate)
{
    uint64_t table = paging->cr3 & (levels == 3 ? UINT64_C(0xFFFFFFE0) : PTE_ADDRESS);

    for (unsigned level = levels; level > 0; level--) {
        unsigned shift = FRAME_SHIFT + 9 * (level - 1);
        unsigned index = (unsigned)(linear >> shift) & (levels == 3 && level == 3 ? 3 : 511);
        struct translation at = locate(table);
        if (at.address == NOWHERE)
            return nothing;
        uint64_t entry = table_entry(at.address, index);
        if (!(entry & PTE_PRESENT))
            return nothing;
        bool is_large = level > 1 && level < 4 && (entry & PTE_LARGE)
            && !(levels == 3 && level == 3);
        if (level == 1 || is_large) {
            uint64_t offset = linear & ((UINT64_C(1) << shift) - 1);
            uint64_t frame = entry & PTE_ADDRESS & ~((UINT64_C(1) << shift) - 1);
            return leaf(frame | offset, entry_type(entry, level == 1, paging->pat), locate);
        }
        table = entry & PTE_ADDRESS;
    }
    return nothing;
}

/* 32-bit paging without PAE. PSE-36 is left out: no guest with 4 MiB pages above 4 GiB is known to
 * us. */
static struct translation walk_narrow(uint64_t linear, const struct paging *paging, place locate)
{
    uint64_t table = paging->cr3 & 0xFFFFF000;

    for (unsigned level = 2; level > 0; level--) {
        unsigned shift = level == 2 ? 22 : 12;
        struct translation at = locate(table + (linear >> shift & 1023) * 4);
        uint64_t entry = at.address == NOWHERE ? 0 : table_entry(at.address & ~UINT64_C(7), 0);
        entry = at.address & 4 ? entry >> 32 : entry & 0xFFFFFFFF;
        if (!(entry & PTE_PRESENT))
            return nothing;
        if (level == 1 || ((entry & PTE_LARGE) && (paging->cr4 & CR4_PSE))) {
            uint64_t mask = (UINT64_C(1) << shift) - 1;
            return leaf((entry & 0xFFFFF000 & ~mask) | (linear & mask),
                        entry_type(entry, level == 1, paging->pat), locate);
        }
        table = entry & 0xFFFFF000;
    }
    return nothing;
}

static struct translation walk(uint64_t linear, const struct paging *paging, place locate)
{
    if (!(paging->cr0 & CR0_PG) || !(paging->cr0 & CR0_PE))
        return leaf(linear & 0xFFFFFFFF, MEMORY_WB, locate);
    if (!(paging->cr4 & CR4_PAE))
        return walk_narrow(linear & 0xFFFFFFFF, paging, locate);
    if (!(paging->efer & (EFER_LME | EFER_LMA)))
        return walk_wide(linear & 0xFFFFFFFF, paging, 3, locate);
    return walk_wide(linear, paging, paging->cr4 & CR4_LA57 ? 5 : 4, locate);
}

unsigned host_levels(void)
{
    return machine.host.cr4 & CR4_LA57 ? 5 : 4;
}

struct translation walk_host(uint64_t linear)
{
    return walk(linear, &machine.host, as_is);
}

struct translation walk_nested(uint64_t address)
{
    struct paging nested = machine.host;

    if (machine.nested_cr3 == 0)
        return as_is(address);
    nested.cr3 = machine.nested_cr3;
    return walk_wide(address, &nested, host_levels(), as_is);
}

struct translation walk_guest(uint64_t linear)
{
    return walk(linear, &machine.guest, walk_nested);
}

static struct {
    void   (*visit)(uint64_t table);
    uint64_t last;              /* NOWHERE: none yet. The last one of all is no table but where the
                                   walk arrives */
} visiting;

static struct translation walk_nested_visiting(uint64_t address)
{
    if (visiting.last != NOWHERE)
        visiting.visit(visiting.last);
    struct translation at = walk_nested(address);
    visiting.last = at.address;
    return at;
}

void walk_guest_tables(uint64_t linear, void (*visit)(uint64_t table))
{
    visiting.visit = visit;
    visiting.last = NOWHERE;
    walk(linear, &machine.guest, walk_nested_visiting);
}
