/* svm.c — the engine on AMD CPUs. Source: AMD APM vol 2 (24593), chapter 15 "Secure Virtual Machine". */
#include "engine.h"

#include "bytes.h"
#include "memory.h"
#include "npt.h"
#include "panic.h"
#include "platform.h"
#include "serial.h"
#include "state.h"
#include "svm.h"
#include "svm_decode.h"
#include "tracer.h"

#define GUEST_GDT       0x6000u     /* null, null, code, data: made by make-image */
#define GUEST_GDT_LIMIT 31u
#define GUEST_CS        0x10u
#define GUEST_DS        0x18u
#define REAL_IVT_LIMIT  0x3FFu
#define DR6_RESET       0xFFFF0FF0u
#define DR7_RESET       0x400u
#define IOPM_BYTES      0x3000u
#define MSRPM_BYTES     0x2000u

static _Alignas(PAGE_BYTES) struct vmcb vmcb;
static _Alignas(PAGE_BYTES) uint8_t host_save[PAGE_BYTES];
static _Alignas(PAGE_BYTES) uint8_t iopm[IOPM_BYTES];
static _Alignas(PAGE_BYTES) uint8_t msrpm[MSRPM_BYTES];
static bool has_nrip;

void svm_enter(struct guest_regs *regs, uint64_t vmcb_hpa);     /* svm_enter.asm */
void svm_load(uint64_t vmcb_hpa);

static bool present(void)
{
    return cpuid(0x80000000, 0).eax >= SVM_CPUID_LEAF && (cpuid(0x80000001, 0).ecx & CPUID_80000001_ECX_SVM) &&
           (cpuid(SVM_CPUID_LEAF, 0).edx & SVM_CPUID_EDX_NP) && !(rdmsr(MSR_VM_CR) & VM_CR_SVMDIS);
}

static void intercept_ports(uint32_t first, uint32_t count)
{
    for (uint32_t port = first; port < first + count; port++)
        iopm[port / 8] |= (uint8_t)(1u << port % 8);
}

/* MSRs that are the guest's own: it writes them directly. All other writes exit. */
static const struct { uint32_t first, last; } own_msrs[] = {
    {0x10, 0x10},               /* TSC */
    {0x3B, 0x3B},               /* TSC adjust */
    {0x48, 0x49},               /* speculation control */
    {0x174, 0x176},             /* SYSENTER */
    {0x17A, 0x17B},             /* machine check, global */
    {0x1D9, 0x1D9},             /* debug control */
    {0x400, 0x47F},             /* machine check banks */
    {0x6A0, 0x6A8},             /* shadow stacks */
    {0x6E0, 0x6E0},             /* TSC deadline */
    {0x800, 0x8FF},             /* x2APIC */
    {0xDA0, 0xDA0},             /* XSS */
    {0xC0000081, 0xC0000084},   /* SYSCALL */
    {0xC0000100, 0xC0000103},   /* FS, GS, kernel GS base, TSC_AUX */
    {0xC0010000, 0xC0010007},   /* performance counters */
    {0xC0010200, 0xC001020B},
};

/* MSRs that the guest must not read as they are: it sees its own view. */
static const struct { uint32_t first, last; } shadowed_msrs[] = {
    {MSR_MTRR_PHYSBASE, MSR_MTRR_PHYSBASE + 2 * MTRR_VARIABLE_MAX - 1},
    {MSR_MTRR_FIX64K_00000, MSR_MTRR_FIX64K_00000}, {MSR_MTRR_FIX16K_80000, MSR_MTRR_FIX16K_A0000},
    {MSR_MTRR_FIX4K_C0000, MSR_MTRR_FIX4K_F8000}, {MSR_PAT, MSR_PAT}, {MSR_MTRR_DEF_TYPE, MSR_MTRR_DEF_TYPE},
    {MSR_EFER, MSR_EFER}, {MSR_VM_CR, MSR_VM_HSAVE_PA},
};

/* "MSR Intercepts": 2 bits an MSR (read, write), three windows of 2000h MSRs. */
static uint32_t msrpm_bit(uint32_t msr)
{
    uint32_t window = msr >= 0xC0010000 ? 2 : msr >= 0xC0000000 ? 1 : 0;
    return (window * 0x2000 + (msr & 0x1FFF)) * 2;
}

