/* svm.c — the engine on AMD CPUs. Source: AMD APM vol 2 (24593), chapter 15 "Secure Virtual Machine". */
#include "engine.h"

#include "bytes.h"
#include "descriptors.h"
#include "guards.h"
#include "guest_memory.h"
#include "guest_start.h"
#include "memory.h"
#include "nested.h"
#include "panic.h"
#include "state.h"
#include "svm.h"
#include "svm_decode.h"
#include "tracer.h"

#define IOPM_BYTES  0x3000u     /* the ports, and one page more: an access at FFFFh looks beyond them */
#define MSRPM_BYTES 0x2000u

static _Alignas(PAGE_BYTES) struct vmcb vmcb;
static _Alignas(PAGE_BYTES) uint8_t host_save[PAGE_BYTES];
static _Alignas(PAGE_BYTES) uint8_t iopm[IOPM_BYTES];
static _Alignas(PAGE_BYTES) uint8_t msrpm[MSRPM_BYTES];
static bool has_nrip;

void svm_enter(struct guest_regs *regs, uint64_t vmcb_hpa);     /* svm_enter.asm */
void svm_load(uint64_t vmcb_hpa);
void svm_save(uint64_t vmcb_hpa);
void svm_debug(void);

/* Nested walks count as user accesses (APM vol 2, "Nested Table Walk"): U everywhere. */
static const struct nested_format npt = {
    .table = PTE_P | PTE_W | PTE_U,
    .ram = PTE_P | PTE_W | PTE_U,                           /* PAT entry 0: write-back */
    .device = PTE_P | PTE_W | PTE_U | PTE_PCD | PTE_PWT,    /* PAT entry 3: uncacheable */
    .accessed = PTE_A,
    .dirty = PTE_D,
    .keeps_use = true,
};

static const char *lack(void)
{
    if (cpuid(0x80000000, 0).eax < SVM_CPUID_LEAF || !(cpuid(0x80000001, 0).ecx & CPUID_80000001_ECX_SVM))
        return "the CPU has none";
    if (!(cpuid(SVM_CPUID_LEAF, 0).edx & SVM_CPUID_EDX_NP))
        return "the CPU has no nested paging";
    if (rdmsr(MSR_VM_CR) & VM_CR_SVMDIS)
        return "the firmware has turned it off";
    return 0;
}

/* "MSR Intercepts": 2 bits an MSR (read, write), three windows of 2000h MSRs. */
static uint32_t msrpm_bit(uint32_t msr, bool is_write)
{
    uint32_t window = msr >= 0xC0010000 ? 2 : msr >= 0xC0000000 ? 1 : 0;
    return (window * 0x2000 + (msr & 0x1FFF)) * 2 + is_write;
}

static void load_start(const struct guest_start *start)
{
    vmcb.cs = start->code;
    vmcb.ds = vmcb.es = vmcb.ss = vmcb.fs = vmcb.gs = start->data;
    vmcb.gdtr = start->gdtr;
    vmcb.idtr = start->idtr;
    vmcb.ldtr = start->ldtr;
    vmcb.tr = start->tr;
    vmcb.cr0 = start->cr0;
    vmcb.cr3 = start->cr3;
    vmcb.cr4 = start->cr4;
    vmcb.efer = start->efer | EFER_SVME;
    vmcb.dr6 = DR6_RESET;
    vmcb.dr7 = DR7_RESET;
    guest.regs.rflags = start->rflags;
}

static void prepare(const struct image_header *image, void *pool, uint32_t pool_pages, void *pool_notes)
{
    has_nrip = cpuid(SVM_CPUID_LEAF, 0).edx & SVM_CPUID_EDX_NRIPS;
    wrmsr(MSR_EFER, rdmsr(MSR_EFER) | EFER_SVME);
    wrmsr(MSR_VM_HSAVE_PA, frozen_hpa(host_save));
    nested_start(&npt, pool, pool_pages, pool_notes);

    guards_fill_ports(iopm);
    __builtin_memset(msrpm, 0xAA, sizeof msrpm);      /* every write exits */
    guards_fill_msrs(msrpm, msrpm_bit);

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
    vmcb.n_cr3 = nested_root();
    vmcb.g_pat = PAT_ALL_WB;    /* NPT cannot override the guest's PAT: so the guest's PAT is not the real one */

    struct guest_start start = guest_start(image);
    load_start(&start);
    svm_load(frozen_hpa(&vmcb));
    descriptors_set(VECTOR_DB, (uint64_t)svm_debug);
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
    uint64_t efer = vmcb.efer & ~EFER_LMA;
    if ((efer & EFER_LME) && (vmcb.cr0 & CR0_PG))
        efer |= EFER_LMA;       /* Bochs 2.7 does not store LMA */
    bool code_l = vmcb.cs.attributes & SEGMENT_L;
    return (struct guest_mode){.cr0 = vmcb.cr0, .cr3 = vmcb.cr3, .cr4 = vmcb.cr4, .efer = efer,
                               .code_base = vmcb.cs.base,
                               .code_l = code_l, .code_long = (efer & EFER_LMA) && code_l};
}

