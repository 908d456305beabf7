/* vmx.h — Intel's Virtual Machine Extensions, as the Intel SDM (325462) vol 3 names them: chapters
 * "Virtual-Machine Control Structures" and "VMX Non-Root Operation", appendices A (capabilities), B
 * (field encoding) and C (exit reasons). */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "cpu/registers.h"
#include "engine/vcpu.h"

#define FEATURE_CONTROL_LOCK BIT(0)
#define FEATURE_CONTROL_VMX  BIT(2)         /* VMXON outside of SMX */

/* Appendix A; the registers themselves stand in registers.h. */
#define VMX_BASIC_REVISION     FIELD(30, 0)
#define VMX_BASIC_MEMORY_TYPE  FIELD(53, 50)
#define VMX_BASIC_TRUE         BIT(55)      /* the TRUE capability MSRs exist */
#define EPT_CAP_WALK_4         BIT(6)
#define EPT_CAP_WB             BIT(14)
#define EPT_CAP_2MIB           BIT(16)
#define EPT_CAP_INVEPT         BIT(20)
#define EPT_CAP_ACCESSED_DIRTY BIT(21)
#define EPT_CAP_INVEPT_SINGLE  BIT(25)

/* "VM-Execution Control Fields". */
#define PIN_NMI_EXITING        BIT(3)
#define PIN_VIRTUAL_NMIS       BIT(5)
#define PROC_MWAIT_EXITING     BIT(10)
#define PROC_NMI_WINDOW        0x400000u    /* bit 22 */
#define PROC_IO_BITMAPS        BIT(25)
#define PROC_MSR_BITMAPS       BIT(28)
#define PROC_MONITOR_EXITING   BIT(29)
#define PROC_SECONDARY         BIT(31)
#define PROC2_EPT              BIT(1)
#define PROC2_RDTSCP           BIT(3)
#define PROC2_VPID             BIT(5)
#define PROC2_WBINVD_EXITING   BIT(6)
#define PROC2_UNRESTRICTED     BIT(7)
#define PROC2_INVPCID          BIT(12)
#define PROC2_ENCLS_EXITING    BIT(15)
#define PROC2_XSAVES           BIT(20)
#define PROC2_USER_WAIT        BIT(26)
#define EXIT_SAVE_DEBUG        BIT(2)
#define EXIT_HOST_64           BIT(9)
#define EXIT_SAVE_EFER         BIT(20)
#define EXIT_LOAD_EFER         BIT(21)
#define ENTRY_LOAD_DEBUG       BIT(2)
#define ENTRY_IA32E_GUEST      BIT(9)
#define ENTRY_LOAD_EFER        BIT(15)

