#include "run.h"

uint8_t *run_use(struct run *run, slot_t slot)
{
    return &run->use[page_index(run->pager.slots[slot].page)];
}

enum page_use run_take_accessed(struct run *run, slot_t slot)
{
    uint8_t      *use = run_use(run, slot);
    enum page_use was = *use & USE_ACCESSED;

    *use &= (uint8_t)~USE_ACCESSED;
    return was;
}

bool run_take_marks(struct run *run, slot_t slot)
{
    struct slot *s = &run->pager.slots[slot];
    bool         was = s->flags & SLOT_REFERENCED;

    s->flags &= (uint8_t)~SLOT_REFERENCED;
    if (page_level(s->page) == 0)
        was |= run_take_accessed(run, slot) != 0;
    return was;
}
