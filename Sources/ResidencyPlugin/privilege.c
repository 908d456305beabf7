#include "privilege.h"

#include <string.h>

#include "walk.h"

/* CPUX86State of QEMU 7.2 begins with 16 general registers, RIP, RFLAGS, five fields of lazily
 * computed flags, and then the flags by which it chooses among translations: they hold for a whole
 * block. That they are there is checked against what else is known.
 *   source     QEMU, target/i386/cpu.h, CPUArchState and HF_CPL_SHIFT to HF_GUEST_SHIFT */
#define FLAG_LEVEL   3u
#define FLAG_PE      (1u << 7)
#define FLAG_LMA     (1u << 14)
#define FLAG_CS64    (1u << 15)
#define FLAG_VM      (1u << 17)     /* virtual-8086 mode */
#define FLAG_GUEST   (1u << 21)

static uint32_t flags;
static struct {
    uint64_t address, rip;
    uint32_t bytes;             /* 0: nothing noted yet */
} noted;

static void check(bool fits)
{
    machine.totals.privilege_checks++;
    machine.totals.privilege_misfits += !fits;
}

static bool fits(void)
{
    const struct paging *paging = &machine.guest;
    unsigned level = flags & FLAG_LEVEL;
    bool is_protected = flags & FLAG_PE, is_long = flags & FLAG_LMA, is_64_bit = flags & FLAG_CS64;

    if (!!(flags & FLAG_GUEST) != machine.is_guest || is_64_bit > is_long || is_long > is_protected)
        return false;
    if ((flags & FLAG_VM) ? level != 3 : !is_protected && level != 0)
        return false;
    if (machine.is_guest)
        return is_protected == (paging->cr0 & CR0_PE) && is_long == !!(paging->efer & EFER_LMA);
    return !in_text(noted.address) || (level == 0 && is_64_bit);
}

void privilege_note(uint64_t address, uint64_t rip, uint32_t bytes, const void *state)
{
    memcpy(&flags, (const uint8_t *)state + machine.set.flags_offset, sizeof flags);
    noted.address = address;
    noted.rip = rip;
    noted.bytes = bytes;
    check(fits());
}

void privilege_confirm(uint64_t rip, uint8_t level)
{
    if (rip - noted.rip < noted.bytes)
        check((flags & FLAG_LEVEL) == level);
}

bool privilege_is_lacking(void)
{
    return machine.is_guest && (flags & FLAG_LEVEL) != 0 && machine.totals.privilege_misfits == 0;
}
