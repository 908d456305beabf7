/* memory_map.h — what lies where in guest-physical memory, which is host-physical memory where it
 * is the guest's at all. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "image.h"

struct memory_range {
    uint64_t base, end;     /* end exclusive */
};
#define MEMORY_RAM_RANGES 32u
#define MEMORY_APICS      2u
#define MEMORY_HIDDEN     (2 + BOOT_E820_ENTRIES)
#define MEMORY_FIRMWARE   8u
#define MEMORY_WINDOWS    64u
#define MEMORY_LOW_END    0xA0000u      /* above: VGA, and from ROM_BASE on the firmware's */

struct memory_map {
    struct memory_range ram[MEMORY_RAM_RANGES];     /* sorted */
    uint32_t            ram_ranges;
    struct memory_range firmware[MEMORY_FIRMWARE];  /* what the firmware leaves for the guest to
                                                     * read: ROMs, ACPI tables */
    uint32_t            firmware_ranges;
    struct memory_range hidden[MEMORY_HIDDEN];      /* never the guest's: frozen region, metadata
                                                     * homes, RAM not covered */
    uint32_t            hidden_ranges;
    struct memory_range windows[MEMORY_WINDOWS];    /* of the TPM, and of devices with which the
                                                     * guest shares pages */
    uint32_t            window_ranges;
    uint64_t            ram_end;                    /* no RAM of the guest's lies above */
    uint64_t            c_bit;                      /* of the guest's addresses, never ours: the
                                                     * page is private; 0: there is no such bit */
};
extern struct memory_map memory_map;
extern const struct memory_range memory_display, memory_apics[MEMORY_APICS];

enum memory_kind : uint8_t {
    MEMORY_RAM,         /* the guest's, through the pager; the firmware's too, as at launch */
    MEMORY_DEVICE,      /* 1:1: the display's memory, windows of devices */
    MEMORY_WATCHED,     /* 1:1 for reading; writes exit: the APICs */
    MEMORY_ABSENT,      /* all else, what is hidden above all: as if nothing were there */
};

/* Cuts the frozen region and the metadata homes out of the firmware's map; panics when they are not
 * RAM. */
void memory_map_start(const struct image_header *header, const struct boot_info *boot);

/* A device's registers or memory; the C-bit gives way to it. Panics where no bit is left. */
void memory_map_add_window(uint64_t base, uint64_t end);

/* How many of the highest bits of physical addresses the guest loses to the C-bit. 0: devices lie
 * above it. */
uint32_t memory_map_narrowed(void);

/* End of the RAM range that holds `gpa`, exclusive; 0: none does. */
uint64_t memory_map_range_end(uint64_t gpa);
uint64_t memory_map_ram_bytes(void);

static inline bool memory_overlaps(struct memory_range range, uint64_t base, uint64_t end)
{
    return base < range.end && range.base < end;
}

/* The first range that overlaps [base, end); null: none does. */
static inline const struct memory_range *memory_find(const struct memory_range *ranges,
                                                     uint32_t count, uint64_t base, uint64_t end)
{
    for (uint32_t i = 0; i < count; i++)
        if (memory_overlaps(ranges[i], base, end))
            return &ranges[i];
    return 0;
}

static inline enum memory_kind memory_map_kind(uint64_t gpa)
{
    if (memory_find(memory_map.ram, memory_map.ram_ranges, gpa, gpa + 1) != 0 ||
        memory_find(memory_map.firmware, memory_map.firmware_ranges, gpa, gpa + 1) != 0)
        return MEMORY_RAM;
    if (memory_find(memory_map.hidden, memory_map.hidden_ranges, gpa, gpa + 1) != 0)
        return MEMORY_ABSENT;
    if (memory_overlaps(memory_display, gpa, gpa + 1))
        return MEMORY_DEVICE;
    if (memory_find(memory_apics, MEMORY_APICS, gpa, gpa + 1) != 0)
        return MEMORY_WATCHED;
    return memory_find(memory_map.windows, memory_map.window_ranges, gpa, gpa + 1) != 0
        ? MEMORY_DEVICE : MEMORY_ABSENT;
}
