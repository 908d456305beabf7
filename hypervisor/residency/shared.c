#include "residency/shared.h"

#include "page.h"
#include "report/tracer.h"
#include "residency/memory_map.h"
#include "residency/nested.h"
#include "residency/residency.h"
#include "residency/walk.h"

static void (*tell_devices)(uint64_t page, bool is_shared);

void shared_start(void (*tell)(uint64_t page, bool is_shared))
{
    tell_devices = tell;
    walk_by_name();
}

/* What the firmware left is private by either name: kernels map its tables without the C-bit. */
bool shared_open(uint64_t gpa)
{
    if (!nested_is_divided() || (gpa & memory_map.c_bit) || memory_map_range_end(gpa) == 0)
        return false;
    uint64_t page = gpa & ~(uint64_t)(PAGE_BYTES - 1);
    if (residency_share(page)) {
        tell_devices(page, true);
        tracer_count(COUNT_SHARED, 0);
    }
    return true;
}

void shared_take_back(void *, uint32_t index)
{
    uint64_t page = (uint64_t)index * PAGE_BYTES;
    nested_unmap_shared(page);
    tell_devices(page, false);
    tracer_count(COUNT_TAKEN_BACK, 0);
}

bool shared_miss(uint64_t gpa, bool has_c_bit)
{
    uint64_t page = gpa & ~(memory_map.c_bit | (PAGE_BYTES - 1));
    nested_divide(has_c_bit);
    if (shared_open(gpa)) {
        nested_map_shared(page);
        return true;
    }
    nested_use_half(has_c_bit ? gpa & memory_map.c_bit : 0);
    residency_unmap(page);      /* by its other name, if by any */
    return false;
}
