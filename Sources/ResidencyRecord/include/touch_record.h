/* touch_record.h — which pages the guest touched in a run, in order, thinned.
 *
 *   touches.bin      struct touch_header, then a uint32_t for each touch
 *
 * A touch is a load, a store, a fetch, or a step of a page walk; a walk counts as a write, because
 * the CPU treats it as one (AMD APM vol 2 (24593), "Nested versus Guest Page Faults, Fault
 * Ordering"). It is left out when the same page stands among the last `window` touches that were
 * kept: what is kept are the misses of a first-in-first-out store of `window` pages. A store to a
 * page that was only read there is kept, too.
 */
#pragma once
#include <stdint.h>

#include "image.h"

#define TOUCH_MAGIC   "FROSTTCH"
#define TOUCH_VERSION 1u

#define TOUCH_WRITE   (UINT32_C(1) << 31)
#define TOUCH_PAGE    ((UINT32_C(1) << PAGE_INDEX_BITS) - 1)   /* its index at level 0 */

struct touch_header {
    char     magic[8];
    uint32_t version;
    uint32_t window;            /* pages */
    uint64_t covered_bytes;     /* the guest's RAM lies below */
    uint32_t run_count;
    uint32_t reserved;
    struct image_run runs[IMAGE_RUNS];  /* pages that have ciphertext at home from the start; all
                                           others are blank */
};
