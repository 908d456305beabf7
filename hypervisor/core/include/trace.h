/* trace.h — what the hypervisor says on COM2: fixed-size frames, one record each.
 *
 * A reader resynchronises after noise by looking for the next TRACE_SYNC whose checksum holds.
 * Events (miss, open, seal, ...) may be sampled: one in `FACT_TRACE_EVERY`. Counters are exact, and
 * are sent at the end of a run and on panic.
 */
#pragma once
#include <stdint.h>

enum trace_kind : uint8_t {
    TRACE_FACT   = 1,   /* detail: enum trace_fact; value: the fact */
    TRACE_FREEZE = 2,   /* detail: enum image_freeze; value: bytes made dirty in the cache;
                         * cycles */
    TRACE_LAUNCH = 3,   /* the guest's first instruction is next */
    TRACE_MISS   = 4,   /* value: gpa; detail: enum trace_miss_flags; cycles: exit to entry, all
                         * pages it took */
    TRACE_OPEN   = 5,   /* level; value: page index; detail: enum page_state it had; cycles */
    TRACE_SEAL   = 6,   /* level; value: page index; cycles */
    TRACE_DROP   = 7,   /* level; value: page index; a clean victim */
    TRACE_EXIT   = 8,   /* detail: enum trace_counter of the kind of exit; value: its subject (CPUID
                         * leaf, MSR, port; else the engine's code); cycles */
    TRACE_COUNT  = 9,   /* detail: enum trace_counter; value: events since boot; cycles: their
                         * sum */
    TRACE_PANIC  = 10,  /* detail: enum panic_code; value: the offending value; level: of the page,
                         * if one */
    TRACE_END    = 11,  /* detail: enum trace_ending. The last record; keys are wiped */
};

enum trace_fact : uint32_t {
    FACT_FORMAT       = 1,  /* TRACE_FORMAT; the first record */
    FACT_ENGINE       = 2,  /* enum image_engine that was chosen */
    FACT_RAM_BYTES    = 3,  /* RAM that the guest has */
    FACT_FROZEN_BASE  = 4,  /* host-physical */
    FACT_FROZEN_BYTES = 5,
    FACT_SLOTS_BASE   = 6,  /* host-physical address of slot 0 */
    FACT_SLOTS        = 7,
    FACT_TABLE_PAGES  = 8,  /* nested-table pool */
    FACT_META_BASE    = 9,  /* host-physical */
    FACT_META_BYTES   = 10,
    FACT_POLICY       = 11, /* enum image_policy */
    FACT_TRACE_EVERY  = 12,
    FACT_TEXT_BYTES   = 13, /* hypervisor text, data, stacks and tables: the region less pool, slot
                             * table and slots */
    FACT_CACHE        = 14, /* enum image_cache */
    FACT_CACHE_BYTES  = 15, /* of the largest that CPUID tells of */
    FACT_DMA          = 16, /* enum trace_dma, with DMA_SNOOPED where that is so */
    FACT_OTHER_CPUS   = 17, /* that the firmware tells of, and that wait for ever */
    FACT_CIPHER       = 18, /* enum gcm_cipher that was chosen */
    FACT_C_BIT        = 19, /* which bit of its addresses tells that a page is private; 0: none, the
                             * image has no devices */
    FACT_TPM          = 20, /* enum trace_tpm: that the launch is measured into */
};

/* A TPM's registers, numbered as the start method of ACPI's table TPM2. */
enum trace_tpm : uint32_t { TPM_NONE = 0, TPM_FIFO = 6, TPM_CRB = 7 };

/* What stands between devices and memory. */
enum trace_dma : uint32_t {
    DMA_OPEN    = 0,        /* nothing, or not before every device */
    DMA_VTD     = 1,        /* Intel VT-d that lets nothing pass */
    DMA_AMDVI   = 2,        /* AMD-Vi that lets nothing pass */
    DMA_SHARED  = 0x200,    /* nothing but what is for pages that the guest shares */
    DMA_SNOOPED = 0x100,    /* it reads its tables through the CPU's cache, and not from DRAM */
};

enum trace_miss_flags : uint32_t {
    MISS_WRITE = 1, MISS_FETCH = 2, MISS_WALK = 4,  /* WALK: by a guest page-table walk */
    MISS_SOFT  = 8,                                 /* resident: only its mapping was gone */
    MISS_DEVICE = 16,                               /* of memory that is passed through: no page is
                                                     * opened */
    MISS_ABSENT = 32,                               /* nothing is there that the guest may reach */
    MISS_SHARED = 64,                               /* of a page that the guest shares */
};

