/* units.h — one IOMMU among those of a machine, and what each vendor has to say of its own. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "cpu/memory.h"
#include "trace.h"

struct registers {
    uint64_t base, bytes;           /* bytes 0: none */
};

struct unit_kind {
    enum trace_dma id;
    uint32_t       signature;   /* of the firmware's table that names such units */
    uint32_t       first;       /* in it: offset of the first structure */
    /* The registers that a structure of so many bytes names. */
    struct registers (*registers)(const uint8_t *structure, uint16_t bytes);
    /* Of an entry of the tables that translate: what lets reads and writes pass, and what says of
     * which level the table is that it leads to, times that level. */
    uint64_t       pass, level_step;
    /* Writes tables by which nothing passes; null: zeroes, as they are. */
    void         (*fill)(void);
    /* PCI functions that the tables speak of: bus:8 device:5 function:3, exclusive. */
    uint32_t       functions;
    /* Turns the unit on; DMA_SNOOPED or 0. Where pages are shared, every function is led to
     * `unit_top`, which is empty yet. */
    uint32_t     (*deny_all)(uint64_t base);
    /* Makes the unit forget what it knows of translations; it has when this returns. */
    void         (*forget)(uint64_t base);
};
extern const struct unit_kind vtd, amdvi;

/* Tables of either kind; in the frozen region. The last of them translates: each address to
 * itself, or to nothing. */
#define UNIT_TABLE_WORDS 1536u
extern uint64_t unit_tables[UNIT_TABLE_WORDS], unit_top[PAGE_BYTES / 8];
extern uint32_t unit_levels;        /* that `unit_top` is the top of; deny_all knows it */

uint32_t unit_read32(uint64_t base, uint32_t offset);
uint64_t unit_read64(uint64_t base, uint32_t offset);
void unit_write32(uint64_t base, uint32_t offset, uint32_t value);
void unit_write64(uint64_t base, uint32_t offset, uint64_t value);

/* Until `offset` reads `value` under `mask`; panics when that does not come. */
void unit_wait(uint64_t base, uint32_t offset, uint32_t mask, uint32_t value);
