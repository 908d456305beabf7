#include <stdlib.h>
#include <string.h>

#include "cache_state.h"

#define HWCR_INVD_WBINVD (UINT64_C(1) << 4)

static void forget_types(struct cache_model *model)
{
    memset(model->mapped_types, MEMORY_NONE, model->mapped_pages);
    memset(model->pages, 0xFF, sizeof model->pages);
}

struct cache_model *cache_create(const struct cache_config *config)
{
    if (!cache_geometry_valid(config->geometry) || config->vendor > CACHE_AMD)
        return NULL;

    struct cache_model *model = calloc(1, sizeof *model);
    if (!model)
        return NULL;
    model->config = *config;
    model->line_shift = (uint32_t)__builtin_ctz(config->geometry.line_bytes);
    model->mapped_pages = config->mapped_bytes >> PAGE_SHIFT;
    model->mapped_types = malloc(model->mapped_pages + 1);
    if (!model->mapped_types || !sets_create(&model->sets, config)) {
        cache_destroy(model);
        return NULL;
    }
    forget_types(model);
    return model;
}

void cache_destroy(struct cache_model *model)
{
    if (!model)
        return;
    sets_destroy(&model->sets);
    free(model->mapped_types);
    free(model);
}

void cache_write_cr0(struct cache_model *model, uint64_t cr0)
{
    model->disabled = cr0 & CR0_CD;
}

bool cache_write_msr(struct cache_model *model, uint32_t msr, uint64_t value)
{
    bool amd = model->config.vendor == CACHE_AMD;

    if (msr == MSR_AMD_HWCR && amd) {
        model->invd_writes_back = value & HWCR_INVD_WBINVD;
        return true;
    }
    if (!amd && (msr == MSR_AMD_SYSCFG || msr == MSR_AMD_TOP_MEM2))
        return false;
    if (!mtrr_write(&model->mtrrs, msr, value))
        return false;
    forget_types(model);
    return true;
}

enum line_state cache_line_state(const struct cache_model *model, uint64_t address)
{
    size_t at = sets_find(&model->sets, address >> model->line_shift);

    if (at == NOT_HELD)
        return LINE_ABSENT;
    return sets_is_modified(&model->sets, at) ? LINE_MODIFIED : LINE_CLEAN;
}

struct cache_counters cache_counters(const struct cache_model *model)
{
    return model->counters;
}

uint64_t cache_rule_count(const struct cache_model *model, enum cache_rule rule)
{
    return rule < RULE_COUNT ? model->rule_counts[rule] : 0;
}

bool cache_watch(struct cache_model *model, uint64_t base, uint64_t bytes)
{
    uint64_t size = model->config.geometry.line_bytes;
    uint64_t first = base & ~(size - 1), end = (base + bytes + size - 1) & ~(size - 1);

    model->armed = bytes != 0 && end > first;
    model->watch = (struct watch_report){ 0 };
    if (!model->armed)
        return false;
    model->watch.base = first;
    model->watch.bytes = end - first;
    model->watch.lines = (end - first) / size;
    for (uint64_t line = first; line < end; line += size)
        if (cache_line_state(model, line) != LINE_MODIFIED && model->watch.not_modified++ == 0)
            model->watch.first_not_modified = line;
    return true;
}

struct watch_report cache_watch_report(const struct cache_model *model)
{
    return model->watch;
}

bool cache_watch_holds(const struct cache_model *model)
{
    return model->armed && model->watch.not_modified == 0 && model->watch.violations == 0;
}
