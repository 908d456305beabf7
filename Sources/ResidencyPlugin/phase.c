#include "phase.h"

#include "audit.h"
#include "dram.h"
#include "record.h"
#include "violation.h"

static enum memory_type range_type(uint64_t address)
{
    return cache_type(machine.cache, &(struct cache_access){
        .address = address, .bytes = 1, .page_type = MEMORY_WB, .nested_type = MEMORY_NONE });
}

static bool is_cacheable(enum memory_type type)
{
    return type == MEMORY_WB || type == MEMORY_WT || type == MEMORY_WP;
}

/* The first address whose MTRR type is not what `fit` wants; NOWHERE if there is none. */
static uint64_t first_misfit(void)
{
    for (uint64_t offset = 0; offset < machine.set.ram_bytes; offset += FRAME_BYTES) {
        uint64_t         address = address_of_offset(offset);
        enum memory_type type = range_type(address);
        if (in_region(address) ? type != MEMORY_WB : is_cacheable(type))
            return address;
    }
    return NOWHERE;
}

static uint64_t not_modified(uint64_t *first)
{
    uint64_t count = 0, end = machine.set.region_base + machine.set.region_bytes;

    *first = NOWHERE;
    for (uint64_t line = machine.set.region_base; line < end;
         line += machine.set.geometry.line_bytes)
        if (cache_line_state(machine.cache, line) != LINE_MODIFIED && count++ == 0)
            *first = line;
    return count;
}

static void enter(enum residency_phase phase, enum residency_rule because)
{
    struct residency_phase_change record = { .phase = phase, .because = because,
        .write_backs = machine.totals.phase_write_backs[machine.phase] };

    record.not_modified = not_modified(&record.first_not_modified);
    machine.phase = phase;
    dram_settle();
    record_append(RESIDENCY_PHASE, &record, sizeof record);
    if (is_watched()) {
        audit_checkpoint();     /* devices wrote too: the view of DRAM begins true */
        dram_begin_log();
    }
}

static void check_ranges(uint64_t rip)
{
    uint64_t misfit = first_misfit();
    enum residency_rule rule = in_region(misfit)
        ? RESIDENCY_REGION_TYPE : RESIDENCY_WIDER_WRITE_BACK;

    if (misfit != NOWHERE)
        violation_record((struct violation){ rule, misfit, rip, range_type(misfit), NULL });
}

void phase_check(uint64_t rip)
{
    static uint64_t checked;
    uint64_t unseen;

    if (checked == machine.control_changes)
        return;
    if (is_watched()) {
        checked = machine.control_changes;
        check_ranges(rip);
        return;
    }
    if (machine.phase != PHASE_BOOT || !is_hypervisor() || (machine.host.cr0 & CR0_CD))
        return;
    checked = machine.control_changes;
    if (first_misfit() != NOWHERE)
        return;
    dram_compare(&unseen);
    enter(PHASE_FILL, RESIDENCY_RULES);
}

void phase_region_written(uint64_t address)
{
    uint64_t end = machine.set.region_base + machine.set.region_bytes, first;
    uint64_t last = end - machine.set.geometry.line_bytes;

    if (machine.phase == PHASE_FILL && address >= last && not_modified(&first) == 0)
        enter(PHASE_FROZEN, RESIDENCY_RULES);
}

static void open(enum residency_rule because, uint64_t rip)
{
    uint64_t first;
    bool     is_modified = not_modified(&first) == 0;

    if (is_watched())
        return;
    if (machine.phase == PHASE_FILL && is_modified) {
        enter(PHASE_FROZEN, RESIDENCY_RULES);
        return;
    }
    enter(PHASE_OPEN, because);
    violation_record((struct violation){ because, first, rip, 0, NULL });
    check_ranges(rip);
}

void phase_secret(uint64_t rip)
{
    if (is_hypervisor())
        open(RESIDENCY_NEVER_FROZEN, rip);
}

void phase_launch(uint64_t rip)
{
    open(RESIDENCY_NEVER_FROZEN, rip);
    if (machine.phase == PHASE_FROZEN)
        check_ranges(rip);
}

void phase_region_moved(const struct bus_event *event)
{
    bool leaves = event->kind == BUS_WRITE_BACK || event->kind == BUS_WRITE
        || event->kind == BUS_LOSE;

    if (event->kind == BUS_WRITE_BACK)
        machine.totals.phase_write_backs[machine.phase]++;
    if (machine.phase == PHASE_FROZEN || (machine.phase == PHASE_OPEN && leaves))
        violation_record((struct violation){ RESIDENCY_CACHE_RULE, event->address, event->tag, 0,
            event });
}
