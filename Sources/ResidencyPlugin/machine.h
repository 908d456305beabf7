/* machine.h — what the parts of the plugin share: the machine's RAM, where the CPU is, and what it was told. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "residency_record.h"

#define FRAME_BYTES 4096u
#define FRAME_SHIFT 12
#define NOWHERE     UINT64_MAX

struct settings {
    const char *record;             /* folder */
    const char *ram_file;
    const char *touched_image;      /* keep the touches of this image's pages; NULL: keep none */
    const char *preset;             /* NULL: geometry */
    struct cache_geometry geometry;
    enum cache_vendor vendor;
    uint64_t seed;
    uint64_t ram_bytes;
    uint64_t region_base, region_bytes;
    uint64_t text_bytes;            /* the hypervisor's instructions, from region_base on */
    uint64_t linear_base;           /* where the hypervisor maps region_base */
    uint64_t pager;                 /* offset of its `struct pager` in the region */
    uint64_t wipe;                  /* offset of the function that erases the secrets */
    uint64_t firmware_from;         /* RAM from here to 4 GiB is the firmware's, as is 9F000h to FFFFFh */
    uint64_t log_limit;             /* bytes */
    uint64_t flags_offset;          /* in QEMU's state of the CPU: see privilege.c */
};

/* How addresses are translated, as control registers and control block say. */
struct paging {
    uint64_t cr0, cr3, cr4, efer, pat;
};

struct machine {
    struct settings set;
    uint8_t        *ram;            /* our own mapping of the RAM file */
    uint64_t        ram_host;       /* where QEMU has it */
    uint64_t        low_ram_bytes;
    unsigned        line_shift;
    int             ram_descriptor;

    struct cache_model *cache;
    bool                is_guest;   /* the guest has the CPU */
    struct paging       host, guest;
    uint64_t            vmcb;       /* NOWHERE: none yet */
    uint64_t            nested_cr3; /* 0: nested paging is off */
    uint64_t            host_state; /* VM_HSAVE_PA */
    bool                guest_pat_is_write_back;    /* whatever the guest's entries choose is write-back */

    enum residency_phase phase;
    uint64_t             control_changes;       /* of MTRRs and CR0, counted */
    uint64_t             instructions;
    struct residency_end totals;
};

extern struct machine machine;

/* RAM above the hole begins at 4 GiB. Source: QEMU, hw/i386/pc_piix.c. */
static inline uint64_t address_of_offset(uint64_t offset)
{
    return offset < machine.low_ram_bytes ? offset : offset - machine.low_ram_bytes + (UINT64_C(4) << 30);
}

/* NOWHERE if there is no RAM. */
static inline uint64_t offset_of_address(uint64_t address)
{
    if (address < machine.low_ram_bytes)
        return address;
    uint64_t above = address - (UINT64_C(4) << 30);
    return address >> 32 != 0 && above < machine.set.ram_bytes - machine.low_ram_bytes
        ? above + machine.low_ram_bytes : NOWHERE;
}

static inline bool in_region(uint64_t address)
{
    return address - machine.set.region_base < machine.set.region_bytes;
}

static inline bool in_text(uint64_t address)
{
    return address - machine.set.region_base < machine.set.text_bytes;
}

/* Memory that the firmware owns and says so to every guest: EBDA, option ROMs and BIOS, ACPI tables. */
static inline bool is_firmware(uint64_t address)
{
    return (address >= 0x9F000 && address < 0x100000)
        || (address >= machine.set.firmware_from && address < machine.low_ram_bytes);
}

/* Says one line on QEMU's error output and ends QEMU: a record with a hole in it must not be judged. */
[[noreturn]] void give_up(const char *format, ...) __attribute__((format(printf, 1, 2)));
