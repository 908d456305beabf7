/* contract.h — what the hypervisor and the tools around it both rely on, where no format says
 * it. */
#pragma once

/* Where the hypervisor maps the frozen region's first byte; the linker script gets it too. */
#define HYPERVISOR_BASE 0xFFFFFFFF80000000u

/* What an image that keeps its key under a passphrase asks for on COM1. */
#define PASSPHRASE_PROMPT "frostvisor: passphrase: "

/* What the hypervisor measures into a TPM: text, of which each bank gets its hash. */
#define MEASURE_GUEST_PCR 9u
#define MEASURE_GUEST     "frostvisor: header sha256:"  /* and the SHA-256 of the header's
                                                         * authenticated bytes, lower-case */
#define MEASURE_PHASE_PCR 8u
#define MEASURE_UNLOCKED  "frostvisor: unlocked"
#define MEASURE_LAUNCHED  "frostvisor: launched"        /* the TPM is the guest's from now on */

#define COM1 0x3F8u
#define COM2 0x2F8u

/* What one entry of a page directory maps, or one table below it. */
#define LARGE_PAGE_BYTES 0x200000u

/* From this much RAM on, QEMU's pc machine has this much of it below 4 GiB; with less, all of it
 * lies there. QEMU, hw/i386/pc_piix.c. */
#define QEMU_SPLIT_FROM 0xE0000000u
#define QEMU_SPLIT_AT   0xC0000000u

/* The descriptor table of a GUEST_LONG64, made by make-image: null, null, code, data. */
#define GUEST_GDT         0x6000u
#define GUEST_GDT_ENTRIES 4u
#define GUEST_CS          0x10u
#define GUEST_DS          0x18u

/* Symbols of the hypervisor that tools look for, and what they are. */
#define SYMBOL_PAGER        "pager"             /* struct pager */
#define SYMBOL_TRACE_RING   "ring"              /* struct trace_record []: what is not yet sent, */
#define SYMBOL_TRACE_USED   "ring_used"         /* uint32_t: and how many of them */
#define SYMBOL_HOST_PML4    "pml4"              /* the hypervisor's own page tables: the top one, */
#define SYMBOL_HOST_PDPT    "pdpt"              /* and the one below its only entry */
#define SYMBOL_TEXT_END     "text_end"          /* frostvisor.ld: the code ends here, */
#define SYMBOL_IMAGE_END    "image_end"         /* and all that is loaded or zeroed here */
#define SYMBOL_IOMMU_TABLES "unit_tables"
/* Functions at which tools stop or look: none of them may be inlined. */
#define SYMBOL_FREEZE       "freeze"
#define SYMBOL_RECORD       "tracer_add"        /* called first after the freeze */
#define SYMBOL_SESSION_KEY  "keys_make_session"
#define SYMBOL_ENTER_SVM    "svm_enter"
#define SYMBOL_ENTER_VMX    "vmx_enter"
#define SYMBOL_SEAL         "page_seal"
#define SYMBOL_OPEN         "page_open"
#define SYMBOL_WIPE         "wipe_secrets"
#define SYMBOL_END          "tracer_end"        /* called once secrets are erased */
