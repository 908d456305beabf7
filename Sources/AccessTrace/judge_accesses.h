/* judge_accesses.h — where an access leads, and of which memory type it is. */
#pragma once
#include "judge_state.h"

/* RAM that holds the guest's data, or ours: neither the region nor the firmware's. */
bool is_private(const struct access_judge *judge, uint64_t address);

void judge_report(struct access_judge *judge, struct access_violation violation);
void judge_report_at(struct access_judge *judge, enum residency_rule rule,
                     const struct access_line *line, uint64_t value);
void judge_report_cache(struct access_judge *judge, enum cache_rule rule, uint64_t address,
                        enum memory_type type);

/* An access of an instruction. */
void judge_access(struct access_judge *judge, const struct access_line *line);
/* An access that the CPU makes for itself: a page walk, or one to a control block. */
void judge_own(struct access_judge *judge, const struct access_line *line);
/* Judges the walks that were kept until it was known who walked. */
void judge_walks(struct access_judge *judge);