static void fill_msrpm(void)
{
    for (uint32_t i = 0; i < sizeof msrpm; i++)
        msrpm[i] = 0xAA;        /* every write exits */
    for (uint32_t i = 0; i < sizeof own_msrs / sizeof own_msrs[0]; i++)
        for (uint32_t msr = own_msrs[i].first; msr <= own_msrs[i].last; msr++) {
            uint32_t bit = msrpm_bit(msr) + 1;
            msrpm[bit / 8] &= (uint8_t)~(1u << bit % 8);
        }
    for (uint32_t i = 0; i < sizeof shadowed_msrs / sizeof shadowed_msrs[0]; i++)
        for (uint32_t msr = shadowed_msrs[i].first; msr <= shadowed_msrs[i].last; msr++) {
            uint32_t bit = msrpm_bit(msr);
            msrpm[bit / 8] |= (uint8_t)(1u << bit % 8);
        }
}

static void enter_long_mode(const struct image_header *image)
{
    struct vmcb_segment data = {GUEST_DS, SEGMENT_DATA32, UINT32_MAX, 0};
    vmcb.cs = (struct vmcb_segment){GUEST_CS, SEGMENT_CODE64, UINT32_MAX, 0};
    vmcb.ds = vmcb.es = vmcb.ss = vmcb.fs = vmcb.gs = data;
    vmcb.gdtr = (struct vmcb_segment){.limit = GUEST_GDT_LIMIT, .base = GUEST_GDT};
    vmcb.cr0 = CR0_PE | CR0_ET | CR0_NE | CR0_WP | CR0_PG;
    vmcb.cr3 = image->cr3;
    vmcb.cr4 = CR4_PAE | CR4_OSFXSR | CR4_OSXMMEXCPT;
    vmcb.efer = EFER_LME | EFER_LMA | EFER_SVME;
    guest.regs.rflags = RFLAGS_FIXED;
}

static void enter_real_mode(void)
{
    struct vmcb_segment data = {0, SEGMENT_DATA16, UINT16_MAX, 0};
    vmcb.cs = (struct vmcb_segment){0, SEGMENT_CODE16, UINT16_MAX, 0};
    vmcb.ds = vmcb.es = vmcb.ss = vmcb.fs = vmcb.gs = data;
    vmcb.gdtr = (struct vmcb_segment){.limit = UINT16_MAX};
    vmcb.idtr = (struct vmcb_segment){.limit = REAL_IVT_LIMIT};
    vmcb.cr0 = CR0_ET;
    vmcb.efer = EFER_SVME;
    guest.regs.rflags = RFLAGS_FIXED | BIT(9);      /* a BIOS starts boot sectors with interrupts on */
}

static void prepare(const struct image_header *image, void *pool, uint32_t pool_pages, void *pool_notes)
{
    has_nrip = cpuid(SVM_CPUID_LEAF, 0).edx & SVM_CPUID_EDX_NRIPS;
    wrmsr(MSR_EFER, rdmsr(MSR_EFER) | EFER_SVME);
    wrmsr(MSR_VM_HSAVE_PA, frozen_hpa(host_save));
    npt_start(pool, pool_pages, pool_notes);

    fill_msrpm();
    intercept_ports(COM2, UART_PORTS);
    intercept_ports(PORT_KEYBOARD, 1);
    intercept_ports(PORT_SYSTEM_CONTROL, 1);
    intercept_ports(PORT_RESET_CONTROL, 1);
    if (guest.pm1a_control != 0)
        intercept_ports(guest.pm1a_control, 2);

    vmcb.intercept_cr = (uint32_t)INTERCEPT_CR0_WRITE;
    vmcb.intercept_1 = (uint32_t)(INTERCEPT_INIT | INTERCEPT_CPUID | INTERCEPT_INVD | INTERCEPT_INVLPGA |
                                  INTERCEPT_IOIO_PROT | INTERCEPT_MSR_PROT | INTERCEPT_SHUTDOWN);
    vmcb.intercept_2 = (uint32_t)(INTERCEPT_VMRUN | INTERCEPT_VMMCALL | INTERCEPT_VMLOAD | INTERCEPT_VMSAVE |
                                  INTERCEPT_STGI | INTERCEPT_CLGI | INTERCEPT_SKINIT | INTERCEPT_WBINVD |
                                  INTERCEPT_MONITOR | INTERCEPT_MWAIT | INTERCEPT_MWAIT_ARMED);
    vmcb.iopm_base_pa = frozen_hpa(iopm);
    vmcb.msrpm_base_pa = frozen_hpa(msrpm);
    vmcb.guest_asid = 1;
    vmcb.np_enable = NP_ENABLE;
    vmcb.n_cr3 = npt_root();
    vmcb.g_pat = PAT_ALL_WB;    /* NPT cannot override the guest's PAT: so the guest's PAT is not the real one */

    if (image->guest == GUEST_REAL)
        enter_real_mode();
    else
        enter_long_mode(image);
    vmcb.ldtr = (struct vmcb_segment){.attributes = SEGMENT_LDT, .limit = UINT16_MAX};
    vmcb.tr = (struct vmcb_segment){.attributes = SEGMENT_TSS, .limit = 0x67};
    vmcb.dr6 = DR6_RESET;
    vmcb.dr7 = DR7_RESET;
    svm_load(frozen_hpa(&vmcb));
}

