/* page.h — a page of the guest, or of the integrity tree, as it lies in DRAM.
 *
 * Level 0 pages are the guest's own. A level n+1 page is a *metadata page*: 128 entries, each
 * describing one level n page. The entry of the single page of the top level, the root, never
 * leaves the frozen region (while running) or the authenticated header (in an image). An old or
 * foreign home therefore fails its tag.
 *
 * shape   home: 4096 bytes of AES-256-GCM ciphertext; nonce, tag and state stand in the parent's
 *         entry
 * source  NIST SP 800-38D (GCM); docs/design/overview.md, "Life of a page"
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "gcm.h"

#define PAGE_BYTES          4096u
#define PAGE_ENTRIES        128u        /* entries in one metadata page */
#define PAGE_ENTRIES_LOG2   7u
#define PAGE_LEVELS         5u          /* 0: guest; 1..4: metadata. Level 4 covers 1 TiB */
#define PAGE_INDEX_BITS     28u         /* of a page_id: 2^28 guest pages = 1 TiB */

enum page_state : uint32_t {
    PAGE_BLANK  = 0,    /* never written: opening zeroes the slot, DRAM is not read */
    PAGE_IMAGED = 1,    /* sealed by make-image under the image key, PAGE_IMAGED is also its nonce
                         * domain */
    PAGE_SEALED = 2,    /* sealed by the hypervisor under the session key, likewise */
    PAGE_SHARED = 3,    /* plaintext at home, where devices reach it. Opening makes it blank */
};

struct page_entry {
    uint64_t counter;   /* low 64 bits of the nonce; never repeats under one key */
    uint32_t state;     /* enum page_state; the nonce's 32-bit domain */
    uint32_t next;      /* the level-0 page that the guest needed next, and above it how often in
                         * the end; 0: none yet */
    uint8_t  tag[16];
};
_Static_assert(sizeof(struct page_entry) * PAGE_ENTRIES == PAGE_BYTES,
               "128 entries fill a metadata page");

/* level << 28 | index. */
typedef uint32_t page_id;

#define NEXT_PAGE   ((UINT32_C(1) << PAGE_INDEX_BITS) - 1)
#define NEXT_ONCE   (UINT32_C(1) << PAGE_INDEX_BITS)
#define NEXT_TWICE  (2 * NEXT_ONCE)
#define NEXT_MOST   (3 * NEXT_ONCE)     /* up from here it counts no more */

static inline page_id page_make(uint32_t level, uint64_t index)
{
    return level << PAGE_INDEX_BITS | (uint32_t)index;
}
static inline uint32_t page_level(page_id page) { return page >> PAGE_INDEX_BITS; }
static inline uint32_t page_index(page_id page) { return page & ((1u << PAGE_INDEX_BITS) - 1); }
static inline page_id page_parent(page_id page)
{
    return page_make(page_level(page) + 1, page_index(page) >> PAGE_ENTRIES_LOG2);
}
/* Which of its parent's 128 entries describes this page. */
static inline uint32_t page_entry_index(page_id page) { return page_index(page) % PAGE_ENTRIES; }

/* Option ROMs and BIOS. The frames there may refuse writes, so that these pages have other homes.
 * Source: Intel 440FX data sheet (290549), "Memory Address Map". */
#define ROM_BASE            0xC0000u
#define ROM_END             0x100000u

/* Where homes lie. Level 0: home = guest-physical address, but for the ROMs' pages. Metadata: one
 * array a level, back to back from `meta_base`; behind them the ROMs'. */
struct page_geometry {
    uint32_t top_level;                     /* its only page is described by the root entry; >= 1 */
    uint64_t level_base[PAGE_LEVELS];       /* host-physical; [0] = 0 */
    uint64_t rom_base;                      /* host-physical: home of the page at ROM_BASE */
    uint64_t meta_bytes;                    /* DRAM taken by all of these, multiple of 4096 */
};

/* covered_bytes: guest-physical addresses below it can be RAM; multiple of 4096, 1 .. 2^40. */
struct page_geometry page_geometry_make(uint64_t covered_bytes, uint64_t meta_base);
uint64_t page_home(const struct page_geometry *geometry, page_id page);

/* The page whose home holds an address, for tools: the hypervisor never asks. */
static inline page_id page_of_home(const struct page_geometry *geometry, uint64_t address)
{
    if (address - geometry->rom_base < ROM_END - ROM_BASE)
        return page_make(0, (ROM_BASE + address - geometry->rom_base) / PAGE_BYTES);
    uint32_t level = address < geometry->rom_base ? geometry->top_level : 0;
    while (address < geometry->level_base[level])
        level--;
    return page_make(level, (address - geometry->level_base[level]) / PAGE_BYTES);
}

/* Encrypts one page; fills `entry` with counter, state (PAGE_IMAGED or PAGE_SEALED) and tag.
 *   plain, home   4096 bytes, 16-byte aligned, distinct; each home byte is written exactly once
 */
void page_seal(const struct gcm_key *key, page_id page, enum page_state state, uint64_t counter,
               const void *plain, void *home, struct page_entry *entry);

/* Decrypts and checks one page. Reads each home byte exactly once: DRAM may change under us.
 *   returns   false when the tag does not verify; the slot is zeroed then
 */
[[nodiscard]] bool page_open(const struct gcm_key *key, page_id page,
                             const struct page_entry *entry, const void *home, void *slot);
