/* acpi.h — what the hypervisor needs of the firmware's tables. All of it uses the loader's identity
 * mapping. */
#pragma once
#include <stdint.h>

#include "image.h"

#define ACPI_PORT_RANGES 3u
struct acpi_power {
    uint16_t pm1a_control;  /* port; 0: there is none */
    uint8_t  off_type;      /* SLP_TYP of S5; SLP_TYP_UNKNOWN: not found */
    uint16_t smi_command;   /* port; 0: there is none */
    uint8_t  acpi_enable;   /* what is written there for ACPI mode */
    struct port_range open[ACPI_PORT_RANGES];   /* PM1 events, the timer, general-purpose events */
};
#define SLP_TYP_UNKNOWN 0xFFu

/* Finds the tables, by the loader's identity mapping as all of these do. `rsdp`: where UEFI says
 * that the first is; 0: where a BIOS puts it. To be called first. */
void acpi_start(uint64_t rsdp);

/* Physical address of the first table with this signature; 0: there is none. */
uint64_t acpi_find(uint32_t signature);
uint32_t acpi_bytes(uint64_t table);

/* From FADT and DSDT. */
struct acpi_power acpi_power(void);

/* Takes all CPUs but that with this APIC ID out of the MADT; returns how many there were. */
uint32_t acpi_hide_others(uint32_t own_id);

/* Renames, where they lie, tables of devices that the guest does not reach (HPET, IOMMUs) and the
 * packages of sleep states other than S5; before the tables become pages, and after the last look
 * at them. Those in memory that refuses writes stay as they are: their devices are absent, and
 * their sleep ends the run. */
void acpi_hide(void);
