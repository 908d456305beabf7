/* residency_record.h — the record of a run, as the residency plugin writes it.
 *
 *   residency.log    struct residency_header, then records, each beginning with struct
 *   residency_record dram-base.bin    DRAM as the memory modules held it when the log of writes
 *   begins; sparse dram-final.bin   the same when the run ended: dram-base.bin with all writes of
 *   the log, or the record is broken region-end.bin   the frozen region as the CPU saw it when the
 *   hypervisor began its ending: plaintext and keys
 *
 * Files of DRAM are laid out as the machine's RAM file: RAM that lies above 4 GiB follows what lies
 * below it. Little-endian. An instant is the number of instructions entered since reset, as
 * translated blocks count them.
 */
#pragma once
#include <stddef.h>
#include <stdint.h>

#include "cache_model.h"
#include "page.h"

#define RESIDENCY_MAGIC     "FROSTRES"
#define RESIDENCY_VERSION   5u

struct residency_header {
    char     magic[8];
    uint32_t version;
    uint32_t header_bytes;
    uint64_t ram_bytes;
    uint64_t low_ram_bytes;         /* of it below 4 GiB */
    uint64_t region_base;           /* host-physical */
    uint64_t region_bytes;
    uint64_t text_bytes;            /* from region_base on: the hypervisor's instructions */
    uint64_t seed;                  /* of random replacement */
    char     preset[32];            /* its name, or "" for a free geometry */
    uint32_t vendor;                /* enum cache_vendor */
    uint32_t line_bytes, sets, ways, slices;
    uint32_t index;                 /* enum cache_index */
    uint32_t replacement;           /* enum cache_replacement */
    uint32_t reserved;
};

enum residency_kind : uint32_t {
    RESIDENCY_PHASE = 1,            /* struct residency_phase_change */
    RESIDENCY_CONTROL,              /* struct residency_control */
    RESIDENCY_KEY,                  /* struct residency_key */
    RESIDENCY_WRITE,                /* struct residency_transfer, then its bytes, padded to 8 */
    RESIDENCY_READ,                 /* struct residency_transfer */
    RESIDENCY_ENTRY,                /* struct residency_entry */
    RESIDENCY_VIOLATION,            /* struct residency_violation */
    RESIDENCY_CHECKPOINT,           /* struct residency_checkpoint */
    RESIDENCY_SHARING,              /* struct residency_sharing */
    RESIDENCY_END,                  /* struct residency_end; the last of a complete record */
};

struct residency_record {
    enum residency_kind kind;
    uint32_t            bytes;      /* with this, multiple of 8 */
    uint64_t            instant;
};

/* BOOT: firmware and loader. FILL: the frozen region alone is write-back; its lines are being made
 * dirty. FROZEN: each of its lines was modified. OPEN: secrets came, or the guest was launched, and
 * it was not. */
enum residency_phase : uint32_t { PHASE_BOOT, PHASE_FILL, PHASE_FROZEN, PHASE_OPEN, PHASE_COUNT };

/* The log of writes begins with FROZEN or OPEN, whichever comes first. */
struct residency_phase_change {
    struct residency_record record;
    enum residency_phase    phase;
    uint32_t                because;            /* enum residency_rule; only for OPEN */
    uint64_t                not_modified;       /* lines of the region */
    uint64_t                first_not_modified; /* address, if there are any */
    uint64_t                write_backs;        /* of lines of the region, in the phase that ends */
};

enum residency_register : uint32_t {
    REGISTER_CR0,
    REGISTER_CR3,
    REGISTER_CR4,
    REGISTER_MSR,
    REGISTER_GDTR,                  /* value: its base, linear */
    REGISTER_IDTR,
};

/* A control register that the hypervisor, loader or firmware wrote, as the CPU executed it. */
struct residency_control {
    struct residency_record record;
    uint64_t                rip;
    uint64_t                value;
    enum residency_register which;
    uint32_t                msr;
};

/* Read from the hypervisor's memory at the guest's first entry. */
struct residency_key {
    struct residency_record record;
    uint32_t                state;              /* enum page_state whose homes it opens */
    uint32_t                reserved;
    uint8_t                 raw[GCM_KEY_BYTES];
};

/* UNSEEN: found by comparing RAM, no access was reported. DEVICE: the same, in a page that the
 * guest shares. */
enum residency_mode : uint8_t { MODE_HOST, MODE_GUEST, MODE_UNSEEN, MODE_DEVICE };

/* One run of bytes between DRAM and the CPU, made by the same code: neighbours in time and place
 * are joined. */
struct residency_transfer {
    struct residency_record record;             /* instant: of its first byte */
    uint64_t                last_instant;
    uint64_t                address;            /* host-physical */
    uint64_t                rip;                /* linear, of the first instruction */
    uint32_t                bytes;
    enum bus_kind           kind;               /* WRITE_BACK or WRITE; FILL or READ */
    enum cache_rule         rule;               /* meaningless if mode is UNSEEN or DEVICE */
    enum access_kind        access;
    enum memory_type        type;
    enum residency_mode     mode;
    uint8_t                 padding[3];
};

/* How the integrity tree described a home when the handling that wrote it was over. */
struct residency_entry {
    struct residency_record record;
    uint64_t                home;
    page_id                 page;
    uint32_t                reserved;
    struct page_entry       entry;
};

