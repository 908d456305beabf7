#include "audit.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "dram.h"
#include "plugin_base.h"
#include "record.h"
#include "sharing.h"
#include "violation.h"
#include "walk.h"

#define ENTRIES     512u
#define CHANGED     (1u << 16)
#define IOPM_BYTES  0x3000u
#define MSRPM_BYTES 0x2000u

/* AMD APM vol 2 (24593), 4.8.3, Legacy and long-mode system descriptors. */
#define TYPE_TSS_AVAILABLE 0x9u
#define TYPE_TSS_BUSY      0xBu

enum tree : uint8_t { TREE_NONE, TREE_HOST, TREE_NESTED };

/* What is known of a frame that is a page table. */
struct table {
    enum tree tree;
    uint8_t   level;            /* 1: its entries are leaves */
    uint16_t  index;            /* of the parent's entry */
    uint32_t  zero;
    uint64_t  parent;           /* its table; NOWHERE: this is the root */
};
static_assert(sizeof(struct table) == 16, "compared byte by byte");

static struct table *tables;    /* by frame of the region */
static uint64_t changed[CHANGED];       /* entries, host-physical */
static size_t   changed_count;          /* beyond CHANGED: all tables are walked anew */
static uint64_t host_root = NOWHERE, nested_root = NOWHERE;
static uint64_t current_rip;
static bool     walks_all;

static struct {
    uint64_t host_tables, nested_tables, nested_leaves, public_frames;
} seen;

static void report(enum residency_rule rule, uint64_t address, uint64_t value)
{
    violation_record((struct violation){ rule, address, current_rip, value, NULL });
}

static struct table *table_at(uint64_t address)
{
    if (!tables) {
        tables = calloc(machine.set.region_bytes / FRAME_BYTES, sizeof *tables);
        if (!tables)
            give_up("no memory to note the page tables in");
    }
    return in_region(address) ? &tables[(address - machine.set.region_base) / FRAME_BYTES] : NULL;
}

/* The guest-physical address that an entry of a table translates. */
static uint64_t guest_physical(uint64_t address, unsigned index)
{
    const struct table *table = table_at(address);
    uint64_t translated = 0;

    for (unsigned level = table->level; ; level = table->level) {
        translated |= (uint64_t)index << (FRAME_SHIFT + 9 * (level - 1));
        if (table->parent == NOWHERE)
            return translated;
        index = table->index;
        table = table_at(table->parent);
    }
}

/* Homes of pages that the guest shares, at their own addresses, uncached, and never as code. */
static void check_outside(uint64_t address, uint64_t entry, unsigned level, uint64_t guest)
{
    bool is_own = guest == address && entry_type(entry, level == 1, machine.host.pat) == MEMORY_UC;

    if (!is_own || !machine.set.shares)
        report(RESIDENCY_NESTED_MAPPING, address, entry);
    else if (!sharing_allows(address))
        report(RESIDENCY_SHARED_UNASKED, address, entry);
    else if (!(entry & PTE_NX))
        report(RESIDENCY_SHARED_EXECUTABLE, address, entry);
}

/* A guest reaches its slots, write-back; what it shares; and devices, of which video memory lies
 * where RAM could be. */
static void check_nested_leaf(uint64_t entry, unsigned level, uint64_t guest)
{
    uint64_t bytes = UINT64_C(1) << (FRAME_SHIFT + 9 * (level - 1));
    uint64_t start = entry & PTE_ADDRESS & ~(bytes - 1);

    seen.nested_leaves++;
    for (uint64_t at = start; at < start + bytes; at += FRAME_BYTES) {
        if (offset_of_address(at) == NOWHERE)
            continue;
        if (in_region(at)) {
            if (!is_guests(at) || entry_type(entry, level == 1, machine.host.pat) != MEMORY_WB)
                report(RESIDENCY_NESTED_MAPPING, at, entry);
        } else if (is_video(at))
            seen.public_frames++;
        else
            check_outside(at, entry, level, guest + (at - start));
    }
}

static void visit(enum tree tree, uint64_t address, unsigned level, uint64_t parent,
                  unsigned index);

static void visit_entry(enum tree tree, uint64_t address, unsigned level, unsigned index,
                        uint64_t entry)
{
    if (!(entry & PTE_PRESENT))
        return;
    if (level > 1 && !(level < 4 && (entry & PTE_LARGE)))
        visit(tree, entry & PTE_ADDRESS, level - 1, address, index);
    else if (tree == TREE_NESTED)
        check_nested_leaf(entry, level, guest_physical(address, index));
}

static void visit(enum tree tree, uint64_t address, unsigned level, uint64_t parent, unsigned index)
{
    struct table *table = table_at(address);

    if (!table) {
        report(tree == TREE_HOST ? RESIDENCY_HOST_TABLE : RESIDENCY_NESTED_TABLE, address, level);
        return;
    }
    struct table now = { tree, (uint8_t)level, (uint16_t)index, 0, parent };
    if (!walks_all && memcmp(table, &now, sizeof now) == 0)
        return;         /* known, and each store to it since is in `changed` */
    *table = now;
    if (tree == TREE_HOST)
        seen.host_tables++;
    else
        seen.nested_tables++;
    const uint64_t *entries = (const uint64_t *)(machine.ram + offset_of_address(address));
    for (unsigned i = 0; i < ENTRIES; i++)
        visit_entry(tree, address, level, i, entries[i]);
}

void audit_host_tables_moved(void)
{
    host_root = NOWHERE;
}

