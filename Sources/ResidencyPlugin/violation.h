/* violation.h — writes down what breaks the verdict: the first few thousand in full, all of them by count. */
#pragma once
#include "machine.h"

struct offence {
    enum residency_rule rule;
    uint64_t            address;    /* host-physical; NOWHERE if it could not be seen */
    uint64_t            rip;        /* linear */
    uint64_t            value;
    const struct bus_event *event;  /* CACHE_RULE: what moved; else NULL */
};

void violation(struct offence offence);
/* Where the instruction that runs now begins, host-physical: for the records. */
extern uint64_t block_physical;
