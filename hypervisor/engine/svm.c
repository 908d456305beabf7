/* svm.c — the engine on AMD CPUs. Source: AMD APM vol 2 (24593), chapter 15 "Secure Virtual
 * Machine". */
#include "engine/svm.h"

#include "bytes.h"
#include "cpu/bitmap.h"
#include "cpu/descriptors.h"
#include "cpu/memory.h"
#include "engine/engines.h"
#include "engine/operand.h"
#include "engine/decode.h"
#include "report/panic.h"
#include "report/tracer.h"
#include "residency/residency.h"

#define MSRPM_BYTES 0x2000u

static _Alignas(PAGE_BYTES) struct vmcb vmcb;
static _Alignas(PAGE_BYTES) uint8_t host_save[PAGE_BYTES];
static _Alignas(PAGE_BYTES) uint8_t msrpm[MSRPM_BYTES];

/* Nested walks count as user accesses (APM vol 2, "Nested Table Walk"): U everywhere. */
static const struct nested_format npt = {
    .table = PTE_P | PTE_W | PTE_U,
    .ram = PTE_P | PTE_W | PTE_U,                           /* PAT entry 0: write-back */
    .device = PTE_P | PTE_W | PTE_U | PTE_PCD | PTE_PWT | PTE_NX,   /* PAT entry 3: uncacheable */
    .write = PTE_W, .accessed = PTE_A, .dirty = PTE_D, .keeps_use = true,
};

static const char *lack(void)
{
    if (cpuid(CPUID_EXTENDED, 0).eax < CPUID_SVM ||
        !(cpuid(CPUID_EXTENDED_FEATURES, 0).ecx & CPUID_80000001_ECX_SVM))
        return "the CPU has none";
    if (!(cpuid(CPUID_SVM, 0).edx & SVM_CPUID_EDX_NP))
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

static void open_msr(struct vcpu *, uint32_t msr, bool reads, bool writes)
{
    bitmap_set(msrpm, msrpm_bit(msr, false), !reads);
    bitmap_set(msrpm, msrpm_bit(msr, true), !writes);
}

static void load_start(const struct first_state *start)
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
}

static void prepare(struct vcpu *vcpu, const struct first_state *state, const uint8_t *ports)
{
    vcpu->has_nrip = cpuid(CPUID_SVM, 0).edx & SVM_CPUID_EDX_NRIPS;
    wrmsr(MSR_EFER, rdmsr(MSR_EFER) | EFER_SVME);
    wrmsr(MSR_VM_HSAVE_PA, frozen_hpa(host_save));
    residency_start_tables(&npt);
    __builtin_memset(msrpm, 0xFF, sizeof msrpm);

    vmcb.intercept_cr = (uint32_t)INTERCEPT_CR0_WRITE;
    vmcb.intercept_1 = (uint32_t)(
        INTERCEPT_SMI | INTERCEPT_INIT | INTERCEPT_CPUID | INTERCEPT_INVD |
        INTERCEPT_INVLPGA | INTERCEPT_IOIO_PROT | INTERCEPT_MSR_PROT | INTERCEPT_TASK_SWITCH |
        INTERCEPT_SHUTDOWN);
    vmcb.intercept_2 = (uint32_t)(INTERCEPT_VMRUN | INTERCEPT_VMMCALL | INTERCEPT_VMLOAD |
        INTERCEPT_VMSAVE | INTERCEPT_STGI | INTERCEPT_CLGI | INTERCEPT_SKINIT | INTERCEPT_WBINVD |
        INTERCEPT_MONITOR | INTERCEPT_MWAIT | INTERCEPT_MWAIT_ARMED);
    vmcb.iopm_base_pa = frozen_hpa(ports);
    vmcb.msrpm_base_pa = frozen_hpa(msrpm);
    vmcb.guest_asid = 1;
    vmcb.np_enable = NP_ENABLE;
    vmcb.n_cr3 = nested_root();
    vmcb.g_pat = PAT_ALL_WB;    /* NPT cannot override the guest's PAT: so the guest's PAT is not
                                 * the real one */

    load_start(state);
    svm_load(frozen_hpa(&vmcb));
    descriptors_set(VECTOR_DB, (uint64_t)svm_debug);
}

