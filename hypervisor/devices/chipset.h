/* chipset.h — what stands around the CPU in a PC, by the names of its manuals. */
#pragma once
#include "cpu/registers.h"

/* Ports. */
#define PORT_KEYBOARD_DATA  0x60u
#define PORT_KEYBOARD       0x64u
#define PORT_SYSTEM_CONTROL 0x92u
#define PORT_RESET_CONTROL  0xCF9u
#define PORT_PCI_ADDRESS    0xCF8u      /* configuration's address, written as one dword */
#define PORT_PIC1           0x20u       /* Intel 8259A, two of it */
#define PORT_PIC2           0xA0u
#define PORT_PIC_EDGES      0x4D0u      /* which of their inputs are levels */
#define PORT_TIMER          0x40u       /* Intel 8254 */
#define PORT_SPEAKER        0x61u       /* and the gate of the timer's third channel */
#define PORT_RTC            0x70u       /* index, and data */
#define PORT_POST           0x80u
#define PORT_FPU            0xF0u
#define PORT_DISPLAY_MONO   0x3B0u
#define PORT_DISPLAY        0x3C0u
#define PORT_FW_CFG         0x510u      /* selector, and data */

/* Intel 8237A, as PCs wire two of it: it masters the bus, and no bit of PCI's holds it. */
#define PORT_DMA1_MASKS  0x0Fu
#define PORT_DMA2_MASKS  0xDEu
#define DMA_MASK_ALL     0x0Fu

/* Intel 8042, as PCs wire it: commands to the controller, and its output port. */
#define COMMAND_WRITE_OUTPUT 0xD1u      /* the next byte at 60h goes to the output port */
#define COMMAND_CLOSE_A20    0xDDu
#define COMMAND_OPEN_A20     0xDFu
#define COMMAND_PULSE        0xF0u      /* low bits of the output port that are 0 in the command are
                                         * pulsed */
#define COMMAND_PULSE_MASK   0xF1u      /* of them, bit 0: the reset line */
#define OUTPUT_RUN           BIT(0)     /* low: reset */
#define OUTPUT_A20           BIT(1)

/* Intel ICH, "Port 92h" and "Reset Control Register". */
#define SYSTEM_CONTROL_RESET BIT(0)
#define SYSTEM_CONTROL_A20   BIT(1)
#define RESET_CONTROL_RESET  BIT(2)

/* Intel SDM (325462) vol 3, 10.4 to 10.6: the local APIC's registers, 16 bytes from each other, and
 * of those that describe messages the fields. Intel 82093AA: the I/O APIC has one window. */
#define APIC_STRIDE     16u
#define APIC_ID         0x020u
#define APIC_LVT_CMCI   0x2F0u
#define APIC_ICR_LOW    0x300u
#define APIC_ICR_HIGH   0x310u
#define APIC_LVT_FIRST  0x320u
#define APIC_LVT_LAST   0x370u
/* What a guest may write, a bit for each register up to 3F0h: priority and end of interrupt, how
 * logical destinations name it, spurious interrupts, errors, ICR, LVT, the timer. Not the ID, by
 * which messages find a CPU; nor AMD's extended LVT, behind these. Where none is, at 0, QEMU takes
 * a message as from a device, an SMI or an INIT too. */
#define APIC_WRITABLE   (BIT(0x08) | BIT(0x0B) | BIT(0x0D) | BIT(0x0E) | BIT(0x0F) | BIT(0x28) | \
                         BIT(0x2F) | BIT(0x30) | BIT(0x31) | BIT(0x32) | BIT(0x33) | BIT(0x34) | \
                         BIT(0x35) | BIT(0x36) | BIT(0x37) | BIT(0x38) | BIT(0x3E))
#define APIC_DELIVERY   FIELD(10, 8)
#define APIC_INTERRUPTS (BIT(0) | BIT(1) | BIT(7))  /* fixed, lowest priority, ExtINT */
#define APIC_NMI        4u
#define ICR_INIT        0x500u
#define APIC_LOGICAL    BIT(11)     /* the destination is no ID */
#define ICR_ASSERT      0x4000u
#define ICR_SHORTHAND   FIELD(19, 18)
#define ICR_ALL_BUT_SELF 0xC0000u
#define IO_APIC_INDEX    0x00u
#define IO_APIC_DATA     0x10u
#define IO_APIC_EOI      0x40u
#define IO_APIC_LAST     0x3Fu      /* register, of 24 entries */
#define APIC_REDIRECTION 0x10u      /* the first of the table's, two registers an entry */

/* ACPI 6.4, 4.8.3.2.1: the PM1 control register, two bytes; in the second byte: */
#define PM1_BYTES   2u
#define PM1_EVENT_BYTES 4u          /* status and enable, two bytes each; 4.8.3.1 */
#define PM_TIMER_BYTES 4u           /* 4.8.3.3 */
#define PM1_SCI_EN  BIT(0)      /* in the first: ACPI mode */
#define PM1_SLP_EN  BIT(5)      /* enter the sleep state */
#define PM1_SLP_TYP FIELD(4, 2)