bool audit_stored(uint64_t address)
{
    struct table *table = tables ? table_at(address) : NULL;

    if (!table || table->tree == TREE_NONE)
        return false;
    if (changed_count < CHANGED)
        changed[changed_count] = address & ~UINT64_C(7);
    changed_count++;
    return true;
}

bool audit_is_table(uint64_t address)
{
    struct table *table = tables ? table_at(address) : NULL;

    return table && table->tree != TREE_NONE;
}

/* A table may have been taken out of its tree since, and be something else now. */
static bool is_linked(const struct table *table, uint64_t address)
{
    if (table->parent == NOWHERE)
        return address == (table->tree == TREE_HOST ? host_root : nested_root);
    uint64_t entry = table_entry(table->parent, table->index);
    return (entry & PTE_PRESENT) && (entry & PTE_ADDRESS) == address;
}

static void visit_roots(void)
{
    uint64_t host = machine.host.cr3 & PTE_ADDRESS;

    walks_all = true;
    if (host_root != host)
        visit(TREE_HOST, host_root = host, host_levels(), NOWHERE, 0);
    if (nested_root != machine.nested_cr3 && machine.nested_cr3 != 0)
        visit(TREE_NESTED, nested_root = machine.nested_cr3, host_levels(), NOWHERE, 0);
    walks_all = false;
}

/* In the order of the stores: a table that was filled and then linked is walked when its link is
 * looked at. */
void audit_changed_tables(uint64_t rip)
{
    current_rip = rip;
    if (changed_count > CHANGED)
        host_root = nested_root = NOWHERE;
    visit_roots();
    for (size_t i = 0; i < changed_count && changed_count <= CHANGED; i++) {
        uint64_t      frame = changed[i] & ~(uint64_t)(FRAME_BYTES - 1);
        struct table *table = table_at(frame);
        if (is_linked(table, frame))
            visit_entry(table->tree, frame, table->level, (unsigned)(changed[i] - frame) / 8,
                        table_entry(changed[i], 0));
        else
            table->tree = TREE_NONE;
    }
    changed_count = 0;
}

static void check_inside(enum residency_rule rule, uint64_t address, uint64_t bytes)
{
    for (uint64_t at = address; at < address + bytes; at += FRAME_BYTES)
        if (!in_region(at))
            report(rule, at, address);
}

void audit_control_block(uint64_t rip, uint64_t iopm, uint64_t msrpm)
{
    current_rip = rip;
    check_inside(RESIDENCY_CONTROL_BLOCK, machine.vmcb, FRAME_BYTES);
    check_inside(RESIDENCY_CONTROL_BLOCK, machine.host_state & PTE_ADDRESS, FRAME_BYTES);
    check_inside(RESIDENCY_CONTROL_BLOCK, iopm & PTE_ADDRESS, IOPM_BYTES);
    check_inside(RESIDENCY_CONTROL_BLOCK, msrpm & PTE_ADDRESS, MSRPM_BYTES);
}

static uint64_t linear_word(uint64_t linear)
{
    struct translation at = walk_host(linear);

    return at.address == NOWHERE ? 0 : table_entry(at.address, 0);
}

static void check_linear(uint64_t linear)
{
    struct translation at = walk_host(linear);

    if (at.address == NOWHERE || !in_region(at.address))
        report(RESIDENCY_DESCRIPTOR_TABLE, at.address, linear);
}

/* The stacks that a task state segment names. Source: AMD APM vol 2 (24593), 12.2.5: IST1 to IST7
 * at 24h. */
static void check_task_state(uint64_t base)
{
    check_linear(base);
    for (unsigned offset = 0x24; offset <= 0x54; offset += 8) {
        uint64_t top = linear_word(base + offset);
        if (top != 0)
            check_linear(top - 8);
    }
}

static void check_descriptor_tables(bool is_gdt, uint64_t base, uint16_t limit)
{
    check_linear(base);
    check_linear(base + limit);
    for (uint64_t at = base; is_gdt && at + 15 <= base + limit; at += 8) {
        uint64_t low = linear_word(at), type = low >> 40 & 0x1F;
        if (type != TYPE_TSS_AVAILABLE && type != TYPE_TSS_BUSY)
            continue;
        check_task_state((low >> 16 & 0xFFFFFF) | (low >> 56 & 0xFF) << 24
                         | linear_word(at + 8) << 32);
    }
}

static struct {
    uint64_t base;
    uint16_t limit;
    bool     is_loaded;
} descriptors[2];

void audit_descriptor_table(uint64_t rip, bool is_gdt, uint64_t base, uint16_t limit)
{
    if (!is_hypervisor())
        return;
    descriptors[is_gdt].base = base;
    descriptors[is_gdt].limit = limit;
    descriptors[is_gdt].is_loaded = true;
    current_rip = rip;
    if (is_watched())
        check_descriptor_tables(is_gdt, base, limit);
}

void audit_checkpoint(void)
{
    struct residency_checkpoint record = { 0 };

    memset(&seen, 0, sizeof seen);
    current_rip = NOWHERE;      /* what is found here was done earlier, by an unknown instruction */
    host_root = nested_root = NOWHERE;
    if (machine.totals.vm_entries > 0)
        visit_roots();
    for (unsigned i = 0; i < 2; i++)
        if (descriptors[i].is_loaded)
            check_descriptor_tables(i, descriptors[i].base, descriptors[i].limit);
    record.frames = dram_compare(&record.unseen_bytes);
    record.host_tables = seen.host_tables;
    record.nested_tables = seen.nested_tables;
    record.nested_leaves = seen.nested_leaves;
    record.public_frames = seen.public_frames;
    dram_settle();
    record_append(RESIDENCY_CHECKPOINT, &record, sizeof record);
}
