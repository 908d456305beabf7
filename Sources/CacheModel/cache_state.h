/* cache_state.h — what a model is made of. Private to the model. */
#pragma once
#include "cache_sets.h"

#define TYPE_SLOTS 4096
#define PAGE_SHIFT 12

struct cache_model {
    struct cache_sets     sets;
    struct cache_config   config;
    struct mtrr_state     mtrrs;
    uint32_t              line_shift;
    bool                  disabled;             /* CR0.CD */
    bool                  invd_writes_back;
    bool                  armed;
    struct cache_counters counters;
    uint64_t              rule_counts[RULE_COUNT];
    struct watch_report   watch;
    /* MTRR types looked up before; MTRRs never divide a page. */
    uint8_t              *mapped_types;         /* of each page below mapped_bytes; MEMORY_NONE: not
                                                   yet */
    uint64_t              mapped_pages;
    uint64_t              pages[TYPE_SLOTS];    /* of others */
    uint8_t               page_types[TYPE_SLOTS];
};
