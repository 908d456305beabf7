#include "sharing.h"

#include "dram.h"
#include "record.h"
#include "shared_pages.h"
#include "violation.h"
#include "walk.h"

#define EXIT_NPF  0x400u        /* AMD APM vol 2 (24593), Appendix C */
#define FOUR_GIB  (UINT64_C(1) << 32)

/* What the guest has last asked for, until it is entered again. */
static struct {
    uint64_t home;              /* NOWHERE: nothing */
    bool     is_shared;
} asked = { .home = NOWHERE };
static uint64_t c_bit;          /* as the guest's CR3 last had it; 0: never yet */

/* A top table lies in RAM. An address bit beyond it says that the table is private. */
static uint64_t bit_beyond_ram(uint64_t cr3)
{
    uint64_t last = address_of_offset(machine.set.ram_bytes - 1);

    for (uint64_t bit = FOUR_GIB; (bit & PTE_ADDRESS) != 0; bit <<= 1)
        if (bit > last && (cr3 & bit))
            return bit;
    return 0;
}

void sharing_exited(uint64_t exit_code, uint64_t guest_physical, uint64_t cr3)
{
    uint64_t in_use = machine.set.shares ? bit_beyond_ram(cr3) : 0;

    asked.home = NOWHERE;
    if (!machine.set.shares || exit_code != EXIT_NPF)
        return;
    c_bit = in_use != 0 ? in_use : c_bit;
    uint64_t home = guest_physical & ~c_bit & PTE_ADDRESS;
    if (offset_of_address(home) == NOWHERE || in_region(home))
        return;
    asked.home = home;
    asked.is_shared = in_use != 0 && !(guest_physical & in_use);
}

static void record(uint64_t home, bool is_shared)
{
    struct residency_sharing change = { .home = home, .is_shared = is_shared };

    dram_settle();              /* what was done to it before */
    record_append(RESIDENCY_SHARING, &change, sizeof change);
    shared_pages_change(home, is_shared);
}

static bool is_zero(const uint8_t *frame)
{
    for (unsigned i = 0; i < FRAME_BYTES; i++)
        if (frame[i] != 0)
            return false;
    return true;
}

static void report(enum residency_rule rule, uint64_t home, uint64_t rip)
{
    violation_record((struct violation){ rule, home, rip, 0, NULL });
}

static void begin(uint64_t home, uint64_t rip)
{
    if (!is_zero(machine.ram + offset_of_address(home)))
        report(RESIDENCY_SHARED_NOT_ZEROED, home, rip);
    if (walk_nested(home | c_bit).address != NOWHERE)
        report(RESIDENCY_SHARED_SLOT_KEPT, home, rip);
    record(home, true);
}

static void end(uint64_t home, uint64_t rip)
{
    dram_compare_frame(home);   /* what devices wrote there so far, they were allowed to */
    record(home, false);
    if (walk_nested(home).address == home)
        report(RESIDENCY_SHARED_KEPT, home, rip);
}

void sharing_entered(uint64_t rip)
{
    uint64_t home = asked.home;

    asked.home = NOWHERE;
    if (home == NOWHERE || asked.is_shared == shared_pages_hold(home))
        return;
    if (!asked.is_shared)
        end(home, rip);
    else if (walk_nested(home).address == home)     /* else it stays private, as ROMs do */
        begin(home, rip);
}

bool sharing_allows(uint64_t home)
{
    return shared_pages_hold(home) || (asked.is_shared && home == asked.home);
}
