/* npt.h — nested page tables as a cache of mappings: a bounded pool of table pages, any of which can be dropped and
 * rebuilt by later faults. AMD APM vol 2 (24593), "Nested Paging". */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "pager.h"

struct npt_note {           /* of one pool page */
    uint16_t parent;        /* pool index; of a free page: the next free one */
    uint16_t parent_entry;
    uint16_t entries;       /* present entries */
    uint16_t children;      /* of them: tables. Only a table without children can be dropped */
    uint8_t  level;         /* 4 .. 1; 0 = free */
    uint8_t  reserved[3];
};

void npt_start(void *pool, uint32_t pages, struct npt_note *notes);
uint64_t npt_root(void);                            /* host-physical */
void npt_map(uint64_t gpa, uint64_t hpa);           /* guest RAM, 4 KiB */
void npt_map_device(uint64_t gpa, uint64_t bytes);  /* 1:1, uncacheable */
struct page_use npt_unmap(uint64_t gpa);
bool npt_accessed(uint64_t gpa);

void npt_flush(void);                               /* translations changed by other means */

/* True once after any change that a TLB could contradict. */
bool npt_take_flush(void);
void npt_wipe(void);
