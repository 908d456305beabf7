/* mapping.h — which memory type the current page tables choose, by walking them. */
#pragma once
#include "machine.h"
#include "walk.h"

/* By the guest's tables while it runs, else by the host's. */
struct translation mapping_translate(uint64_t linear);
/* The type that the mapping of `linear` chooses. What we walked must be what QEMU accessed:
 * `address`. */
enum memory_type mapping_page_type(uint64_t linear, uint64_t address);

/* Where every type that the guest can choose is write-back, and its nested entries are audited to
 * be, its tables need not be walked at each access. */
static inline enum memory_type mapping_type(uint64_t linear, uint64_t address)
{
    if (machine.is_guest && machine.guest_pat_is_write_back)
        return MEMORY_WB;
    return mapping_page_type(linear, address);
}
