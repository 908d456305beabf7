/* phase.h — from power-on to the frozen region: what the model says, not what the hypervisor says.
 * */
#pragma once
#include "machine.h"

/* Control state may have changed, by the instruction at `rip`: has the next phase begun, and do the
 * memory types still fit? */
void phase_check(uint64_t rip);
/* A line of the region was written. */
void phase_region_written(uint64_t address);
/* The hypervisor draws a random number: secrets begin. */
void phase_secret(uint64_t rip);
/* The guest is entered for the first time. */
void phase_launch(uint64_t rip);
/* A line of the region moved. */
void phase_region_moved(const struct bus_event *event);
