/* freeze.h — makes the cache keep the frozen region. */
#pragma once
#include <stdint.h>

#include "image.h"

/* Freezes [base, base + bytes); panics where this CPU cannot. Returns the cycles it took. Before
 * it, nothing secret may be in memory: it writes all caches back. */
uint64_t freeze(enum image_freeze strategy, uint64_t base, uint64_t bytes);

/* The largest cache for data that CPUID tells of, in bytes; 0: it tells of none. */
uint64_t freeze_cache_bytes(void);
