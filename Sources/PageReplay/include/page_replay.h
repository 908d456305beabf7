/* page_replay.h — the hypervisor's own pager, run natively over a record of touched pages, cipher
 * included.
 *
 * Policies that only a replay can have see every touch, or the future.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "gcm.h"
#include "page.h"
#include "touch_record.h"

enum replay_policy : uint32_t {
    REPLAY_CLOCK,           /* the hypervisor's own, and what becomes of clock by either half of
                               gclock-ahead */
    REPLAY_CLOCK_AHEAD,
    REPLAY_GCLOCK,
    REPLAY_GCLOCK_AHEAD,
    REPLAY_FIFO,
    REPLAY_LRU,             /* the page whose last touch is oldest: no CPU records that */
    REPLAY_SIEVE,           /* by accessed marks; queues.c */
    REPLAY_TWO_QUEUES,
    REPLAY_ADAPTIVE,
    REPLAY_OPTIMUM,         /* the page whose next touch is farthest: needs the future */
};

struct replay_input {
    const uint32_t       *touches;      /* touch_record.h; must stay where they are */
    uint64_t              count;        /* < 2^32 */
    uint64_t              covered_bytes;
    struct page_geometry  geometry;     /* metadata homes right behind covered_bytes */
    struct page_entry     root;
    const struct gcm_key *image_key;    /* must stay, too */
};

/* Of level-0 pages, but for the last two. */
struct replay_counts {
    uint64_t misses;        /* touches of pages that had no slot: exits */
    uint64_t blanks;        /* opened without decryption */
    uint64_t opens;         /* decrypted */
    uint64_t ahead;         /* of both, before they were touched */
    uint64_t seals;
    uint64_t drops;
    uint64_t metadata_opens, metadata_seals;
};

struct replay;

/* NULL: no memory. */
struct replay *replay_create(const struct replay_input *input);
void replay_free(struct replay *replay);
uint64_t replay_distinct_pages(const struct replay *replay);

/* Puts 4096 bytes of ciphertext into DRAM, before the first run. */
bool replay_put_home(struct replay *replay, uint64_t home, const void *bytes);

/* From the state after boot: nothing resident, DRAM as it was put.
 *   slots     at least 1 + 2 * PAGE_LEVELS
 *   returns   false: no memory, or the pager refused; `counts` is not set then
 */
bool replay_run(const struct replay *replay, enum replay_policy policy, uint32_t slots,
                struct replay_counts *counts);

/* Misses of Belady's optimum when metadata pages take no slots: no pager that opens pages on demand
 *   can have fewer. source    L. A. Belady, "A study of replacement algorithms for a
 *   virtual-storage computer", 1966 returns   UINT64_MAX: no memory
 */
uint64_t replay_bound(const struct replay *replay, uint32_t slots);
