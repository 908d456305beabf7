/* judge_state.h — what a judge knows. */
#pragma once
#include "access_judge.h"
#include "homes.h"

#define LINE_BYTES      64u         /* of a cache */
#define TEXT_MAX        512u        /* of a line of text: the longest is an access of 64 bytes */
#define ENTRY_BYTES     sizeof(struct page_entry)
#define WINDOWS         256u
#define VIOLATIONS      256u
#define WALKS           64u         /* between two instructions' lines; a nested walk of five levels
                                       has 30 */

/* What the last nested entry that led to a frame says of the guest's own choice of memory types. */
enum leaf : uint8_t { LEAF_UNSEEN, LEAF_IGNORES_PAT, LEAF_HEEDS_PAT };

struct access_judge {
    struct access_settings settings;
    struct access_totals   totals;
    struct homes           homes;
    uint8_t               *region, *region_known;       /* what was stored there */
    uint64_t              *stored;                      /* when; one for each ENTRY_BYTES of it */
    uint8_t               *filled;                      /* a byte for each line of the region */
    uint8_t               *leaves;                      /* enum leaf of each frame of the region */
    struct access_violation violations[VIOLATIONS];
    size_t                 violation_count;
    struct access_window   windows[WINDOWS];
    size_t                 window_count;
    struct access_line     walks[WALKS];                /* typed walks: guest's or host's, the next
                                                           instruction tells */
    size_t                 walk_count;
    struct access_line     now;                         /* the instruction that accesses are of */
    enum residency_mode    mode;
    bool                   in_window, in_freeze, is_frozen;
    uint64_t               breakpoint, stop;            /* the last of each: where, when */
    uint32_t               seal_depth;                  /* calls inside of page_seal, itself
                                                           included; 0: outside */
    size_t                 kept;
    char                   line[TEXT_MAX];              /* the beginning of one */
};

static inline bool within(struct access_range range, uint64_t address)
{
    return address >= range.base && address < range.end;
}