static struct guest_mode mode(const struct vcpu *)
{
    uint64_t efer = vmcb.efer & ~EFER_LMA;
    if ((efer & EFER_LME) && (vmcb.cr0 & CR0_PG))
        efer |= EFER_LMA;       /* Bochs 2.7 does not store LMA */
    bool code_l = vmcb.cs.attributes & SEGMENT_L;
    return (struct guest_mode){
        .cr0 = vmcb.cr0, .cr3 = vmcb.cr3, .cr4 = vmcb.cr4, .efer = efer,
        .code_base = vmcb.cs.base, .code_l = code_l, .code_long = (efer & EFER_LMA) && code_l};
}

/* QEMU 7.2 intercepts no task switch. Was one cut short by a miss, with segments still to be
 * loaded? It has been made in part, and is not made twice. */
[[gnu::noinline]] static bool is_in_switch(const struct vcpu *vcpu)
{
    if (!(vmcb.cr0 & CR0_PE) || (mode(vcpu).efer & EFER_LMA))
        return false;
    svm_save(frozen_hpa(&vmcb));
    for (const struct segment *segment = &vmcb.es; segment <= &vmcb.gs; segment++)
        if (segment->selector > 3 && !(segment->attributes & SEGMENT_P))
            return true;
    return false;
}

/* Does the vector lead to a task gate? Its switch has been made in part when delivery is cut short,
 * too. */
static bool is_by_task(const struct vcpu *vcpu, uint64_t vector)
{
    struct guest_mode now = mode(vcpu);
    uint64_t gate = 0;
    if (!(now.cr0 & CR0_PE) || (now.efer & EFER_LMA))
        return false;
    walk_read(&now, vmcb.idtr.base + vector * sizeof gate, (uint8_t *)&gate, sizeof gate);
    return field_get(gate, GATE_TYPE) == GATE_TASK;
}

/* An event whose delivery was cut short by a miss is delivered again, as "EXITINTINFO" describes
 * it. Not inline: every exit would save registers for it. */
