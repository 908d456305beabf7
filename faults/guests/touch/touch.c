/* touch.c — writes more pages than there are slots, comes back to each, and counts those that are not as written. */
#include "guest.h"
#include "marker.h"

#define PAGES 192u

static uint8_t marker[MARKER_BYTES];

static void derive_marker(void)
{
    volatile uint8_t mask = MARKER_MASK;    /* volatile: the compiler must not do it for us */
    for (uint32_t i = 0; i < MARKER_BYTES; i++)
        marker[i] = marker_masked[MARKER_PAGES][i] ^ mask;
}

int main(void)
{
    uint64_t wrong = 0;

    derive_marker();
    for (uint32_t page = 0; page < PAGES; page++)
        memcpy(image_end + page * PAGE_BYTES, marker, MARKER_BYTES);
    for (uint32_t page = 0; page < PAGES; page++)
        wrong += memcmp(image_end + page * PAGE_BYTES, marker, MARKER_BYTES) != 0;
    print_fact("touch: wrong", wrong);
    print("touch: done\n");
    return 0;
}
