/* svm.h — AMD's Secure Virtual Machine, as AMD APM vol 2 (24593), chapter 15 and appendices B and
 * C, names it. */
#pragma once
#include <stddef.h>
#include <stdint.h>

#include "cpu/registers.h"
#include "engine/first_state.h"
#include "engine/vcpu.h"

/* svm_enter.asm */
void svm_enter(struct guest_regs *regs, uint64_t vmcb_hpa);
void svm_load(uint64_t vmcb_hpa);
void svm_save(uint64_t vmcb_hpa);
void svm_debug(void);

/* Intercepts: word at 00Ch ... */
#define INTERCEPT_SMI       BIT(2)          /* nothing, where HWCR.SMMLOCK is set */
#define INTERCEPT_INIT      BIT(3)
#define INTERCEPT_CPUID     BIT(18)
#define INTERCEPT_INVD      BIT(22)
#define INTERCEPT_INVLPGA   BIT(26)
#define INTERCEPT_IOIO_PROT BIT(27)
#define INTERCEPT_MSR_PROT  BIT(28)
#define INTERCEPT_TASK_SWITCH BIT(29)
#define INTERCEPT_SHUTDOWN  BIT(31)
/* ... and at 010h. */
#define INTERCEPT_VMRUN     BIT(0)
#define INTERCEPT_VMMCALL   BIT(1)
#define INTERCEPT_VMLOAD    BIT(2)
#define INTERCEPT_VMSAVE    BIT(3)
#define INTERCEPT_STGI      BIT(4)
#define INTERCEPT_CLGI      BIT(5)
#define INTERCEPT_SKINIT    BIT(6)
#define INTERCEPT_WBINVD    BIT(9)
#define INTERCEPT_MONITOR   BIT(10)
#define INTERCEPT_MWAIT     BIT(11)
#define INTERCEPT_MWAIT_ARMED BIT(12)
#define INTERCEPT_CR0_WRITE BIT(16)         /* word at 000h: writes are the high half */

#define TLB_CONTROL_FLUSH_ALL 1u
#define NP_ENABLE             BIT(0)

#define SVM_CPUID_EDX_NP      BIT(0)
#define SVM_CPUID_EDX_NRIPS   BIT(3)

/* Appendix C: exit codes. */
enum svm_exit : uint32_t {
    SVM_EXIT_CR0_WRITE = 0x10,
    SVM_EXIT_SMI       = 0x62,
    SVM_EXIT_INIT      = 0x63,
    SVM_EXIT_CPUID     = 0x72,
    SVM_EXIT_INVD      = 0x76,
    SVM_EXIT_INVLPGA   = 0x7A,
    SVM_EXIT_IOIO      = 0x7B,
    SVM_EXIT_MSR       = 0x7C,
    SVM_EXIT_TASK      = 0x7D,
    SVM_EXIT_SHUTDOWN  = 0x7F,
    SVM_EXIT_VMRUN     = 0x80,
    SVM_EXIT_VMMCALL   = 0x81,
    SVM_EXIT_VMLOAD    = 0x82,
    SVM_EXIT_VMSAVE    = 0x83,
    SVM_EXIT_STGI      = 0x84,
    SVM_EXIT_CLGI      = 0x85,
    SVM_EXIT_SKINIT    = 0x86,
    SVM_EXIT_WBINVD    = 0x89,
    SVM_EXIT_MONITOR   = 0x8A,
    SVM_EXIT_MWAIT     = 0x8B,
    SVM_EXIT_MWAIT_ARMED = 0x8C,
    SVM_EXIT_NPF       = 0x400,
    SVM_EXIT_INVALID   = UINT32_MAX,     /* -1, of which QEMU 7.2 stores the low half only */
};

/* "IOIO Intercept": EXITINFO1. */
#define IOIO_TYPE_IN  BIT(0)
#define IOIO_STR      BIT(2)
#define IOIO_SIZE     FIELD(6, 4)           /* bytes: 1, 2 or 4 */
#define IOIO_PORT     FIELD(31, 16)

/* "Nested versus Guest Page Faults": EXITINFO1. */
#define NPF_P         BIT(0)
#define NPF_W         BIT(1)
#define NPF_ID        BIT(4)
#define NPF_TABLE     BIT(33)               /* during the guest's own page walk */

/* "Event Injection": EVENTINJ and EXITINTINFO. */
#define EVENT_VECTOR  FIELD(7, 0)
#define EVENT_TYPE    FIELD(10, 8)
#define EVENT_EV      BIT(11)               /* an error code is pushed */
#define EVENT_V       BIT(31)
enum event_type : uint64_t {
    EVENT_INTR = 0, EVENT_NMI = 2, EVENT_EXCEPTION = 3, EVENT_SOFTWARE = 4
};
#define VECTOR_DB     1u

struct vmcb {
    /* Control area. */
    uint32_t intercept_cr, intercept_dr, intercept_exceptions;
    uint32_t intercept_1, intercept_2, intercept_3;
    uint8_t  reserved_018[0x40 - 0x18];
    uint64_t iopm_base_pa, msrpm_base_pa, tsc_offset;
    uint32_t guest_asid;
    uint8_t  tlb_control, reserved_05d[3];
    uint64_t virtual_interrupt, interrupt_shadow;
    uint64_t exitcode, exitinfo1, exitinfo2, exitintinfo;
    uint64_t np_enable;
    uint8_t  reserved_098[0xA8 - 0x98];
    uint64_t eventinj, n_cr3, lbr_virtualization, clean, nrip;
    uint8_t  reserved_0d0[0x400 - 0xD0];
    /* State save area. */
    struct segment es, cs, ss, ds, fs, gs, gdtr, ldtr, idtr, tr;
    uint8_t  reserved_4a0[0x4CB - 0x4A0];
    uint8_t  cpl;
    uint8_t  reserved_4cc[4];
    uint64_t efer;
    uint8_t  reserved_4d8[0x548 - 0x4D8];
    uint64_t cr4, cr3, cr0, dr7, dr6, rflags, rip;
    uint8_t  reserved_580[0x5D8 - 0x580];
    uint64_t rsp;
    uint8_t  reserved_5e0[0x5F8 - 0x5E0];
    uint64_t rax, star, lstar, cstar, sfmask, kernel_gs_base;
    uint64_t sysenter_cs, sysenter_esp, sysenter_eip, cr2;
    uint8_t  reserved_648[0x668 - 0x648];
    uint64_t g_pat;
    uint8_t  reserved_670[0x1000 - 0x670];
};
#define AT(member, offset) (offsetof(struct vmcb, member) == (offset))
_Static_assert(AT(iopm_base_pa, 0x040) && AT(guest_asid, 0x058) && AT(virtual_interrupt, 0x060) &&
               AT(exitcode, 0x070) && AT(np_enable, 0x090) && AT(eventinj, 0x0A8) &&
               AT(nrip, 0x0C8), "APM vol 2, table B-1");
_Static_assert(AT(es, 0x400) && AT(cpl, 0x4CB) && AT(efer, 0x4D0) && AT(cr4, 0x548) &&
               AT(rip, 0x578) && AT(rsp, 0x5D8) && AT(rax, 0x5F8) && AT(cr2, 0x640) &&
               AT(g_pat, 0x668) && sizeof(struct vmcb) == 0x1000, "APM vol 2, table B-2");
#undef AT
