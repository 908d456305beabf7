/* nested.h — nested page tables as a cache of mappings: a bounded pool of table pages, any of which
 * can be dropped and rebuilt by later faults. Knows slots, and never calls the pager. Four levels
 * of 512 entries, pages of 4 KiB, in either vendor's format. AMD APM vol 2 (24593), "Nested
 * Paging"; Intel SDM (325462) vol 3, "The Extended Page-Table Mechanism (EPT)". */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "pager.h"

/* The vendors agree on bit 0 (present; EPT: readable), bit 7 (large) and the frame. */
struct nested_format {
    uint64_t table;         /* an entry that points to a table */
    uint64_t ram;           /* one that maps guest RAM: write-back, all rights */
    uint64_t device;        /* one that maps a device, or a shared page: uncacheable, and nothing is
                             * fetched there */
    uint64_t write;         /* of these rights, the one to write */
    uint64_t accessed, dirty;
    bool     keeps_use;     /* the CPU sets accessed and dirty. Else a mapping counts as both for as
                             * long as it stands */
};

struct nested_note {        /* of one pool page */
    uint16_t parent;        /* pool index; of a free page: the next free one */
    uint16_t parent_entry;
    uint16_t entries;       /* present entries */
    uint16_t children;      /* of them: tables. Only a table without children can be dropped */
    uint8_t  level;         /* 4 .. 1; 0 = free */
    uint8_t  reserved[3];
};

struct nested_pool {
    void *tables;           /* `pages` of 4 KiB */
    struct nested_note *notes;
    uint32_t pages;
    struct slot *slots;     /* the pager's; `mapping` in them is for nested.c */
    uint8_t *frames;        /* of the slots */
    uint8_t *absent;        /* one frame more: what stands where nothing is */
};

static inline uint64_t nested_note_bytes(uint32_t pages)
{
    return pages * sizeof(struct nested_note);
}

void nested_start(const struct nested_format *format, const struct nested_pool *pool);
uint64_t nested_root(void);                            /* host-physical */
/* 1:1, uncacheable; where it is watched, the CPU does not carry out writes. */
void nested_map_device(uint64_t gpa, bool is_watched);
void nested_map_absent(uint64_t gpa);       /* ones: there, and wherever it is called for */

void nested_map(slot_t slot);                          /* the guest's page in it, not mapped yet */

/* Do addresses with and without the C-bit lead to the same pages, or does each half have mappings
 * of its own? When that changes, all mappings go. */
void nested_divide(bool is_divided);
bool nested_is_divided(void);
/* Of a divided space, the half to which the mappings above are made: the C-bit, or 0. */
void nested_use_half(uint64_t c_bit);
/* A page that devices reach, where it lies, in the half without the C-bit. */
void nested_map_shared(uint64_t gpa);
void nested_unmap_shared(uint64_t gpa);

/* Operations of the pager (pager.h). */
enum page_use nested_unmap(void *context, slot_t slot);
enum page_use nested_take_use(void *context, slot_t slot);

/* How many changes there were that a TLB could contradict, and one for what ran before us. */
uint64_t nested_changes(void);