static uint64_t pool_note_bytes(uint32_t pool_pages)
{
    return pool_pages * sizeof(struct npt_note);
}

/* An event whose delivery was cut short by a miss is delivered again, as "EXITINTINFO" describes it. */
static void deliver_again(void)
{
    uint64_t event = vmcb.exitintinfo;
    vmcb.eventinj = 0;      /* QEMU 7.2 copies EVENTINJ to EXITINTINFO: a stale one would come back for ever */
    if (!(event & EVENT_V))
        return;
    uint64_t type = field_get(event, EVENT_TYPE), vector = field_get(event, EVENT_VECTOR);
    /* INTn, INT3, INTO: RIP still points at the instruction, which the guest executes again. */
    if (type == EVENT_SOFTWARE || (type == EVENT_EXCEPTION && (vector == 3 || vector == 4)))
        return;
    /* QEMU 7.2 calls external interrupts and NMIs exceptions; VMRUN would refuse those vectors. */
    if (type == EVENT_EXCEPTION && vector == 2)
        event = (event & ~EVENT_TYPE) | EVENT_NMI << 8;
    else if (type == EVENT_EXCEPTION && vector >= 32)
        event = (event & ~EVENT_TYPE) | EVENT_INTR << 8;
    vmcb.eventinj = event;
    tracer_count(COUNT_REINJECT, 0);
}

static struct guest_mode mode(void)
{
    return (struct guest_mode){.cr0 = vmcb.cr0, .cr3 = vmcb.cr3, .cr4 = vmcb.cr4, .efer = vmcb.efer,
                               .code_base = vmcb.cs.base,
                               .code_l = vmcb.cs.attributes & SEGMENT_L,
                               .code_long = (vmcb.efer & EFER_LMA) && (vmcb.cs.attributes & SEGMENT_L)};
}

static struct svm_instruction decode(void)
{
    struct guest_mode now = mode();
    struct svm_instruction instruction;
    if (!svm_decode(&now, vmcb.rip, &instruction))
        panic(PANIC_INSTRUCTION, vmcb.rip);
    return instruction;
}

static uint64_t next_rip(void)
{
    return has_nrip ? vmcb.nrip : vmcb.rip + decode().length;
}

static struct exit miss_exit(void)
{
    uint64_t info = vmcb.exitinfo1;
    if (info & NPF_P)
        panic(PANIC_STATE, info);   /* every entry gives all rights */
    return (struct exit){.kind = EXIT_MISS, .gpa = vmcb.exitinfo2,
                         .access = (info & NPF_W ? MISS_WRITE : 0u) | (info & NPF_ID ? MISS_FETCH : 0u) |
                                   (info & NPF_TABLE ? MISS_WALK : 0u)};
}

static struct exit cr0_exit(void)
{
    struct svm_instruction instruction = decode();
    struct exit exit = {.kind = EXIT_CR0_WRITE, .next_rip = vmcb.rip + instruction.length};
    uint64_t rm = field_get(instruction.modrm, MODRM_RM) | (instruction.rex & REX_B ? 8 : 0);
    uint64_t operand = ((const uint64_t *)&guest.regs)[rm];

    switch (instruction.opcode) {
    case OPCODE_CLTS:
        exit.value = vmcb.cr0 & ~CR0_TS;
        return exit;
    case OPCODE_MOV_TO_CR:
        exit.value = mode().code_long ? operand : (uint32_t)operand;
        return exit;
    case OPCODE_LMSW_GROUP:     /* LMSW: sets PE, MP, EM, TS, and cannot clear PE */
        if (field_get(instruction.modrm, MODRM_REG) == 6 && field_get(instruction.modrm, MODRM_MOD) == 3) {
            exit.value = (vmcb.cr0 & ~(CR0_MP | CR0_EM | CR0_TS)) | (operand & (CR0_PE | CR0_MP | CR0_EM | CR0_TS));
            return exit;
        }
        [[fallthrough]];
    default:
        panic(PANIC_INSTRUCTION, vmcb.rip);
    }
}

