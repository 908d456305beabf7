/* access_judge.h — holds a trace of Bochs's debugger against the rules of the residency proof, as
 * far as they overlap.
 *
 * Bochs has no cache: what is judged is where the CPU's accesses lead and of which memory type they
 * are, in the windows of time that were traced. Fed in pieces; needs memory for the frozen region
 * and for homes that are being written, whatever the length of the trace.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "access_line.h"
#include "residency_record.h"

struct access_range {
    uint64_t base, end;
};

struct access_settings {
    struct access_range region;             /* host-physical */
    uint64_t            ram_end;            /* RAM below 4 GiB; above it are devices */
    struct access_range legacy;             /* video memory, then ROMs: no page's home */
    uint64_t            hypervisor_base;    /* linear, of the region's first byte */
    uint64_t            text_bytes, image_bytes;    /* from the region's first byte: instructions;
                                                       and data, stack */
    uint64_t            freeze, page_seal;  /* linear, of these functions */
};

/* The first of each rule are kept. */
struct access_violation {
    enum residency_rule rule;
    enum cache_rule     cache_rule;         /* of RESIDENCY_CACHE_RULE */
    enum residency_mode mode;
    enum memory_type    type;
    uint64_t            instant;
    uint64_t            rip;                /* linear */
    uint64_t            address;            /* host-physical; UINT64_MAX: the trace does not tell */
    uint64_t            value;              /* the table entry; else 0 */
};

struct access_window {
    uint64_t start;                         /* linear: the breakpoint that it began at */
    uint64_t first_instant;
    uint64_t instructions, accesses, guest_instructions;
};

enum access_home_end : uint8_t {
    HOME_ERASED,                            /* zeroes only */
    HOME_WRITTEN,                           /* to be explained */
    HOME_CUT,                               /* page_seal was not over when the window was */
};

/* A frame of RAM outside of the region that the hypervisor wrote to, when it is time to explain it:
 * at the end of page_seal, at an entry of the guest, at a second write to the same byte, at the end
 * of a window. */
struct access_home {
    uint64_t             address;           /* of the frame */
    uint64_t             first;             /* the first byte that was written */
    uint64_t             instant, rip;      /* of that write */
    uint64_t             since;             /* an entry for it was stored then, or later */
    uint32_t             written;           /* bytes */
    enum access_home_end end;
    bool                 is_firmware;
    const uint8_t       *bytes;             /* PAGE_BYTES of them, until `explain` returns */
    const uint8_t       *known;             /* as many, 1: written */
};

struct access_totals {
    uint64_t lines, unknown_lines;
    uint64_t instructions, guest_instructions, entries;
    uint64_t blind_instructions;            /* of the guest's: the debugger did not tell which */
    uint64_t reads, writes;                 /* of instructions */
    uint64_t walks, nested_walks, controls; /* accesses of the CPU's own */
    uint64_t region_accesses, dram_reads, dram_writes;
    uint64_t filled_lines, region_lines;    /* of the region: stored to, write-back, in the freeze's
                                               window */
    bool     has_freeze;                    /* that window is complete */
    bool     is_cut;                        /* the trace ends inside of a window */
    uint64_t rules[RESIDENCY_RULES];
    uint64_t cache_rules[RULE_COUNT];
};

struct access_judge;

/* NULL: no memory. `explain` is called from access_judge_feed and access_judge_end. */
struct access_judge *access_judge_make(const struct access_settings *settings,
                                       void (*explain)(void *, const struct access_home *),
                                       void *context);
void access_judge_free(struct access_judge *judge);
void access_judge_feed(struct access_judge *judge, const char *text, size_t bytes);
void access_judge_end(struct access_judge *judge);      /* no more will come */

const struct access_totals  *access_judge_totals(const struct access_judge *judge);
const struct access_violation *
access_judge_violations(const struct access_judge *judge, size_t *count);
const struct access_window  *access_judge_windows(const struct access_judge *judge, size_t *count);

/* What the traced stores left at an offset of the region: an entry of the tree, aligned to its
 *   size. instant   of the last of them
 *   returns   false where some of its bytes were not stored; sealing leaves `next` as it is
 */
bool access_judge_entry(const struct access_judge *judge, uint64_t offset, struct page_entry *entry,
                        uint64_t *instant);
