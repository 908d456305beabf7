/* pager.h — which pages are in the clear, and how they come and go. The heart of the hypervisor.
 *
 * Pure: reaches DRAM and the nested tables only through `struct pager_ops`, so that host tests and
 * replays run this very code. No operation may call the pager.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "gcm.h"
#include "image.h"
#include "page.h"

typedef uint32_t slot_t;
#define SLOT_NONE UINT32_MAX

enum slot_flags : uint8_t {
    SLOT_USED       = 1,
    SLOT_DIRTY      = 2,    /* differs from its home: must be sealed when evicted */
    SLOT_REFERENCED = 4,    /* second chance: set on use, cleared by the clock's hand */
};

struct slot {
    page_id  page;
    slot_t   parent;        /* of the page that describes this one; SLOT_NONE: the root does */
    slot_t   next;          /* of the same bucket; SLOT_NONE: the last */
    uint32_t mapping;       /* the nested tables' own: where the page is mapped, and what was seen
                             * of its use; 0 at first */
    uint16_t children;      /* metadata: resident pages that it describes; not evictable while >
                             * 0 */
    uint8_t  flags;         /* enum slot_flags */
    uint8_t  turns;         /* of the clock's hand that it has in store */
};

/* What is known of a page's use, as flags: the nested entry's accessed and dirty bits. The values
 * are those of a slot's flags. */
enum page_use : uint8_t {
    USE_NONE     = 0,
    USE_DIRTY    = SLOT_DIRTY,
    USE_ACCESSED = SLOT_REFERENCED,
};

enum pager_event : uint8_t { PAGER_OPENED, PAGER_SEALED, PAGER_DROPPED };

struct pager_ops {
    /* 4096 bytes of DRAM at host-physical `home`, 16-byte aligned; valid until the next call. */
    void *(*dram)(void *context, uint64_t home);
    /* Is the level-0 page RAM of the guest's? Only such pages are opened ahead. */
    bool (*is_ram)(void *context, uint32_t index);
    /* Begins the guest's access to the level-0 page in a slot; it has none.
     *   is_ahead    the guest has not asked for it yet */
    void (*map)(void *context, slot_t slot, bool is_ahead);
    /* Ends it (if mapped at all) and tells how the page was used. */
    enum page_use (*unmap)(void *context, slot_t slot);
    /* How was the page used since last asked? Forgets that it was accessed, not that it is dirty;
     * that need only be told where the answer ends the mapping. */
    enum page_use (*take_use)(void *context, slot_t slot);
    /* A level-0 page that was shared is opened: nothing else may reach its home any more. Null
     * where none is ever shared. */
    void (*take_back)(void *context, uint32_t index);
    /* The cipher is about to work, and the CPU's vector registers with it; it has worked. */
    void (*cipher_begins)(void *context);
    void (*cipher_ends)(void *context);
    /* For trace and counters: `state` is what an opened page was; cycles by RDTSC. */
    void (*event)(void *context, enum pager_event event, page_id page, enum page_state state,
                  uint64_t cycles);
};

enum pager_status : uint8_t {
    PAGER_OK = 0,
    PAGER_TAMPERED,         /* `failed` names the page; nothing of it was released */
    PAGER_NO_VICTIM,        /* every slot holds a metadata page with resident children */
    PAGER_COUNTER_USED_UP,  /* 2^64 - 1 seals */
};

#define PAGER_PATIENCE 3u
#define PAGER_AHEAD    8u

struct pager;
/* Picks a slot to empty; SLOT_NONE if none may be. Never a slot whose children > 0. */
typedef slot_t (*pager_policy)(struct pager *pager);

struct pager {
    struct page_geometry geometry;
    struct page_entry    root;          /* describes the top level's only page; never leaves the
                                         * frozen region */
    uint64_t             counter;       /* of the last seal under the session key */
    const struct gcm_key *image_key;
    const struct gcm_key *session_key;

    struct slot *slots;                 /* slot_count of them */
    slot_t      *buckets;               /* by a hash of the page: where a chain of slots begins */
    uint8_t     *frames;                /* slot i is frames + 4096 i */
    uint32_t     slot_count;
    uint32_t     used;                  /* slots in use */
    uint32_t     hand;
    page_id      needed;                /* the last level-0 page that the guest is known to have
                                         * needed; NEXT_PAGE: none yet */
    slot_t       recent[PAGER_AHEAD + 1];   /* what came with the last miss, the missed page first;
                                         * blank neighbours apart */
    uint32_t     recent_count;
    uint32_t     patience;              /* turns of the hand that use can earn a page; 0: second
                                         * chance */
    uint32_t     ahead;                 /* never-written pages are opened in neighbourhoods of so
                                         * many, and others with up to so many that were needed
                                         * next: a power of two, up to PAGER_AHEAD; 1: one by one */

    pager_policy           policy;
    const struct pager_ops *ops;
    void                   *context;
    page_id                failed;      /* after PAGER_TAMPERED */
};

/* Of `buckets`: two for a slot, so that few chains are longer than one. */
static inline uint32_t pager_bucket_count(uint32_t slot_count)
{
    return 2 * slot_count;
}

/* Sets policy, patience and ahead.
 *   keeps_use   the nested tables mark what the guest uses, without a fault
 */
void pager_use_policy(struct pager *pager, enum image_policy policy, bool keeps_use);

/* The caller has set geometry, root, counter, keys, arrays and their counts, ops, context, and the
 * policy; this empties the tables. slot_count >= 1 + 2 * PAGE_LEVELS. */
void pager_start(struct pager *pager);

/* The slot of a page that is resident, else SLOT_NONE. No side effect. */
slot_t pager_find(const struct pager *pager, page_id page);

/* The guest missed a level-0 page: makes it resident, with the metadata pages above it, evicting as
 * needed, and maps it. When nothing had to be decrypted for it, its neighbours that were never
 * written either are opened and mapped as well, as far as the policy wants that.
 *   was_resident   only its mapping was gone
 */
[[nodiscard]] enum pager_status pager_serve(struct pager *pager, uint32_t index,
                                            bool *was_resident);

/* Makes a level-0 page resident, and maps nothing.
 *   will_write  the caller (not the guest, whose writes the nested tables' dirty bit reports) will
 *               write the slot
 *   slot        set when PAGER_OK
 */
[[nodiscard]] enum pager_status pager_fetch(struct pager *pager, uint32_t index, bool will_write,
                                            slot_t *slot);

/* Makes resident a level-0 page whose plaintext lies at home, put there by firmware before the
 * guest ran; zeroes that home. The page must be PAGE_BLANK. */
[[nodiscard]] enum pager_status pager_adopt(struct pager *pager, uint32_t index, slot_t *slot);

/* The guest shares a level-0 page with devices: what was in it is gone, its home is zeroes, and the
 * tree vouches for its state. It is private again, and blank, with the next call that opens it.
 *   was_shared   nothing has changed
 */
[[nodiscard]] enum pager_status pager_share(struct pager *pager, uint32_t index, bool *was_shared);

static inline void *pager_frame(const struct pager *pager, slot_t slot)
{
    return pager->frames + (uint64_t)slot * PAGE_BYTES;
}

slot_t pager_policy_clock(struct pager *pager);     /* second chance by accessed marks; more by
                                                     * `patience` */
slot_t pager_policy_fifo(struct pager *pager);      /* oldest first: a stress mode that evicts hot
                                                     * pages */
