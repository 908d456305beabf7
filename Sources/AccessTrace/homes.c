#include "homes.h"

#include <string.h>

#define FRAME_MASK (~(uint64_t)(PAGE_BYTES - 1))

static bool is_zero(const struct access_home *home)
{
    for (uint32_t i = 0; i < PAGE_BYTES; i++)
        if (home->bytes[i] != 0)
            return false;
    return true;
}

static void settle(struct homes *homes, struct open_home *open, bool is_cut)
{
    struct access_home *home = &open->home;

    if (home->written == 0)
        return;
    home->end = is_zero(home) ? HOME_ERASED : is_cut ? HOME_CUT : HOME_WRITTEN;
    homes->explain(homes->context, home);
    home->written = 0;
}

void homes_settle(struct homes *homes, bool is_cut)
{
    for (uint32_t i = 0; i < homes->count; i++)
        settle(homes, &homes->open[i], is_cut && i == homes->last);
    homes->count = 0;
}

static struct open_home *home_at(struct homes *homes, uint64_t frame)
{
    struct open_home *open;

    for (uint32_t i = 0; i < homes->count; i++)
        if (homes->open[i].home.address == frame) {
            homes->last = i;
            return &homes->open[i];
        }
    if (homes->count == HOMES)
        homes_settle(homes, false);
    homes->last = homes->count++;
    open = &homes->open[homes->last];
    open->home = (struct access_home){
        .address = frame, .bytes = open->bytes, .known = open->known,
    };
    return open;
}

static void begin(struct open_home *open, uint64_t first, const struct access_line *instruction,
                  uint64_t since,
                  bool is_firmware)
{
    struct access_home *home = &open->home;

    memset(open->bytes, 0, sizeof open->bytes);
    memset(open->known, 0, sizeof open->known);
    home->first = first;
    home->instant = instruction->instant;
    home->rip = instruction->linear;
    home->since = since != 0 ? since : instruction->instant;
    home->is_firmware = is_firmware;
}

void homes_store(struct homes *homes, const struct access_line *store,
                 const struct access_line *instruction,
                 bool is_firmware)
{
    for (uint32_t i = 0; i < store->bytes; i++) {
        uint64_t address = store->physical + i;
        struct open_home *open = home_at(homes, address & FRAME_MASK);
        uint32_t offset = (uint32_t)(address & ~FRAME_MASK);

        if (open->home.written != 0 && open->known[offset])     /* what stood there must be
                                                                   explained first */
            settle(homes, open, false);
        if (open->home.written == 0)
            begin(open, address, instruction, homes->since, is_firmware);
        open->known[offset] = 1;
        open->bytes[offset] = store->data[i];
        open->home.written++;
    }
}