/* Appendix B. */
enum vmcs_field : uint32_t {
    VMCS_VPID               = 0x0000,
    VMCS_GUEST_ES           = 0x0800,   /* selectors, limits, rights, bases: ES CS SS DS FS GS LDTR
                                         * TR, 2 apart */
    VMCS_HOST_ES            = 0x0C00,
    VMCS_HOST_CS            = 0x0C02,
    VMCS_HOST_SS            = 0x0C04,
    VMCS_HOST_DS            = 0x0C06,
    VMCS_HOST_FS            = 0x0C08,
    VMCS_HOST_GS            = 0x0C0A,
    VMCS_HOST_TR            = 0x0C0C,
    VMCS_IO_BITMAP_A        = 0x2000,
    VMCS_IO_BITMAP_B        = 0x2002,
    VMCS_MSR_BITMAP         = 0x2004,
    VMCS_TSC_OFFSET         = 0x2010,
    VMCS_EPT_POINTER        = 0x201A,
    VMCS_XSS_EXITING        = 0x202C,
    VMCS_ENCLS_EXITING      = 0x202E,
    VMCS_GUEST_PHYSICAL     = 0x2400,
    VMCS_LINK_POINTER       = 0x2800,
    VMCS_GUEST_DEBUGCTL     = 0x2802,
    VMCS_GUEST_EFER         = 0x2806,
    VMCS_HOST_EFER          = 0x2C02,
    VMCS_PIN_CONTROLS       = 0x4000,
    VMCS_PROC_CONTROLS      = 0x4002,
    VMCS_EXCEPTION_BITMAP   = 0x4004,
    VMCS_PAGE_FAULT_MASK    = 0x4006,
    VMCS_PAGE_FAULT_MATCH   = 0x4008,
    VMCS_CR3_TARGETS        = 0x400A,
    VMCS_EXIT_CONTROLS      = 0x400C,
    VMCS_EXIT_MSR_STORES    = 0x400E,
    VMCS_EXIT_MSR_LOADS     = 0x4010,
    VMCS_ENTRY_CONTROLS     = 0x4012,
    VMCS_ENTRY_MSR_LOADS    = 0x4014,
    VMCS_ENTRY_EVENT        = 0x4016,   /* VM-entry interruption-information field */
    VMCS_ENTRY_ERROR_CODE   = 0x4018,
    VMCS_PROC2_CONTROLS     = 0x401E,
    VMCS_INSTRUCTION_ERROR  = 0x4400,
    VMCS_EXIT_REASON        = 0x4402,
    VMCS_VECTORING_EVENT    = 0x4408,   /* IDT-vectoring information field */
    VMCS_VECTORING_ERROR    = 0x440A,
    VMCS_INSTRUCTION_LENGTH = 0x440C,
    VMCS_GUEST_ES_LIMIT     = 0x4800,
    VMCS_GUEST_GDTR_LIMIT   = 0x4810,
    VMCS_GUEST_IDTR_LIMIT   = 0x4812,
    VMCS_GUEST_ES_RIGHTS    = 0x4814,
    VMCS_GUEST_CS_RIGHTS    = 0x4816,
    VMCS_INTERRUPTIBILITY   = 0x4824,
    VMCS_ACTIVITY           = 0x4826,
    VMCS_GUEST_SYSENTER_CS  = 0x482A,
    VMCS_HOST_SYSENTER_CS   = 0x4C00,
    VMCS_CR0_MASK           = 0x6000,
    VMCS_CR4_MASK           = 0x6002,
    VMCS_CR0_SHADOW         = 0x6004,
    VMCS_CR4_SHADOW         = 0x6006,
    VMCS_QUALIFICATION      = 0x6400,
    VMCS_GUEST_CR0          = 0x6800,
    VMCS_GUEST_CR3          = 0x6802,
    VMCS_GUEST_CR4          = 0x6804,
    VMCS_GUEST_ES_BASE      = 0x6806,
    VMCS_GUEST_CS_BASE      = 0x6808,
    VMCS_GUEST_GDTR_BASE    = 0x6816,
    VMCS_GUEST_IDTR_BASE    = 0x6818,
    VMCS_GUEST_DR7          = 0x681A,
    VMCS_GUEST_RSP          = 0x681C,
    VMCS_GUEST_RIP          = 0x681E,
    VMCS_GUEST_RFLAGS       = 0x6820,
    VMCS_PENDING_DEBUG      = 0x6822,
    VMCS_GUEST_SYSENTER_ESP = 0x6824,
    VMCS_GUEST_SYSENTER_EIP = 0x6826,
    VMCS_HOST_CR0           = 0x6C00,
    VMCS_HOST_CR3           = 0x6C02,
    VMCS_HOST_CR4           = 0x6C04,
    VMCS_HOST_FS_BASE       = 0x6C06,
    VMCS_HOST_GS_BASE       = 0x6C08,
    VMCS_HOST_TR_BASE       = 0x6C0A,
    VMCS_HOST_GDTR_BASE     = 0x6C0C,
    VMCS_HOST_IDTR_BASE     = 0x6C0E,
    VMCS_HOST_SYSENTER_ESP  = 0x6C10,
    VMCS_HOST_SYSENTER_EIP  = 0x6C12,
    VMCS_HOST_RSP           = 0x6C14,
    VMCS_HOST_RIP           = 0x6C16,
};
#define VMCS_SEGMENT_STEP 2u

#define RIGHTS_L          BIT(13)
#define RIGHTS_UNUSABLE   BIT(16)

