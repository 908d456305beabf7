/* machine.h — what the parts of the plugin share: the machine's RAM, the state of its CPU, and the
 * settings. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "residency_record.h"
#include "settings.h"

#define FRAME_BYTES 4096u
#define FRAME_SHIFT 12
#define NOWHERE     UINT64_MAX

/* The registers that decide how linear addresses are translated. */
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
    bool                is_guest;   /* the guest runs */
    struct paging       host, guest;
    uint64_t            vmcb;       /* NOWHERE: none yet */
    uint64_t            nested_cr3; /* 0: nested paging is off */
    uint64_t            host_state; /* VM_HSAVE_PA */
    uint64_t            slots_base, slots_end;      /* host-physical; once the guest was entered */
    bool                guest_pat_is_write_back;    /* all its entries are: page tables choose WB */
    uint64_t            block;      /* where the block that runs begins, host-physical */
    uint64_t            generation; /* of translations: when it changes, cached ones are void */

    enum residency_phase phase;
    uint64_t             control_changes;       /* of MTRRs, PAT, EFER and CR0, counted */
    uint64_t             instructions;
    struct residency_end totals;
};

extern struct machine machine;

/* Takes the settings; `listener` gets what the cache model moves. RAM is found later: ram.h. */
void machine_start(int count, char **arguments, bus_listener listener);

/* RAM above the hole begins at 4 GiB. Source: QEMU, hw/i386/pc_piix.c. */
static inline uint64_t address_of_offset(uint64_t offset)
{
    return offset < machine.low_ram_bytes
        ? offset : offset - machine.low_ram_bytes + (UINT64_C(4) << 30);
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

/* Source: Intel 440FX data sheet (290549), "Memory Address Map". */
static inline bool is_video(uint64_t address)
{
    return address >= 0xA0000 && address < ROM_BASE;
}

/* What the guest may reach of RAM: the slots, and the frame of ones behind them. */
static inline bool is_guests(uint64_t address)
{
    return address >= machine.slots_base && address < machine.slots_end;
}

/* The block that runs is the hypervisor's. */
static inline bool is_hypervisor(void)
{
    return in_text(machine.block);
}

/* The region is frozen, or should have been: from here on rules are held against what happens. */
static inline bool is_watched(void)
{
    return machine.phase >= PHASE_FROZEN;
}
