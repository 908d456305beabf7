/* event_log.h — the firmware's record of what it measured, brought to where ACPI's table TPM2 says
 * that it is: UEFI hands it out by a protocol that ends with boot services. */
#pragma once
#include "boot/uefi/efi.h"

/* The last call before the end of boot services. `final`: the firmware's table of what it measures
 * once the log was asked for; 0: there is none. */
void event_log_keep(const struct efi_boot_services *services, const uint8_t *rsdp,
                    const struct efi_tcg2_final_events *final);
/* And what was measured since. */
void event_log_finish(void);