/* Appendix C: basic exit reasons. */
enum vmx_exit : uint32_t {
    VMX_EXIT_EXCEPTION_NMI  = 0,
    VMX_EXIT_TRIPLE_FAULT   = 2,
    VMX_EXIT_INIT           = 3,
    VMX_EXIT_NMI_WINDOW     = 8,
    VMX_EXIT_TASK_SWITCH    = 9,
    VMX_EXIT_CPUID          = 10,
    VMX_EXIT_GETSEC         = 11,
    VMX_EXIT_INVD           = 13,
    VMX_EXIT_VMCALL         = 18,
    VMX_EXIT_VMCLEAR        = 19,
    VMX_EXIT_VMLAUNCH       = 20,
    VMX_EXIT_VMPTRLD        = 21,
    VMX_EXIT_VMPTRST        = 22,
    VMX_EXIT_VMREAD         = 23,
    VMX_EXIT_VMRESUME       = 24,
    VMX_EXIT_VMWRITE        = 25,
    VMX_EXIT_VMXOFF         = 26,
    VMX_EXIT_VMXON          = 27,
    VMX_EXIT_CR_ACCESS      = 28,
    VMX_EXIT_IO             = 30,
    VMX_EXIT_RDMSR          = 31,
    VMX_EXIT_WRMSR          = 32,
    VMX_EXIT_MWAIT          = 36,
    VMX_EXIT_MONITOR        = 39,
    VMX_EXIT_EPT_VIOLATION  = 48,
    VMX_EXIT_INVEPT         = 50,
    VMX_EXIT_INVVPID        = 53,
    VMX_EXIT_WBINVD         = 54,
    VMX_EXIT_XSETBV         = 55,
    VMX_EXIT_ENCLS          = 60,
};
#define EXIT_REASON_ENTRY_FAILED BIT(31)

/* "Exit Qualification for Control-Register Accesses", "... for I/O Instructions", "... for EPT
 * Violations". */
#define CR_NUMBER        FIELD(3, 0)
#define CR_REGISTER      FIELD(11, 8)
#define IO_SIZE          FIELD(2, 0)        /* bytes, less one */
#define IO_IN            BIT(3)
#define IO_STRING        BIT(4)
#define IO_PORT          FIELD(31, 16)
#define EPT_WRITE        BIT(1)
#define EPT_FETCH        BIT(2)
#define EPT_MAPPED       FIELD(5, 3)        /* rights that the entries give */
#define EPT_LINEAR       BIT(7)
#define EPT_TRANSLATED   BIT(8)             /* the page itself, not a guest page-table entry on the
                                             * way */
#define EPT_NMI_UNBLOCKED BIT(12)           /* by an IRET that has to be repeated */

/* Interruption-information fields. */
#define EVENT_TYPE       FIELD(10, 8)
#define EVENT_ERROR      BIT(11)
#define EVENT_VALID      BIT(31)
#define EVENT_FIELDS     (FIELD(11, 0) | EVENT_VALID)
enum event_type : uint64_t { EVENT_INTERRUPT = 0, EVENT_NMI = 2, EVENT_EXCEPTION = 3 };
#define VECTOR_NMI       2u

/* "Guest Non-Register State": interruptibility. */
#define BLOCKING_STI     BIT(0)
#define BLOCKING_MOV_SS  BIT(1)
#define BLOCKING_NMI     BIT(3)
#define PENDING_ENABLED  BIT(12)            /* pending debug exceptions, else as in DR6: an
                                             * enabled breakpoint was met */

/* "Extended-Page-Table Pointer (EPTP)" and "EPT Paging-Structure Entries". */
#define EPTP_WB             MEMORY_TYPE_WB
#define EPTP_WALK_4         (UINT64_C(3) << 3)
#define EPTP_ACCESSED_DIRTY BIT(6)
#define EPT_ALL_RIGHTS      FIELD(2, 0)     /* read, write, execute */
#define EPT_TYPE_WB         (MEMORY_TYPE_WB << 3)
#define EPT_TYPE_UC         (MEMORY_TYPE_UC << 3)
#define EPT_IGNORE_PAT      BIT(6)
#define EPT_ACCESSED        BIT(8)
#define EPT_DIRTY           BIT(9)
#define INVEPT_SINGLE       UINT64_C(1)     /* "INVEPT": single-context */

/* How VMX instructions end: "Conventions". */
enum vmx_status : uint32_t { VM_SUCCEED, VM_FAIL_INVALID, VM_FAIL_VALID };

enum vmx_status vmx_enter(struct guest_regs *regs, bool launched);      /* vmx_enter.asm */
void vmx_nmi(void);     /* the hypervisor's NMI entry: the guest gets it as soon as it may */
void vmx_unblock_nmis(void);
extern volatile bool vmx_is_on;

/* vmx_words.c: why an entry failed, as the manual says it. */
const char *vmx_instruction_error(uint64_t number);
const char *vmx_entry_failure(uint64_t reason);

/* vmx_controls.c: "Algorithms for Determining VMX Capabilities". */
enum control_word : uint8_t {
    CONTROL_PIN, CONTROL_PROC, CONTROL_PROC2, CONTROL_EXIT, CONTROL_ENTRY, CONTROL_WORDS
};
uint32_t vmx_control(enum control_word word);       /* (wanted | must be 1) & may be 1 */
const char *vmx_controls_lack(void);                /* a needed one that this CPU does not have;
                                                     * null: none */
