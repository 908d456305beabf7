/* residency.h — the guest's pages, in the clear while they have a slot. The pager of core/ decides;
 * here stand the division of the frozen region among its tables, what the pager asks of the
 * machine, and what the guest asks of it. */
#pragma once
#include "image.h"
#include "pager.h"
#include "residency/nested.h"
#include "trace.h"

/* How the region behind the hypervisor itself is divided. `io_tables`: the IOMMU's. */
struct room {
    uint32_t table_pages, io_table_pages, slots;
    /* Offsets from the first free page. */
    uint64_t io_tables, notes, slot_table, bucket_table, frames;
    uint64_t slots_base;                                    /* host-physical */
};

/* Divides the region, and starts the pager in it, with an order of eviction that needs no knowledge
 * of use. Panics when there are too few slots. */
struct room residency_start(const struct image_header *header);

/* The engine's nested tables, empty, in their pool. From here on the image's own policy holds. */
void residency_start_tables(const struct nested_format *format);

/* Takes over what the firmware left: low memory, ROMs, ACPI tables become pages of the pager, and
 * what DRAM holds there later is not believed any more. */
void residency_adopt_firmware(void);

/* The guest missed the page at `gpa`: brings it into a slot, or finds it there, and maps it; or
 * maps a device's memory, or ones where it has nothing. Panics where nested tables do not reach,
 * when the page was tampered with, or when there is no room.
 *   flags     enum trace_miss_flags that are known now are added
 *   returns   what the miss counts as
 */
enum trace_counter residency_miss(uint64_t gpa, uint32_t *flags);

/* The guest shares the page with devices; false: it does already. */
bool residency_share(uint64_t gpa);
/* Ends the guest's access to the page; it comes back by a miss. */
void residency_unmap(uint64_t gpa);

/* The content of a page of RAM, made resident. A second call may evict the first one's page. */
void *residency_page(uint64_t gpa, bool will_write);
