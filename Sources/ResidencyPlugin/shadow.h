/* shadow.h — a second copy of the hypervisor's own part of the region, all below the slots: what
 * differs from it without a store that was reported was changed by a device. */
#pragma once
#include "machine.h"

/* At the guest's first entry. */
void shadow_start(void);
/* A store of the CPU's; cheap where it is not to the hypervisor's part. */
void shadow_stored(uint64_t address, uint32_t bytes);
/* Holds both copies against each other, and makes them the same. Stores that are not reported
 * because they repeat others must not span it. */
void shadow_check(void);
/* The guest is where it has nothing: that is told, and what led it there is looked for before it is
 * undone. */
void shadow_reached(uint64_t address, uint64_t rip);
