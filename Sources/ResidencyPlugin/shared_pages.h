/* shared_pages.h — the pages that the guest shares with devices, by their homes. */
#pragma once
#include "machine.h"

/* Any address of RAM. */
bool shared_pages_hold(uint64_t address);
void shared_pages_change(uint64_t home, bool is_shared);
