#include "violation.h"

#include "dram.h"
#include "pager_view.h"

#define FULL_RECORDS 4096u

uint64_t block_physical = NOWHERE;

void violation(struct offence offence)
{
    const struct bus_event *event = offence.event;
    struct residency_violation record = {
        .address = offence.address, .rip = offence.rip, .rip_physical = block_physical, .value = offence.value,
        .rule = offence.rule, .page = pager_view_page_at(offence.address), .type = MEMORY_NONE,
        .mode = machine.is_guest ? MODE_GUEST : MODE_HOST };

    machine.totals.rule_violations[offence.rule]++;
    if (event) {
        machine.totals.cache_rule_violations[event->rule]++;
        record.cache_rule = event->rule;
        record.kind = event->kind;
        record.access = event->access;
        record.type = event->type;
    }
    if (machine.totals.violations++ < FULL_RECORDS)
        record_append(RESIDENCY_VIOLATION, &record, sizeof record);
}
