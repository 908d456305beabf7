/* touches.h — keeps which pages the guest touched, for replays of the pager: touch_record.h. */
#pragma once
#include "machine.h"

/* Begins touches.bin in the record; without machine.set.touched_image nothing is kept. */
void touches_start(void);
/* The guest accessed `address` (host-physical) by way of `linear`. */
void touches_note(uint64_t linear, uint64_t address, bool is_store);
void touches_end(void);
