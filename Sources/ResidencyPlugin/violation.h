/* violation.h — records violations of the rules: the first few hundred of each rule in full, all of
 * them by count. */
#pragma once
#include "machine.h"

struct violation {
    enum residency_rule rule;
    uint64_t            address;    /* host-physical; NOWHERE if it could not be seen */
    uint64_t            rip;        /* linear */
    uint64_t            value;
    const struct bus_event *event;  /* CACHE_RULE: what moved; else NULL */
};

void violation_record(struct violation violation);
