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

static void settle(struct homes *homes, struct access_home *home, bool is_cut)
{
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

static struct access_home *home_at(struct homes *homes, uint64_t frame)
{
    for (uint32_t i = 0; i < homes->count; i++)
        if (homes->open[i].address == frame) {
            homes->last = i;
            return &homes->open[i];
        }
    if (homes->count == HOMES)
        homes_settle(homes, false);
    homes->last = homes->count++;
    homes->open[homes->last].address = frame;
    homes->open[homes->last].written = 0;
    return &homes->open[homes->last];
}

static void begin(struct access_home *home, uint64_t first, const struct access_line *instruction,
                  uint64_t since,
                  bool is_firmware)
{
    memset(home->bytes, 0, sizeof home->bytes);
    memset(home->known, 0, sizeof home->known);
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
        struct access_home *home = home_at(homes, address & FRAME_MASK);
        uint32_t offset = (uint32_t)(address & ~FRAME_MASK);

        if (home->written != 0 && home->known[offset])      /* what stood there must be explained
                                                               first */
            settle(homes, home, false);
        if (home->written == 0)
            begin(home, address, instruction, homes->since, is_firmware);
        home->known[offset] = 1;
        home->bytes[offset] = store->data[i];
        home->written++;
    }
}
