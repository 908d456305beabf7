#include "shared_pages.h"

#include <stdlib.h>

#include "plugin_base.h"

static bool *is_shared;         /* by frame of RAM; NULL: none was yet */

bool shared_pages_hold(uint64_t address)
{
    uint64_t offset = is_shared ? offset_of_address(address) : NOWHERE;

    return offset != NOWHERE && is_shared[offset >> FRAME_SHIFT];
}

void shared_pages_change(uint64_t home, bool becomes_shared)
{
    if (!is_shared)
        is_shared = calloc(machine.set.ram_bytes >> FRAME_SHIFT, sizeof *is_shared);
    if (!is_shared)
        give_up("no memory to note the shared pages in");
    is_shared[offset_of_address(home) >> FRAME_SHIFT] = becomes_shared;
}
