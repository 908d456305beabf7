/* secret.c — plants markers in pages, vector registers, general registers and on the stack, and
 * keeps all of them busy for some seconds, with more pages than there are slots. Tests search the
 * machine's memory meanwhile.
 *
 * source  Motorola MC146818A data sheet (real-time clock, registers 0 and A) */
#include "guest.h"
#include "machine.h"
#include "marker.h"

#define RTC_INDEX       0x70u
#define RTC_DATA        0x71u
#define RTC_SECONDS     0x00u
#define RTC_STATUS_A    0x0Au
#define RTC_UPDATING    0x80u
#define BUSY_SECONDS    6u
#define TOUCHES         200u    /* between two looks at the clock */
#define MARKERS_A_PAGE  4u
#define MARKER_DISTANCE (PAGE_BYTES / MARKERS_A_PAGE)

/* Touches `count` random pages, all markers live in registers and on the stack; returns how many
 * were wrong. busy.asm */
uint64_t busy(const uint8_t markers[MARKERS][MARKER_BYTES], uint64_t first_page, uint64_t pages,
              uint64_t count,
              uint64_t *random_state);

static uint8_t markers[MARKERS][MARKER_BYTES];

static void derive_markers(void)
{
    volatile uint8_t mask = MARKER_MASK;    /* volatile: else the compiler unmasks the markers in
                                               the file */
    for (uint32_t i = 0; i < MARKERS; i++)
        for (uint32_t byte = 0; byte < MARKER_BYTES; byte++)
            markers[i][byte] = marker_masked[i][byte] ^ mask;
}

static uint8_t rtc_read(uint8_t index)
{
    out8(RTC_INDEX, index);
    return in8(RTC_DATA);
}

static uint8_t rtc_seconds(void)
{
    while (rtc_read(RTC_STATUS_A) & RTC_UPDATING)
        ;
    return rtc_read(RTC_SECONDS);
}

int main(void)
{
    uint64_t first_page = (uintptr_t)image_end, pages = (entry.ram_end - first_page) / PAGE_BYTES;
    uint64_t seed = UINT64_C(0xD1B54A32D192ED03), wrong = 0, touched = 0;

    derive_markers();
    for (uint64_t page = 0; page < pages; page++)
        for (uint64_t i = 0; i < MARKERS_A_PAGE; i++)
            memcpy((void *)(first_page + page * PAGE_BYTES + i * MARKER_DISTANCE),
                   markers[MARKER_PAGES], MARKER_BYTES);
    wrong += busy(markers, first_page, pages, TOUCHES, &seed);
    print_fact("secret: pages", pages);
    print("secret: ready\n");

    uint8_t last = rtc_seconds();
    for (uint32_t seconds = 0; seconds < BUSY_SECONDS; touched += TOUCHES) {
        wrong += busy(markers, first_page, pages, TOUCHES, &seed);
        uint8_t now = rtc_seconds();
        seconds += now != last;
        last = now;
    }
    for (uint64_t page = 0; page < pages; page++)
        for (uint64_t i = 0; i < MARKERS_A_PAGE; i++)
            wrong += memcmp((void *)(first_page + page * PAGE_BYTES + i * MARKER_DISTANCE),
                            markers[MARKER_PAGES],
                            MARKER_BYTES) != 0;
    print_fact("secret: pages touched", touched);
    print_fact("secret: wrong", wrong);
    print("secret: done\n");
    return 0;
}
