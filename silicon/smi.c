/* smi.c — what a system management interrupt does to a frozen region.
 *
 * source  Intel ICH, "APM_CNT: Advanced Power Management Control Port", B2h, which the FADT names;
 *         Intel SDM (325462) vol 4, MSR_SMI_COUNT, from Nehalem on. AMD counts otherwise
 */
#include "devices/acpi.h"
#include "experiments.h"
#include "guard.h"
#include "marks.h"

#define APM_NOTHING 0u      /* a command without a meaning: coreboot's APM_CNT_NOOP_SMI */

/* Without that port nobody may be at home in System Management Mode: QEMU with smm=off. */
static uint16_t port;

bool has_smi(void)
{
    port = acpi_power().smi_command;
    return port != 0;
}

void try_smi(void)
{
    bool is_counted = !is_amd() && guard_msr(MSR_SMI_COUNT, &values[1]);
    values[0] = is_counted;
    uint64_t begun = rdtsc();
    out8(port, APM_NOTHING);
    values[3] = rdtsc() - begun;
    values[1] = is_counted ? values[1] : 0;
    values[2] = is_counted ? msr_read(MSR_SMI_COUNT) : 0;
}

void try_smi_invd(void)
{
    marks_freeze(region_bytes, false);
    out8(port, APM_NOTHING);
    marks_drop_and_count(region_bytes, values);
}
