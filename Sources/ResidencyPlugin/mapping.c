#include "mapping.h"

#define CACHED 1024u            /* translations; power of two */

struct cached {
    uint64_t         page;          /* linear */
    uint64_t         frame;
    uint64_t         generation;
    enum memory_type type;
};
static struct cached cached[2][CACHED];     /* host's, guest's */

struct translation mapping_translate(uint64_t linear)
{
    return machine.is_guest ? walk_guest(linear) : walk_host(linear);
}

enum memory_type mapping_page_type(uint64_t linear, uint64_t address)
{
    uint64_t       page = linear >> FRAME_SHIFT, frame = address >> FRAME_SHIFT;
    struct cached *known = &cached[machine.is_guest][page % CACHED];

    if (known->page == page && known->frame == frame && known->generation == machine.generation)
        return known->type;
    struct translation walked = mapping_translate(linear);
    machine.totals.checked_translations++;
    if (walked.address >> FRAME_SHIFT != frame) {
        if (is_hypervisor() || is_watched())
            machine.totals.is_consistent = 0;
        return MEMORY_UC;
    }
    *known = (struct cached){ page, frame, machine.generation, walked.type };
    return walked.type;
}
