/* engine.h — all that the rest of the hypervisor sees of a CPU vendor. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "engine/first_state.h"
#include "engine/vcpu.h"
#include "image.h"
#include "residency/walk.h"

enum exception : uint8_t {
    EXCEPTION_UD = 6, EXCEPTION_SS = 12, EXCEPTION_GP = 13, EXCEPTION_PF = 14
};

/* Whoever raises a page fault writes CR2, which is the guest's all the time. */
struct fault {
    enum exception vector;
    uint32_t error;         /* pushed where the vector has one, and the mode */
};

enum exit_kind : uint8_t {
    EXIT_MISS,              /* gpa, access: no mapping for a guest-physical address */
    EXIT_DEVICE_WRITE,      /* gpa, access: to what may be read there, and not written */
    EXIT_CPUID,
    EXIT_MSR_READ,          /* the MSR's number is in ECX */
    EXIT_MSR_WRITE,
    EXIT_CR0_WRITE,         /* value: the CR0 that the guest asked for */
    EXIT_XCR0_WRITE,        /* XSETBV; the register's number is in ECX */
    EXIT_PORT,              /* port, width, is_input, is_string */
    EXIT_CACHE,             /* WBINVD, INVD and the like */
    EXIT_DENIED,            /* virtualisation, or MWAIT, whose idle states may flush the cache: #UD,
                             * as on a CPU that has none of it */
    EXIT_CR_FAULT,          /* fault: what an access to a control register raises */
    EXIT_TRIPLE_FAULT,
    EXIT_INIT,
    EXIT_SMI,
    EXIT_TASK,              /* a task switch: not carried out */
    EXIT_REFUSED,           /* why: the CPU would not enter the guest */
    EXIT_UNKNOWN,
};

struct exit {
    enum exit_kind kind;
    uint64_t gpa;           /* bytes, any alignment */
    uint32_t access;        /* enum trace_miss_flags */
    uint64_t value;
    struct fault fault;
    uint64_t dr7;           /* EXIT_PORT only */
    uint64_t next_rip;      /* where the guest goes on when the instruction has been emulated */
    uint16_t port;
    uint8_t  width;         /* bytes: 1, 2, 4 */
    bool     is_input;
    bool     is_string;
    const char *why;        /* in the manual's words */
    uint64_t raw;           /* the vendor's own code; for panic and trace only */
};

struct engine {
    const char       *name;
    enum image_engine id;
    const char *(*lack)(void);      /* why it cannot run here, null when it can; no side effect */
    /* Control block and empty nested tables; every MSR exits yet. `ports`: a bit a port, 1 = it
     * exits, in the frozen region. */
    void (*prepare)(struct vcpu *vcpu, const struct first_state *state, const uint8_t *ports);
    void (*open_msr)(struct vcpu *vcpu, uint32_t msr, bool reads, bool writes);
    void (*run)(struct vcpu *vcpu, struct exit *exit);      /* enters the guest, returns with its
                                                             * exit decoded */
    struct guest_mode (*mode)(const struct vcpu *vcpu);
    void (*set_cr0)(struct vcpu *vcpu, uint64_t value);     /* and EFER.LMA, the TLB. CD and NW stay
                                                             * 0 */
    void (*set_efer)(struct vcpu *vcpu, uint64_t value);
    void (*set_debugctl)(struct vcpu *vcpu, uint64_t value);
    struct segment (*segment)(const struct vcpu *vcpu, enum segment_number number);
    void (*inject)(struct vcpu *vcpu, struct fault fault);
    void (*wipe)(struct vcpu *vcpu);                            /* guest state in control blocks */
};

/* The one that was chosen. */
extern const struct engine *engine;

/* What the guest's debug registers make of an access: which breakpoints that DR7 has enabled it
 * met, in DR6's bits. */
enum breakpoint_type : uint8_t { BREAKPOINT_WRITE = 1, BREAKPOINT_PORT = 2, BREAKPOINT_ACCESS = 3 };
uint64_t breakpoints_met(uint64_t dr7, enum breakpoint_type type, uint64_t at, uint32_t bytes);

/* The emulated instruction ended, or an iteration of a REP: a trap behind that is pushed with RF,
 * since the instruction's own breakpoint has trapped already (SDM vol 3, 17.3.1.1). */
static inline void end_emulation(struct vcpu *vcpu)
{
    uint64_t flags = vcpu->regs.rflags & ~RFLAGS_RF;
    vcpu->regs.rflags = flags | (vcpu->emulated == EMULATED_ITERATION ? RFLAGS_RF : 0);
    vcpu->emulated = EMULATED_NOTHING;
}

/* Chooses the first engine that the image allows and that runs here; panics with what each of them
 * lacks. */
void engine_choose(enum image_engine allowed);

/* The engine's `prepare`; what it knows of the guest is erased with the other secrets. */
void engine_prepare(struct vcpu *vcpu, const struct first_state *state, const uint8_t *ports);