enum trace_counter : uint32_t {
    COUNT_MISS = 1,         /* guest faults that needed at least one open */
    COUNT_SOFT_MISS,        /* guest faults on a resident page */
    COUNT_DEVICE_MISS,      /* guest faults on memory that is passed through */
    COUNT_OPEN_BLANK,       /* level 0 */
    COUNT_OPEN_IMAGED,      /* level 0 */
    COUNT_OPEN_SEALED,      /* level 0 */
    COUNT_SEAL,             /* level 0 */
    COUNT_DROP,             /* level 0 */
    COUNT_META_OPEN,        /* levels 1.., not blank */
    COUNT_META_BLANK,
    COUNT_META_SEAL,
    COUNT_META_DROP,
    COUNT_TABLE_DROP,       /* nested-table pages reclaimed */
    COUNT_EXIT_CPUID,
    COUNT_EXIT_MSR,
    COUNT_EXIT_CR,          /* and faults of accesses to control registers */
    COUNT_EXIT_PORT,
    COUNT_EXIT_CACHE,       /* WBINVD, INVD: emulated as nothing */
    COUNT_EXIT_DENIED,      /* guest tried virtualisation or MWAIT: #UD */
    COUNT_REINJECT,         /* events whose delivery missed a page and were delivered again */
    COUNT_AHEAD,            /* of all opens: before the guest asked for them */
    COUNT_ABSENT_MISS,      /* guest faults where nothing is that it may reach */
    COUNT_PCI_REFUSED,      /* writes to PCI configuration that were dropped, or a bit of them */
    COUNT_EXIT_DEVICE,      /* writes to a device that are looked at: the APICs */
    COUNT_APIC_REFUSED,     /* of them, and of those to MSRs: what was dropped */
    COUNT_SHARED_MISS,      /* guest faults on pages that it shares */
    COUNT_SHARED,           /* pages that became shared */
    COUNT_TAKEN_BACK,       /* shared pages that became private */
    COUNT_PORT_REFUSED,     /* accesses to ports that are not the guest's: nothing is there */
    COUNT_MSR_REFUSED,      /* of MSRs that are not the guest's, or of such values: #GP */
    COUNT_END               /* one past the last */
};

enum trace_ending : uint32_t {
    ENDING_POWER_OFF    = 0xF0570FF1,   /* the guest asked ACPI for S5: value = SLP_TYP */
    ENDING_SLEEP        = 0xF05751EE,   /* ... for another sleep state: value = SLP_TYP; the
                                         * machine is powered off */
    ENDING_RESET        = 0xF057BEE2,   /* the guest asked for a reset: value = port */
    ENDING_TRIPLE_FAULT = 0xF0573FA3,   /* the guest's own */
    ENDING_PANIC        = 0xF057DEA4,   /* a TRACE_PANIC record came before */
};

enum panic_code : uint32_t {
    PANIC_INTEGRITY        = 1,  /* a page failed its tag: value = page index, level = its level */
    PANIC_STRAY            = 2,  /* guest touched what nested tables do not reach: value = gpa */
    PANIC_UNKNOWN_EXIT     = 3,  /* value = the engine's exit code */
    PANIC_HOST_EXCEPTION   = 4,  /* value = vector << 56 | rip */
    PANIC_NO_ENGINE        = 5,  /* CPU or firmware offers no engine */
    PANIC_NO_CIPHER        = 6,  /* CPU lacks AES-NI, PCLMULQDQ or RDRAND, or
                                  * RDRAND gives no numbers */
    PANIC_HEADER           = 7,  /* image header is damaged */
    PANIC_KEY              = 8,  /* wrong passphrase, or the header was changed */
    PANIC_MEMORY_MAP       = 9,  /* firmware offers no RAM where the image needs it: value =
                                  * address */
    PANIC_NO_ROOM          = 10, /* frozen region too small for this guest: value = slots,
                                  * or pages of the nested tables */
    PANIC_ENTRY            = 11, /* the CPU refused the guest's state: value = exit code */
    PANIC_INSTRUCTION      = 12, /* an intercepted instruction could not be fetched or decoded:
                                  * value = rip */
    PANIC_COUNTER          = 13, /* the seal counter is used up */
    PANIC_INIT             = 14, /* an INIT signal arrived: possible reset attack */
    PANIC_FREEZE           = 15, /* this CPU cannot freeze so: value = enum image_freeze */
    PANIC_STATE            = 16, /* our own bug: a contract was broken; value says where */
    PANIC_TASK             = 17, /* a task switch, where it exits or a miss cuts it short: value =
                                  * the vector, or the exit code */
    PANIC_IOMMU            = 18, /* an IOMMU does not do what it is told: value = its address */
    PANIC_SMI              = 19, /* an SMI: its handler would see all, and save registers in DRAM */
    PANIC_TPM              = 20, /* a TPM that refuses, or does not answer: value = its response
                                  * code, or the register */
};

#define TRACE_FORMAT 1u
#define TRACE_SYNC   0x7AF5u

struct trace_record {
    uint64_t tsc;       /* when, cycles since reset */
    uint64_t value;
    uint64_t cycles;    /* duration, 0 where none is meant */
    uint32_t detail;
    uint16_t reserved;  /* zero */
    uint8_t  level;     /* of a page */
    uint8_t  kind;      /* enum trace_kind */
};
_Static_assert(sizeof(struct trace_record) == 32, "on the wire");

struct trace_frame {
    uint16_t sync;          /* TRACE_SYNC */
    uint16_t sequence;      /* counts frames, wraps: a gap is a lost frame */
    uint32_t checksum;      /* CRC-32 of sequence (2 bytes) and record (32) */
    struct trace_record record;
};
_Static_assert(sizeof(struct trace_frame) == 40, "on the wire");
