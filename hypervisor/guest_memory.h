/* guest_memory.h — what lies where in guest-physical memory, and how the hypervisor reads and writes it. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/engine.h"
#include "image.h"

enum memory_kind : uint8_t {
    MEMORY_RAM,         /* the guest's, through the pager */
    MEMORY_DEVICE,      /* 1:1: devices, firmware, reserved ranges */
    MEMORY_STRAY,       /* not the guest's: frozen region, metadata homes, RAM beyond what the image covers */
};

/* Cuts the frozen region and the metadata homes out of the firmware's map; panics when they are not RAM. */
void guest_memory_start(const struct boot_info *boot);
enum memory_kind guest_memory_kind(uint64_t gpa);
bool guest_memory_all_device(uint64_t base, uint64_t bytes);

/* End of the RAM range that holds `gpa`, exclusive. */
uint64_t guest_memory_range_end(uint64_t gpa);

/* Fills the E820 table of Linux's boot_params with what the guest may use. */
void guest_memory_fill_e820(uint64_t boot_params, const struct boot_info *boot);

/* Takes over what the firmware left below 640 KiB: those pages become pages of the pager. */
void guest_memory_adopt_low(void);

/* Makes the page resident; panics when it was tampered with or there is no room. The guest's vector registers are
 * kept. A second call may evict the first one's page. */
slot_t guest_memory_open(uint64_t gpa);         /* of a page that is not */
void *guest_memory_page(uint64_t gpa, bool will_write);

/* After a miss of this page, which is mapped: opens and maps its neighbours as pager_ahead allows. May evict it. */
void guest_memory_ahead(uint64_t gpa);

/* Reads up to `bytes` of code at the guest's linear address, through its page tables.
 * Returns how many could be read: less only where the guest's own tables map no further. */
size_t guest_memory_fetch(const struct guest_mode *mode, uint64_t linear, uint8_t *code, size_t bytes);
