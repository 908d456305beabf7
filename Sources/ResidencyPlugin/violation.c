#include "violation.h"

#include "dram.h"
#include "pager_view.h"

#define FULL_RECORDS 256u       /* of each rule: one must not hide another */

uint64_t block_physical = NOWHERE;

void violation(struct offence offence)
{
    const struct bus_event *event = offence.event;
    struct residency_violation record = {
        .address = offence.address, .rip = offence.rip, .rip_physical = block_physical, .value = offence.value,
        .rule = offence.rule, .page = pager_view_page_at(offence.address), .type = MEMORY_NONE,
        .mode = machine.is_guest ? MODE_GUEST : MODE_HOST };

    uint64_t before = machine.totals.rule_violations[offence.rule]++;
    if (event) {
        before = machine.totals.cache_rule_violations[event->rule]++;
        record.cache_rule = event->rule;
        record.kind = event->kind;
        record.access = event->access;
        record.type = event->type;
    }
    machine.totals.violations++;
    if (before < FULL_RECORDS)
        record_append(RESIDENCY_VIOLATION, &record, sizeof record);
}
