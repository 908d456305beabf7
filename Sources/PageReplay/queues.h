/* queues.h — policies that keep slots in order of arrival. */
#pragma once
#include "run.h"

struct queues *queues_create(enum replay_policy policy, uint32_t slots, uint64_t pages);
void queues_free(struct queues *queues);

void queues_inserted(struct run *run, slot_t slot);
void queues_removed(struct run *run, slot_t slot);
/* A miss has been served. */
void queues_served(struct run *run, slot_t slot);

slot_t policy_queues(struct pager *pager);
