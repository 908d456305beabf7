/* pager_view.h — reads the hypervisor's pager as it lies in the frozen region.
 *
 * What is found is a hint, never evidence: an entry proves itself by the tag of the home that it
 * describes.
 */
#pragma once
#include "machine.h"
#include "page.h"

/* From the guest's first entry on; before it there is nothing to be read. */
void pager_view_start(void);

/* The page in the slot that this address lies in; PAGE_NONE if it is no slot. */
page_id pager_view_page_at(uint64_t address);
/* Where the slots begin, host-physical. */
uint64_t pager_view_slots(void);

/* Writes down how the tree describes each of these homes. */
void pager_view_record_entries(const uint64_t *homes, size_t count);
/* Writes down the keys. */
void pager_view_record_keys(void);