[[gnu::noinline]] static void deliver_again(const struct vcpu *vcpu, uint64_t event)
{
    uint64_t type = field_get(event, EVENT_TYPE), vector = field_get(event, EVENT_VECTOR);
    if (is_by_task(vcpu, vector))
        panic(PANIC_TASK, vector);
    /* Its frame is pushed where an APIC is: the #GP owed for it would be pushed there too. */
    if (vmcb.exitcode == SVM_EXIT_NPF && (vmcb.exitinfo1 & NPF_P))
        vmcb.exitcode = SVM_EXIT_SHUTDOWN;
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

static void decode(const struct vcpu *vcpu, struct instruction *instruction)
{
    struct guest_mode now = mode(vcpu);
    if (!instruction_decode(&vcpu->regs, &now, vmcb.cs.attributes & SEGMENT_D, instruction))
        panic(PANIC_INSTRUCTION, vmcb.rip);
}

static uint64_t next_rip(const struct vcpu *vcpu)
{
    struct instruction instruction;
    if (vcpu->has_nrip)
        return vmcb.nrip;
    decode(vcpu, &instruction);
    return vmcb.rip + instruction.length;
}

static void miss_exit(struct exit *exit)
{
    uint64_t info = vmcb.exitinfo1;
    exit->kind = info & NPF_P ? EXIT_DEVICE_WRITE : EXIT_MISS;
    exit->gpa = vmcb.exitinfo2;
    exit->access = (info & NPF_W ? MISS_WRITE : 0u) | (info & NPF_ID ? MISS_FETCH : 0u) |
                   (info & NPF_TABLE ? MISS_WALK : 0u);
}

static struct segment segment(const struct vcpu *, enum segment_number number)
{
    if (number >= SEGMENT_FS)
        svm_save(frozen_hpa(&vmcb));
    return (&vmcb.es)[number];
}

/* LMSW's operand; false, and `fault` set, where the CPU would not read it. */
static bool load_word(struct vcpu *vcpu, const struct instruction *instruction,
                      struct fault *fault, uint64_t *value)
{
    struct operand operand;
    uint16_t word = 0;
    if (!operand_find(vcpu, instruction->segment, instruction->offset, sizeof word, false,
                      &operand, fault))
        return false;
    walk_copy(&operand.target, (uint8_t *)&word, false);
    vcpu->debug_hits = breakpoints_met(vmcb.dr7, BREAKPOINT_ACCESS, operand.linear, sizeof word);
    *value = word;
    return true;
}

static void cr0_exit(struct vcpu *vcpu, struct exit *exit)
{
    struct instruction instruction;
    decode(vcpu, &instruction);
    uint64_t rm = field_get(instruction.modrm, MODRM_RM) | (instruction.rex & REX_B ? 8 : 0);
    uint64_t operand = ((const uint64_t *)&vcpu->regs)[rm];

    exit->next_rip = vmcb.rip + instruction.length;
    switch (instruction.opcode) {
    case OPCODE_CLTS:
        exit->value = vmcb.cr0 & ~CR0_TS;
        return;
    case OPCODE_MOV_TO_CR:
        exit->value = mode(vcpu).code_long ? operand : (uint32_t)operand;
        return;
    case OPCODE_LMSW_GROUP:     /* LMSW: sets PE, MP, EM, TS, and cannot clear PE */
        if (instruction.is_memory && !load_word(vcpu, &instruction, &exit->fault, &operand)) {
            exit->kind = EXIT_CR_FAULT;
            return;
        }
        exit->value = (vmcb.cr0 & ~(CR0_MP | CR0_EM | CR0_TS)) |
                      (operand & (CR0_PE | CR0_MP | CR0_EM | CR0_TS));
        return;
    default:
        panic(PANIC_INSTRUCTION, vmcb.rip);
    }
}

static void port_exit(struct exit *exit)
{
    uint64_t info = vmcb.exitinfo1;
    exit->port = (uint16_t)field_get(info, IOIO_PORT);
    exit->width = (uint8_t)field_get(info, IOIO_SIZE);
    exit->is_input = info & IOIO_TYPE_IN;
    exit->is_string = info & IOIO_STR;
    exit->dr7 = vmcb.dr7;
    exit->next_rip = vmcb.exitinfo2;
}

static enum exit_kind kind_of(uint32_t exitcode)
{
    switch (exitcode) {
    case SVM_EXIT_CPUID: return EXIT_CPUID;
    case SVM_EXIT_MSR: return vmcb.exitinfo1 ? EXIT_MSR_WRITE : EXIT_MSR_READ;
    case SVM_EXIT_CR0_WRITE: return EXIT_CR0_WRITE;
    case SVM_EXIT_IOIO: return EXIT_PORT;
    case SVM_EXIT_INVD: case SVM_EXIT_WBINVD: return EXIT_CACHE;
    case SVM_EXIT_INVLPGA: case SVM_EXIT_VMRUN: case SVM_EXIT_VMMCALL: case SVM_EXIT_VMLOAD:
    case SVM_EXIT_VMSAVE: case SVM_EXIT_STGI: case SVM_EXIT_CLGI: case SVM_EXIT_SKINIT:
    case SVM_EXIT_MONITOR: case SVM_EXIT_MWAIT: case SVM_EXIT_MWAIT_ARMED:
        return EXIT_DENIED;
    case SVM_EXIT_TASK: return EXIT_TASK;
    case SVM_EXIT_SHUTDOWN: return EXIT_TRIPLE_FAULT;
    case SVM_EXIT_SMI: return EXIT_SMI;
    case SVM_EXIT_INIT: return EXIT_INIT;
    case SVM_EXIT_INVALID: return EXIT_REFUSED;
    default: return EXIT_UNKNOWN;
    }
}

static void exit_decoded(struct vcpu *vcpu, struct exit *exit)
{
    if (vmcb.exitcode == SVM_EXIT_NPF) {        /* first: most exits are misses */
        if ((vmcb.cr0 & CR0_TS) && is_in_switch(vcpu))      /* it has set TS */
            panic(PANIC_TASK, vmcb.exitcode);
        miss_exit(exit);
        return;
    }
    exit->kind = kind_of((uint32_t)vmcb.exitcode);
    exit->raw = vmcb.exitcode;
    if (exit->kind == EXIT_CR0_WRITE)
        cr0_exit(vcpu, exit);
    else if (exit->kind == EXIT_PORT)
        port_exit(exit);
    else if (exit->kind == EXIT_REFUSED)
        exit->why = "VMRUN: illegal guest state or controls in the VMCB";
    else if (exit->kind < EXIT_DENIED)      /* emulated */
        exit->next_rip = next_rip(vcpu);
}

/* An instruction was emulated: the shadow and RF ended with it, and a single step and breakpoints
 * trap behind it. EVENTINJ changes nothing of what delivery by the CPU would change ("Event
 * Injection"; "Debug Exception (#DB)"). */
static void complete_emulation(struct vcpu *vcpu)
{
    uint64_t traps = vcpu->debug_hits;
    vcpu->debug_hits = 0;
    vmcb.interrupt_shadow = 0;
    end_emulation(vcpu);
    if ((vcpu->regs.rflags & RFLAGS_TF) && !(rdmsr(MSR_DEBUGCTL) & DEBUGCTL_BTF))
        traps |= DR6_BS;
    if (traps == 0)
        return;
    vmcb.dr6 = (vmcb.dr6 & ~DR6_B) | traps;
    vmcb.dr7 &= ~DR7_GD;
    vmcb.eventinj = VECTOR_DB | EVENT_EXCEPTION << 8 | EVENT_V;
}

static void run(struct vcpu *vcpu, struct exit *exit)
{
    struct guest_regs *regs = &vcpu->regs;
    if (vcpu->emulated != EMULATED_NOTHING)
        complete_emulation(vcpu);
    vmcb.rax = regs->rax;
    vmcb.rsp = regs->rsp;
    vmcb.rip = regs->rip;
    vmcb.rflags = regs->rflags;
    vmcb.tlb_control = vcpu->changes_seen != nested_changes() ? TLB_CONTROL_FLUSH_ALL : 0;
    vcpu->changes_seen = nested_changes();

    svm_enter(regs, frozen_hpa(&vmcb));

    regs->rax = vmcb.rax;
    regs->rsp = vmcb.rsp;
    regs->rip = vmcb.rip;
    regs->rflags = vmcb.rflags;
    tracer_exit_begins();
    vmcb.eventinj = 0;      /* QEMU 7.2 copies EVENTINJ to EXITINTINFO: a stale one would come back
                             * for ever */
    if (vmcb.exitintinfo & EVENT_V)
        deliver_again(vcpu, vmcb.exitintinfo);
    exit_decoded(vcpu, exit);
}

static void set_cr0(struct vcpu *vcpu, uint64_t value)
{
    bool is_long = (value & CR0_PG) && (vmcb.efer & EFER_LME);
    vmcb.efer = (vmcb.efer & ~EFER_LMA) | (is_long ? EFER_LMA : 0);
    vmcb.cr0 = value & ~(CR0_CD | CR0_NW);
    vcpu->changes_seen = 0;
}

static void set_debugctl(struct vcpu *, uint64_t value)
{
    wrmsr(MSR_DEBUGCTL, value);
}

static void set_efer(struct vcpu *vcpu, uint64_t value)
{
    vmcb.efer = (value & ~EFER_LMA) | (mode(vcpu).efer & EFER_LMA) | EFER_SVME;
    vcpu->changes_seen = 0;
}

/* A fault's RFLAGS are pushed with RF; that, and CR2, an injected one takes from here. */
static void inject(struct vcpu *vcpu, struct fault fault)
{
    bool has_error = fault.vector != EXCEPTION_UD && (vmcb.cr0 & CR0_PE);   /* real mode: none */
    vcpu->regs.rflags |= RFLAGS_RF;
    vmcb.cr2 = read_cr2();
    vmcb.eventinj = fault.vector | EVENT_EXCEPTION << 8 | EVENT_V |
                    (has_error ? EVENT_EV | (uint64_t)fault.error << 32 : 0);
}

static void wipe(struct vcpu *)
{
    bytes_wipe(&vmcb, sizeof vmcb);
}

const struct engine svm = {
    .name = "svm", .id = ENGINE_SVM, .lack = lack, .prepare = prepare,
    .open_msr = open_msr, .run = run, .mode = mode,
    .set_cr0 = set_cr0, .set_efer = set_efer, .set_debugctl = set_debugctl, .segment = segment,
    .inject = inject, .wipe = wipe,
};
