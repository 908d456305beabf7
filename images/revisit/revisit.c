/* revisit.c — touches all of its pages in turn, without end, and checks nothing: that a home was
 * changed only the hypervisor can find out.
 *
 * shape   WINDOWS groups of 128 pages; all pages of a group are touched before the next group, so
 *         that metadata pages are evicted as well. Even pages are written, odd ones only read. One
 *         more group is written once and never touched again. Each page holds markers. After each
 *         group other CPUs are sent for, which must not come; after all of them ROMs and ACPI
 *         tables are read, and said to have changed when they have.
 */
#include "apic.h"
#include "firmware.h"
#include "guest.h"
#include "machine.h"
#include "marker.h"
#include "traps.h"

#define WINDOWS         8u
#define WINDOW_PAGES    128u        /* those that one metadata page describes */
#define WINDOW_BYTES    ((uint64_t)WINDOW_PAGES * PAGE_BYTES)
#define MARKERS_A_PAGE  4u
#define MARKER_DISTANCE (PAGE_BYTES / MARKERS_A_PAGE)
#define ALL_OTHERS      0xC4000u    /* of ICR_LOW: shorthand, and asserted */
#define INIT            0x500u
#define START_UP        0x600u
#define VISITS_WORD     8u          /* in a page, behind a marker: how often it was written */

extern const uint8_t nmi_arrived[];     /* nmi.asm */

static uint64_t seed = UINT64_C(0xE7037ED1A0B428DB);

static void fill(uint64_t page)
{
    volatile uint8_t mask = MARKER_MASK;    /* volatile: else the compiler unmasks the markers in
                                               the file */

    for (uint32_t i = 0; i < MARKERS_A_PAGE; i++)
        for (uint32_t byte = 0; byte < MARKER_BYTES; byte++)
            *(volatile uint8_t *)(page + i * MARKER_DISTANCE + byte) =
                marker_masked[MARKER_PAGES][byte] ^ mask;
}

static void touch(uint64_t page)
{
    volatile uint64_t *visits = (volatile uint64_t *)page + VISITS_WORD;

    if (page / PAGE_BYTES % 2 == 0)
        ++*visits;
    else
        (void)*visits;
}

/* To begin in a frame that the ROMs came from. */
static void send_for_others(void)
{
    *apic(ICR_LOW) = ALL_OTHERS | INIT;
    *apic(ICR_LOW) = ALL_OTHERS | START_UP | (ROM_BASE / PAGE_BYTES + random_next(&seed) % ROM_PAGES);
}

/* Both counts are powers of two: an odd step from any start meets every number below them once. */
static void pass(uint64_t first_window)
{
    uint64_t window = random_next(&seed), window_step = random_next(&seed) | 1;

    for (uint32_t i = 0; i < WINDOWS; i++, window += window_step) {
        uint64_t at = random_next(&seed), step = random_next(&seed) | 1;

        for (uint32_t n = 0; n < WINDOW_PAGES; n++, at += step)
            touch(first_window + window % WINDOWS * WINDOW_BYTES + at % WINDOW_PAGES * PAGE_BYTES);
        send_for_others();
    }
}

int main(void)
{
    uint64_t first_window = ((uintptr_t)image_end + WINDOW_BYTES - 1) / WINDOW_BYTES * WINDOW_BYTES;

    traps_start();
    traps_set(VECTOR_NMI, nmi_arrived);
    uint64_t first = firmware_sum();
    for (uint64_t page = first_window; page < first_window + (WINDOWS + 1) * WINDOW_BYTES;
         page += PAGE_BYTES)
        fill(page);
    print("revisit: ready\n");
    for (;;) {
        pass(first_window);
        if (firmware_sum() != first)
            print("revisit: the firmware's memory has changed\n");
    }
}
