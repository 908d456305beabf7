/* strategies.h — the strategies that have a file of their own, for freeze.c only. Each panics where
 * this CPU cannot. */
#pragma once
#include <stdint.h>

void freeze_fit(uint64_t base, uint64_t bytes);
