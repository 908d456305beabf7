#include "guards.h"

#include "platform.h"
#include "registers.h"
#include "serial.h"
#include "state.h"

struct msr_range {
    uint32_t first, last;
};

/* MSRs that are the guest's own: it writes them directly. All other writes exit. */
static const struct msr_range own_msrs[] = {
    {0x10, 0x10},               /* TSC */
    {0x3B, 0x3B},               /* TSC adjust */
    {0x48, 0x49},               /* speculation control */
    {0x174, 0x176},             /* SYSENTER */
    {0x17A, 0x17B},             /* machine check, global */
    {0x1D9, 0x1D9},             /* debug control */
    {0x400, 0x47F},             /* machine check banks */
    {0x6A0, 0x6A8},             /* shadow stacks */
    {0x6E0, 0x6E0},             /* TSC deadline */
    {0x800, 0x8FF},             /* x2APIC */
    {0xDA0, 0xDA0},             /* XSS */
    {0xC0000081, 0xC0000084},   /* SYSCALL */
    {0xC0000100, 0xC0000103},   /* FS, GS, kernel GS base, TSC_AUX */
    {0xC0010000, 0xC0010007},   /* performance counters */
    {0xC0010200, 0xC001020B},
};

/* MSRs that the guest must not read as they are: it sees its own view, or none. */
static const struct msr_range shadowed_msrs[] = {
    {MSR_FEATURE_CONTROL, MSR_FEATURE_CONTROL},
    {MSR_MTRR_PHYSBASE, MSR_MTRR_PHYSBASE + 2 * MTRR_VARIABLE_MAX - 1},
    {MSR_MTRR_FIX64K_00000, MSR_MTRR_FIX64K_00000}, {MSR_MTRR_FIX16K_80000, MSR_MTRR_FIX16K_A0000},
    {MSR_MTRR_FIX4K_C0000, MSR_MTRR_FIX4K_F8000}, {MSR_PAT, MSR_PAT}, {MSR_MTRR_DEF_TYPE, MSR_MTRR_DEF_TYPE},
    {MSR_VMX_BASIC, MSR_VMX_LAST}, {MSR_EFER, MSR_EFER}, {MSR_VM_CR, MSR_VM_HSAVE_PA},
};

static void watch_ports(uint8_t *bitmap, uint32_t first, uint32_t count)
{
    for (uint32_t port = first; port < first + count; port++)
        bitmap[port / 8] |= (uint8_t)(1u << port % 8);
}

void guards_fill_ports(uint8_t *bitmap)
{
    watch_ports(bitmap, COM2, UART_PORTS);
    watch_ports(bitmap, PORT_KEYBOARD_DATA, 1);
    watch_ports(bitmap, PORT_KEYBOARD, 1);
    watch_ports(bitmap, PORT_SYSTEM_CONTROL, 1);
    watch_ports(bitmap, PORT_RESET_CONTROL, 1);
    if (guest.pm1a_control != 0)
        watch_ports(bitmap, guest.pm1a_control, 2);
}

static void set_bits(uint8_t *bitmap, guard_bit *bit_of, struct msr_range range, bool is_write)
{
    for (uint32_t msr = range.first; msr <= range.last; msr++) {
        uint32_t bit = bit_of(msr, is_write);
        if (bit == GUARD_ALWAYS)
            continue;
        if (is_write)
            bitmap[bit / 8] &= (uint8_t)~(1u << bit % 8);
        else
            bitmap[bit / 8] |= (uint8_t)(1u << bit % 8);
    }
}

void guards_fill_msrs(uint8_t *bitmap, guard_bit *bit_of)
{
    for (uint32_t i = 0; i < sizeof own_msrs / sizeof own_msrs[0]; i++)
        set_bits(bitmap, bit_of, own_msrs[i], true);
    for (uint32_t i = 0; i < sizeof shadowed_msrs / sizeof shadowed_msrs[0]; i++)
        set_bits(bitmap, bit_of, shadowed_msrs[i], false);
}