static struct svm_instruction decode(void)
{
    struct guest_mode now = mode();
    struct svm_instruction instruction;
    if (!svm_decode(&now, vmcb.cs.attributes & SEGMENT_D, vmcb.rip, &instruction))
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

/* LMSW's operand; false, and CR2 set, where the guest's tables map nothing. Limits are not looked at. */
static bool load_word(const struct svm_instruction *instruction, uint64_t *value)
{
    struct guest_mode now = mode();
    const struct segment *segments = &vmcb.es;
    uint16_t word;

    svm_save(frozen_hpa(&vmcb));        /* FS and GS */
    bool is_flat = now.code_long && instruction->segment < SEGMENT_FS;
    uint64_t linear = (is_flat ? 0 : segments[instruction->segment].base) + instruction->offset;
    size_t read = guest_memory_fetch(&now, linear, (uint8_t *)&word, sizeof word);
    *value = word;
    if (read == sizeof word)
        return true;
    vmcb.cr2 = linear + read;
    asm volatile("mov %0, %%cr2" : : "r"(vmcb.cr2));    /* Bochs 2.7 does not load the VMCB's */
    return false;
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
        if (instruction.is_memory && !load_word(&instruction, &operand))
            return (struct exit){.kind = EXIT_DENIED, .value = EXCEPTION_PF};
        exit.value = (vmcb.cr0 & ~(CR0_MP | CR0_EM | CR0_TS)) | (operand & (CR0_PE | CR0_MP | CR0_EM | CR0_TS));
        return exit;
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
    switch ((uint32_t)vmcb.exitcode) {
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
        return (struct exit){.kind = EXIT_DENIED, .value = EXCEPTION_UD};
    case SVM_EXIT_SHUTDOWN:
        return (struct exit){.kind = EXIT_TRIPLE_FAULT};
    case SVM_EXIT_INIT:
        return (struct exit){.kind = EXIT_INIT};
    case SVM_EXIT_INVALID:
        return (struct exit){.kind = EXIT_REFUSED, .why = "VMRUN: illegal guest state or controls in the VMCB"};
    default:
        return (struct exit){.kind = EXIT_UNKNOWN};
    }
}

/* An instruction was emulated: the shadow and RF ended with it, and a single step traps behind it. EVENTINJ leaves
 * DR6 alone ("Event Injection"). */
static void complete_emulation(void)
{
    vmcb.interrupt_shadow = 0;
    guest.regs.rflags &= ~RFLAGS_RF;
    if (!(guest.regs.rflags & RFLAGS_TF) || (rdmsr(MSR_DEBUGCTL) & DEBUGCTL_BTF))
        return;
    vmcb.dr6 |= DR6_BS;
    vmcb.eventinj = VECTOR_DB | EVENT_EXCEPTION << 8 | EVENT_V;
}

static struct exit run(void)
{
    if (vmcb.rip != guest.regs.rip)
        complete_emulation();
    vmcb.rax = guest.regs.rax;
    vmcb.rsp = guest.regs.rsp;
    vmcb.rip = guest.regs.rip;
    vmcb.rflags = guest.regs.rflags;
    vmcb.tlb_control = nested_take_flush() ? TLB_CONTROL_FLUSH_ALL : 0;

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
    vmcb.cr0 = value & ~(CR0_CD | CR0_NW);
    nested_flush();
}

static void set_efer(uint64_t value)
{
    vmcb.efer = (value & ~EFER_LMA) | (mode().efer & EFER_LMA) | EFER_SVME;
    nested_flush();
}

static void inject(enum exception vector)
{
    bool has_error = vector != EXCEPTION_UD && (vmcb.cr0 & CR0_PE);     /* real mode pushes none */
    vmcb.eventinj = vector | EVENT_EXCEPTION << 8 | EVENT_V | (has_error ? EVENT_EV : 0);
}

static void wipe(void)
{
    bytes_wipe(&vmcb, sizeof vmcb);
    nested_wipe();
}

const struct engine svm = {
    .name = "svm",
    .id = ENGINE_SVM,
    .lack = lack,
    .prepare = prepare,
    .run = run,
    .mode = mode,
    .set_cr0 = set_cr0,
    .set_efer = set_efer,
    .inject = inject,
    .wipe = wipe,
};
