/* cache_presets.h — shapes of caches that exist, and where the numbers come from. */
#pragma once
#include <stddef.h>

#include "cache_model.h"

struct cache_preset {
    const char           *name;
    const char           *cpu;
    enum cache_vendor     vendor;
    struct cache_geometry geometry;
    const char           *source;   /* says [recalled] of what was not re-read */
};

/* No vendor documents how its cache chooses a victim; the presets' choice is a stand-in. */
extern const size_t cache_preset_count;

/* NULL from cache_preset_count on. */
const struct cache_preset *cache_preset_at(size_t index);

/* NULL if there is none of this name. */
const struct cache_preset *cache_preset_named(const char *name);
