/* engine.h — all that a CPU vendor means to the rest of the hypervisor. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "guest.h"
#include "pager.h"

enum exit_kind : uint8_t {
    EXIT_MISS,              /* gpa, access: no mapping for a guest-physical address */
    EXIT_CPUID,
    EXIT_MSR_READ,          /* the MSR's number is in ECX */
    EXIT_MSR_WRITE,
    EXIT_CR0_WRITE,         /* value: the CR0 that the guest asked for */
    EXIT_XCR0_WRITE,        /* XSETBV; the register's number is in ECX */
    EXIT_PORT,              /* port, width, is_input, is_string */
    EXIT_CACHE,             /* WBINVD, INVD and the like */
    EXIT_DENIED,            /* virtualisation, or MWAIT, whose idle states may flush the cache: not for this guest.
                             * value: the exception that it gets */
    EXIT_TRIPLE_FAULT,
    EXIT_INIT,
    EXIT_REFUSED,           /* why: the CPU would not enter the guest */
    EXIT_UNKNOWN,
};

struct exit {
    enum exit_kind kind;
    uint64_t gpa;           /* bytes, any alignment */
    uint32_t access;        /* enum trace_miss_flags */
    uint64_t value;
    uint64_t next_rip;      /* where the guest goes on when the instruction has been emulated */
    uint16_t port;
    uint8_t  width;         /* bytes: 1, 2, 4 */
    bool     is_input;
    bool     is_string;
    const char *why;        /* in the manual's words */
    uint64_t raw;           /* the vendor's own code; for panic and trace only */
};

/* What decides how the guest's addresses and instructions are read. */
struct guest_mode {
    uint64_t cr0, cr3, cr4, efer;
    uint64_t code_base;     /* of CS */
    bool     code_l;        /* CS.L, whatever the mode */
    bool     code_long;     /* running 64-bit code */
};

enum exception : uint8_t { EXCEPTION_UD = 6, EXCEPTION_GP = 13, EXCEPTION_PF = 14 };

struct engine {
    const char       *name;
    enum image_engine id;
    const char *(*lack)(void);                      /* why it cannot run here, null when it can; no side effect */
    /* Control block, empty nested tables in `pool` (pool_pages of 4 KiB), state of the guest's first instruction. */
    void (*prepare)(const struct image_header *header, void *pool, uint32_t pool_pages, void *pool_notes);
    struct exit (*run)(void);                       /* enter, return decoded */
    struct guest_mode (*mode)(void);
    void (*set_cr0)(uint64_t value);                /* and what hangs on it: EFER.LMA, the TLB. CD and NW stay 0 */
    void (*set_efer)(uint64_t value);
    void (*inject)(enum exception vector);          /* error code 0 where it has one */
    void (*wipe)(void);                             /* guest state in control blocks */
};

extern const struct engine svm, vmx;