static struct exit port_exit(void)
{
    uint64_t info = vmcb.exitinfo1;
    return (struct exit){.kind = EXIT_PORT, .port = (uint16_t)field_get(info, IOIO_PORT),
                         .width = (uint8_t)field_get(info, IOIO_SIZE), .is_input = info & IOIO_TYPE_IN,
                         .is_string = info & IOIO_STR, .next_rip = vmcb.exitinfo2};
}

static struct exit exit_decoded(void)
{
    switch (vmcb.exitcode) {
    case SVM_EXIT_NPF:
        return miss_exit();
    case SVM_EXIT_CPUID:
        return (struct exit){.kind = EXIT_CPUID, .next_rip = next_rip()};
    case SVM_EXIT_MSR:
        return (struct exit){.kind = vmcb.exitinfo1 ? EXIT_MSR_WRITE : EXIT_MSR_READ, .next_rip = next_rip()};
    case SVM_EXIT_CR0_WRITE:
        return cr0_exit();
    case SVM_EXIT_IOIO:
        return port_exit();
    case SVM_EXIT_INVD:
    case SVM_EXIT_WBINVD:
        return (struct exit){.kind = EXIT_CACHE, .next_rip = next_rip()};
    case SVM_EXIT_INVLPGA: case SVM_EXIT_VMRUN: case SVM_EXIT_VMMCALL: case SVM_EXIT_VMLOAD:
    case SVM_EXIT_VMSAVE: case SVM_EXIT_STGI: case SVM_EXIT_CLGI: case SVM_EXIT_SKINIT:
    case SVM_EXIT_MONITOR: case SVM_EXIT_MWAIT: case SVM_EXIT_MWAIT_ARMED:
        return (struct exit){.kind = EXIT_DENIED};
    case SVM_EXIT_SHUTDOWN:
        return (struct exit){.kind = EXIT_TRIPLE_FAULT};
    case SVM_EXIT_INIT:
        return (struct exit){.kind = EXIT_INIT};
    case SVM_EXIT_INVALID:
        return (struct exit){.kind = EXIT_REFUSED};
    default:
        return (struct exit){.kind = EXIT_UNKNOWN};
    }
}

static struct exit run(void)
{
    if (vmcb.rip != guest.regs.rip)
        vmcb.interrupt_shadow = 0;      /* an instruction was emulated: the shadow ended with it */
    vmcb.rax = guest.regs.rax;
    vmcb.rsp = guest.regs.rsp;
    vmcb.rip = guest.regs.rip;
    vmcb.rflags = guest.regs.rflags;
    vmcb.tlb_control = npt_take_flush() ? TLB_CONTROL_FLUSH_ALL : 0;

    svm_enter(&guest.regs, frozen_hpa(&vmcb));

    guest.regs.rax = vmcb.rax;
    guest.regs.rsp = vmcb.rsp;
    guest.regs.rip = vmcb.rip;
    guest.regs.rflags = vmcb.rflags;
    tracer_exit_begins();
    deliver_again();
    struct exit exit = exit_decoded();
    exit.raw = vmcb.exitcode;
    return exit;
}

static void set_cr0(uint64_t value)
{
    if (value & CR0_PG && vmcb.efer & EFER_LME)
        vmcb.efer |= EFER_LMA;
    else
        vmcb.efer &= ~EFER_LMA;
    vmcb.cr0 = value;
    npt_flush();
}

static void set_efer(uint64_t value)
{
    vmcb.efer = (value & ~EFER_LMA) | (vmcb.efer & EFER_LMA) | EFER_SVME;
    npt_flush();
}

static void inject(enum exception vector)
{
    vmcb.eventinj = vector | EVENT_EXCEPTION << 8 | EVENT_V | (vector == EXCEPTION_GP ? EVENT_EV : 0);
}

static void wipe(void)
{
    bytes_wipe(&vmcb, sizeof vmcb);
    npt_wipe();
}

const struct engine svm = {
    .name = "svm",
    .id = ENGINE_SVM,
    .present = present,
    .prepare = prepare,
    .pool_note_bytes = pool_note_bytes,
    .run = run,
    .map = npt_map,
    .map_device = npt_map_device,
    .unmap = npt_unmap,
    .accessed = npt_accessed,
    .mode = mode,
    .set_cr0 = set_cr0,
    .set_efer = set_efer,
    .inject = inject,
    .wipe = wipe,
};
