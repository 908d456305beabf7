#include "violation.h"

#include "pager_view.h"
#include "record.h"

#define FULL_RECORDS 256u       /* of each rule: one must not hide another */

void violation_record(struct violation violation)
{
    const struct bus_event *event = violation.event;
    struct residency_violation record = {
        .address = violation.address, .rip = violation.rip, .rip_physical = machine.block,
        .value = violation.value, .rule = violation.rule,
        .page = pager_view_page_at(violation.address), .type = MEMORY_NONE,
        .mode = machine.is_guest ? MODE_GUEST : MODE_HOST };

    uint64_t before = machine.totals.rule_violations[violation.rule]++;
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
