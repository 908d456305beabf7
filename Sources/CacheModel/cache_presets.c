#include "cache_presets.h"

#include <string.h>

static const struct cache_preset cache_presets[] = {
    { "zen2-l2", "AMD Zen to Zen 3, L2 of one core, 512 KiB", CACHE_AMD,
      { 64, 1024, 8, 1, CACHE_INDEX_PLAIN, CACHE_TREE_PLRU },
      "AnandTech 10578 (2016) for Zen; Zen 2 and 3 the same [recalled]" },
    { "zen4-l2", "AMD Zen 4, L2 of one core, 1 MiB", CACHE_AMD,
      { 64, 2048, 8, 1, CACHE_INDEX_PLAIN, CACHE_TREE_PLRU },
      "AMD Software Optimization Guide for Zen 4 (57647) [recalled]; press reports agree" },
    { "zen2-l3", "AMD Zen 2, L3 of one core complex, 16 MiB", CACHE_AMD,
      { 64, 16384, 16, 1, CACHE_INDEX_PLAIN, CACHE_TRUE_LRU },
      "AnandTech 10591 (2016) for Zen: 16 ways, slices by low-order address interleave; Zen 2's "
      "size [recalled]" },
    { "zen3-l3", "AMD Zen 3, L3 of one core complex, 32 MiB", CACHE_AMD,
      { 64, 32768, 16, 1, CACHE_INDEX_PLAIN, CACHE_TRUE_LRU },
      "as zen2-l3; 32 MiB a complex from press reports of 2020; that the interleave stayed "
      "[recalled]" },
    { "skylake-sp-l2", "Intel Xeon Scalable 1st to 2nd generation, L2 of one core, 1 MiB",
        CACHE_INTEL,
      { 64, 1024, 16, 1, CACHE_INDEX_PLAIN, CACHE_TREE_PLRU },
      "Intel support article 000027820 for the size; 16 ways [recalled]" },
    { "sapphire-rapids-l2", "Intel Xeon Scalable 4th generation, L2 of one core, 2 MiB",
        CACHE_INTEL,
      { 64, 2048, 16, 1, CACHE_INDEX_PLAIN, CACHE_TREE_PLRU },
      "Intel support article 000027820 for the size; 16 ways [recalled]" },
    { "skylake-u-l2", "Intel Core 6th generation laptop, L2 of one core, 256 KiB", CACHE_INTEL,
      { 64, 1024, 4, 1, CACHE_INDEX_PLAIN, CACHE_TREE_PLRU },
      "AnandTech 10578 (2016), table of cache levels" },
    { "skylake-l3", "Intel Core i7-6700K, L3, four hashed slices of 2 MiB", CACHE_INTEL,
      { 64, 2048, 16, 4, CACHE_INDEX_SLICED, CACHE_TRUE_LRU },
      "AnandTech 10578 (2016) for size and ways; the index inside a slice from plain address bits "
      "[recalled]" },
    { "skylake-sp-l3",
        "Intel Xeon Scalable 1st to 2nd generation, L3, 28 hashed slices of 1.375 MiB", CACHE_INTEL,
      { 64, 2048, 11, 28, CACHE_INDEX_UNKNOWN, CACHE_TRUE_LRU },
      "Intel support article 000027820 for the slice; 11 ways, 28 slices [recalled]; "
      "hash: McCalpin, Mapping Addresses to L3/CHA Slices (2021), its opening read" },
};
const size_t cache_preset_count = sizeof cache_presets / sizeof *cache_presets;

const struct cache_preset *cache_preset_at(size_t index)
{
    return index < cache_preset_count ? &cache_presets[index] : NULL;
}

const struct cache_preset *cache_preset_named(const char *name)
{
    for (size_t i = 0; i < cache_preset_count; i++)
        if (strcmp(cache_presets[i].name, name) == 0)
            return &cache_presets[i];
    return NULL;
}
