/* e820.h — the memory map as Linux is told of it. */
#pragma once
#include "image.h"

/* Linux boot protocol (Documentation/arch/x86/zero-page): e820_entries and e820_table in
 * boot_params. */
#define BOOT_PARAMS_E820_ENTRIES 0x1E8u
#define BOOT_PARAMS_E820_TABLE   0x2D0u
#define BOOT_PARAMS_E820_MAX     128u
#define BOOT_PARAMS_E820_BYTES   20u      /* of struct e820_entry, without what ACPI 3.0 added */

#define BOOT_PARAMS_RSDP         0x070u   /* acpi_rsdp_addr */

/* Fills the E820 table of Linux's boot_params with what the guest may use; says where ACPI's first
 * table is if the guest would not find it. */
void e820_fill(uint64_t boot_params, const struct boot_info *boot);