/* ACPI 6.4, 5.2.5 (RSDP), 5.2.6 (table header), 5.2.7 (RSDT), 5.2.8 (XSDT), 5.2.9 (FADT), 5.2.12
 * (MADT). */
#define RSDP_AREA_BASE  0xE0000u
#define RSDP_AREA_END   0x100000u
#define BDA_EBDA        0x40Eu      /* segment of the extended BIOS data area */
#define EBDA_SCAN_BYTES 1024u
#define RSDP_SIGNATURE     0x20445352u      /* "RSD " */
#define RSDP_SIGNATURE_END 0x20525450u      /* "PTR " */
#define RSDP_REVISION   15u         /* from 2 on there is an XSDT */
#define RSDP_RSDT       16u
#define RSDP_BYTES      20u         /* that the first checksum covers */
#define RSDP_XSDT       24u
#define TABLE_LENGTH    4u
#define TABLE_CHECKSUM  9u
#define TABLE_HEADER    36u
#define TABLE_BYTES_MAX 0x400000u   /* longer ones are taken to be none */
#define IDENTITY_END    UINT64_C(0x100000000)       /* of the loader's mapping */
#define FADT_SIGNATURE  0x50434146u                     /* "FACP" */
#define FADT_DSDT       40u
#define FADT_SMI_COMMAND 48u
#define FADT_ACPI_ENABLE 52u
#define FADT_PM1A_EVENTS 56u
#define FADT_PM1A_CONTROL 64u
#define FADT_TIMER      76u
#define FADT_GPE0       80u
#define FADT_GPE0_BYTES 92u         /* a byte */
#define FADT_X_DSDT     140u
#define MADT_SIGNATURE  0x43495041u                     /* "APIC" */
#define MADT_ENTRIES    44u         /* each begins with type and length, a byte each */
#define MADT_APIC       0u          /* processor local APIC, 5.2.12.2; its ID is byte 3 */
#define MADT_APIC_FLAGS 4u
#define MADT_X2APIC     9u          /* 5.2.12.12 */
#define MADT_X2APIC_ID  4u
#define MADT_X2APIC_FLAGS 8u
#define MADT_ENABLED    1u
#define DSDT_SIGNATURE  0x54445344u                     /* "DSDT" */
#define SSDT_SIGNATURE  0x54445353u                     /* "SSDT" */
#define HPET_SIGNATURE  0x54455048u                     /* "HPET" */
#define DMAR_SIGNATURE  0x52414D44u                     /* "DMAR": Intel VT-d 8.1 */
#define IVRS_SIGNATURE  0x53525649u                     /* "IVRS": AMD IOMMU 5.2 */
#define UNUSED_LETTER   'X'         /* no table and no sleep state begins with it, but XSDT */

/* ACPI 6.4, 7.4.2 (_Sx), 20.2 (AML). */
#define AML_S0          0x5F30535Fu     /* "_S0_"; S1 to S5 differ in the third byte */
#define AML_PACKAGE     0x12u
#define AML_BYTE        0x0Au           /* a byte follows; 0 and 1 stand for themselves */
#define AML_PACKAGE_BYTES 8u            /* up to the first element, with the shortest PkgLength */
#define SLP_TYP_MAX     7u

/* PCI Local Bus 3.0, 3.2.2.3 (configuration mechanism), 6.1 (header), 6.2.2 (command register)
 * and 6.2.5 (base addresses); appendix D (class codes). */
#define PCI_DATA        0xCFCu
#define PCI_DATA_BYTES  4u
#define PCI_ENABLE      0x80000000u
#define PCI_NOT_REGISTER 0xFF000003u /* of the address: enable, and reserved bits, of which some
                                      * chipsets make something */
#define PCI_REGISTER    0xFCu
#define PCI_DEVICES     (256u * 32u)    /* buses of devices */
#define PCI_VENDOR      0x00u
#define PCI_COMMAND     0x04u
#define PCI_CLASS       0x08u       /* byte 3 of this dword: base class */
#define CLASS_BRIDGE    0x06u       /* of the host, to other buses, and what else a chipset has */
#define PCI_HEADER_TYPE 0x0Cu       /* byte 2 of this dword; its bit 7: */
#define PCI_MULTIFUNCTION BIT(23)
#define PCI_BUS_MASTER  BIT(2)
#define PCI_NO_DEVICE   0xFFFFu
#define PCI_BAR_FIRST   0x10u
#define PCI_BAR_LAST    0x24u
#define PCI_ROM_BASE    0x30u
#define PCI_BAR_IO      BIT(0)
#define PCI_BAR_WIDE    BIT(2)      /* of memory: the next register has the upper half */
#define PCI_BAR_MEMORY  UINT64_C(15)    /* flags of memory's */
#define PCI_DECODE      3u          /* of the command: ports and memory */
#define PCI_BASE_FLAGS  0x7FFu      /* at most: what no base address has, of memory or a ROM */
