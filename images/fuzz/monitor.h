/* monitor.h — runs code in any mode of the CPU until the first event: an exception, an interrupt, a
 * single step. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "guest.h"

/* Low memory, mapped 1:1 in every mode; as in monitor.asm. */
#define MONITOR_BASE  0x20000u      /* its code, two pages */
#define MONITOR_STATE 0x22000u
#define MONITOR_STACK 0x23000u
#define CODE_BASE     0x24000u      /* of cases, two pages; where real mode's CS begins */
#define CODE_BYTES    0x2000u
#define STACK_BASE    0x26000u      /* of cases, two pages */
#define STACK_BYTES   0x2000u
#define REAL_DATA     0x40000u      /* real mode's DS */
#define REAL_BYTES    0x10000u

/* Linear, in modes with paging. */
#define DATA_LINEAR    0x400000u
#define DATA_PAGES     16u
#define DATA_BYTES     (DATA_PAGES * PAGE_BYTES)
#define UNMAPPED       0x100000u    /* from the data on: nothing is there */
#define SPECIAL_LINEAR 0x800000u    /* devices, firmware, nothing: a page each */
#define SPECIAL_PAGES  8u
#define APIC_PAGES     2u           /* behind them: local APIC, I/O APIC */
#define IO_APIC_PAGE   (SPECIAL_PAGES + 1)

enum kind : uint64_t { KIND_REAL, KIND_LEGACY, KIND_LONG };
enum paging : uint8_t { PAGING_NONE, PAGING_2_LEVELS, PAGING_PAE, PAGING_LONG };

struct mode {
    const char *name;
    enum kind kind;
    enum paging paging;
    bool is_64_bit, is_user;
};
#define MODES 11u
extern const struct mode modes[MODES];

enum { RAX, RCX, RDX, RBX, RSP, RBP, RSI, RDI, R8, REGISTERS = 16 };

/* What a case starts in, and what it was left in; monitor.asm has the offsets. */
struct state {
    uint64_t registers[REGISTERS];
    uint64_t rip, rflags, cs, ss, ds, es, cr0, cr2, cr3, cr4, kind;
    uint64_t vector, error;
    uint64_t inside, own_rsp, own_cr0, own_cr3, own_cr4;
    struct [[gnu::packed]] { uint16_t limit; uint64_t base; uint8_t unused[6]; } gdt, idt64, idt32,
        ivt;
};
_Static_assert(sizeof(struct state) == 336, "as in monitor.asm");
#define STATE ((struct state *)(uintptr_t)MONITOR_STATE)

#define RFLAGS_FIXED BIT(1)
#define RFLAGS_TF    BIT(8)
#define VECTOR_PF    14u

void monitor_start(void);

/* The watchdog: an NMI 3 to 4 s after the last monitor_wind(). It runs by real time, so programs whose
 * end must be the same on every machine do not use it. */
void monitor_watch(void);
void monitor_wind(void);

/* Restores everything that a case may have changed: descriptors, page tables, control registers.
 * data: physical pages, DATA_PAGES of them; seen by modes with paging at DATA_LINEAR. */
void monitor_reset(const uint64_t data[DATA_PAGES]);

/* Fills in all of STATE but the general registers; memory of the case begins at `data` in modes
 * without paging. */
void monitor_prepare(const struct mode *mode);

/* Runs from STATE to the next event. */
void monitor_run(void);

/* XMM0-15 from and to memory; either may be null. monitor.asm */
void vectors_swap(const void *load, void *store);