/* What breaks the verdict beside the cache's own rules. */
enum residency_rule : uint32_t {
    RESIDENCY_CACHE_RULE,           /* a line of the region moved: `cache_rule` says by which */
    RESIDENCY_NEVER_FROZEN,         /* secrets came before all lines were modified */
    RESIDENCY_FLUSH_UNKNOWN,        /* a cache-line instruction whose operand could not be read */
    RESIDENCY_HOST_FETCH,           /* the hypervisor's code came from outside the region */
    RESIDENCY_HOST_TABLE,           /* a page table of the hypervisor lies outside */
    RESIDENCY_NESTED_TABLE,         /* a nested page table lies outside */
    RESIDENCY_NESTED_MAPPING,       /* a nested entry gives the guest RAM outside, or a slot that is
                                       not write-back */
    RESIDENCY_CONTROL_BLOCK,        /* VMCB, host state area or permission map outside */
    RESIDENCY_DESCRIPTOR_TABLE,     /* GDT, IDT, TSS or one of its stacks outside */
    RESIDENCY_HOST_STORE,           /* the hypervisor wrote to cacheable memory outside */
    RESIDENCY_WIDER_WRITE_BACK,     /* memory beside the region is write-back */
    RESIDENCY_REGION_TYPE,          /* the MTRRs no longer make all of the region write-back */
    RESIDENCY_GUEST_CACHE_CONTROL,  /* WBINVD and the like, or CR0.CD, by the guest was not
                                       intercepted */
    RESIDENCY_GUEST_REACH,          /* the guest accessed RAM that is no slot */
    RESIDENCY_REGION_CHANGED,       /* the hypervisor's own memory changed without a store */
    RESIDENCY_SHARED_UNASKED,       /* a nested entry leads to the home of a private page */
    RESIDENCY_SHARED_EXECUTABLE,    /* the guest could fetch instructions from a shared page */
    RESIDENCY_SHARED_NOT_ZEROED,    /* a page became shared with old bytes at its home */
    RESIDENCY_SHARED_SLOT_KEPT,     /* a page became shared, and its slot is still mapped */
    RESIDENCY_SHARED_KEPT,          /* the guest took a page back, and its home is still mapped */
    RESIDENCY_RULES
};

struct residency_violation {
    struct residency_record record;
    uint64_t                address;            /* host-physical; UINT64_MAX if unknown */
    uint64_t                rip;                /* linear */
    uint64_t                rip_physical;       /* UINT64_MAX if unknown */
    uint64_t                value;              /* the table entry, the register; else 0 */
    enum residency_rule     rule;
    page_id                 page;               /* in the slot at `address`; PAGE_NONE: no slot */
    enum cache_rule         cache_rule;
    enum bus_kind           kind;
    enum access_kind        access;
    enum memory_type        type;
    enum residency_mode     mode;
    uint8_t                 padding[3];
};
#define PAGE_NONE UINT32_MAX

/* RAM was held against the view of DRAM, and every page table was walked. */
struct residency_checkpoint {
    struct residency_record record;
    uint64_t                frames;             /* 4 KiB each, compared */
    uint64_t                unseen_bytes;       /* differed without a reported access; they follow
                                                   as writes */
    uint64_t                host_tables, nested_tables, nested_leaves;
    uint64_t                public_frames;      /* RAM outside the region that the guest reaches
                                                   directly */
};

/* A page changed hands, by the guest's word: it named it without the C-bit, or with it again. The
 * entry of the guest's at which the nested tables follow. */
struct residency_sharing {
    struct residency_record record;
    uint64_t                home;
    uint64_t                is_shared;          /* 0: it is private again */
};

struct residency_end {
    struct residency_record record;
    uint32_t                is_truncated;       /* the log reached its limit: writes after its last
                                                   are missing */
    uint32_t                is_consistent;      /* every translation that the plugin computed was
                                                   QEMU's */
    uint64_t                loads, stores, blocks, instructions;
    uint64_t                vm_entries;
    uint64_t                violations;         /* all of them; RESIDENCY_VIOLATION records stop
                                                   after a while */
    uint64_t                rule_violations[RESIDENCY_RULES];
    uint64_t                cache_rule_violations[RULE_COUNT];
    uint64_t                phase_write_backs[PHASE_COUNT];     /* of lines of the region */
    uint64_t                phase_movements[PHASE_COUNT][BUS_KINDS];    /* of all lines */
    uint64_t                checked_translations;
    uint64_t                refused;            /* writes of the guest to CRs and MSRs,
        and its cache controls, that the
                                                 * CPU answered with #GP: it was not at privilege
                                                 * level 0 */
    uint64_t                privilege_checks;   /* of what says so, against what else is known of
                                                   the CPU */
    uint64_t                privilege_misfits;  /* since the first of them nothing was taken for
                                                   refused */
    uint64_t                log_limit;
};

struct residency_rule_text {
    const char *id;         /* lower case, dashes; never changes once published */
    const char *sentence;
    const char *source;
};

/* Of RESIDENCY_RULES or above: all three "?". */
const struct residency_rule_text *residency_rule_text(enum residency_rule rule);
