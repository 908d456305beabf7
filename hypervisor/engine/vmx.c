/* vmx.c — the engine on Intel CPUs. Source: Intel SDM (325462) vol 3, chapters on VMX. */
#include "engine/vmx_vmcs.h"

#include "bytes.h"
#include "cpu/bitmap.h"
#include "cpu/descriptors.h"
#include "cpu/memory.h"
#include "engine/engines.h"
#include "report/tracer.h"
#include "residency/residency.h"

#define NO_BIT UINT32_MAX

static _Alignas(PAGE_BYTES) uint32_t vmxon_region[PAGE_BYTES / 4];
static _Alignas(PAGE_BYTES) uint32_t vmcs[PAGE_BYTES / 4];
static _Alignas(PAGE_BYTES) uint8_t msr_bitmap[PAGE_BYTES];
static struct { uint64_t pointer, reserved; } invept_descriptor;

#define EPT_NEEDED \
    (EPT_CAP_WALK_4 | EPT_CAP_WB | EPT_CAP_2MIB | EPT_CAP_INVEPT | EPT_CAP_INVEPT_SINGLE)

static const char *lack(void)
{
    if (!(cpuid(CPUID_FEATURES, 0).ecx & CPUID_1_ECX_VMX))
        return "the CPU has none";
    uint64_t feature = rdmsr(MSR_FEATURE_CONTROL);
    if ((feature & FEATURE_CONTROL_LOCK) && !(feature & FEATURE_CONTROL_VMX))
        return "the firmware has locked it off";
    if (!(rdmsr(MSR_VMX_BASIC) & VMX_BASIC_TRUE))
        return "the CPU has no TRUE capability registers";
    if (field_get(rdmsr(MSR_VMX_BASIC), VMX_BASIC_MEMORY_TYPE) != MEMORY_TYPE_WB)
        return "the CPU wants its VMCS in uncacheable memory";
    const char *control = vmx_controls_lack();
    if (control != 0)
        return control;
    if ((rdmsr(MSR_VMX_EPT_VPID_CAP) & EPT_NEEDED) != EPT_NEEDED)
        return "the CPU's EPT lacks 4-level write-back walks, 2 MiB pages or INVEPT";
    return 0;
}

/* An instruction that takes the address of a region; else a panic that names it. */
#define VMX(instruction, region)                                                                \
    do {                                                                                        \
        bool failed;                                                                            \
        asm volatile(instruction " %1" : "=@ccbe"(failed) : "m"(region) : "memory");            \
        if (failed)                                                                             \
            panic_because(PANIC_ENTRY, 0, (const char *[]){": " instruction, 0});               \
    } while (0)

static void turn_on(void)
{
    uint64_t feature = rdmsr(MSR_FEATURE_CONTROL), region = frozen_hpa(vmxon_region);
    if (!(feature & FEATURE_CONTROL_LOCK))
        wrmsr(MSR_FEATURE_CONTROL, feature | FEATURE_CONTROL_LOCK | FEATURE_CONTROL_VMX);
    write_cr0(read_cr0() | rdmsr(MSR_VMX_CR0_FIXED0));
    write_cr4(read_cr4() | rdmsr(MSR_VMX_CR4_FIXED0));

    vmxon_region[0] = vmcs[0] = (uint32_t)field_get(rdmsr(MSR_VMX_BASIC), VMX_BASIC_REVISION);
    VMX("VMXON", region);
    region = frozen_hpa(vmcs);
    VMX("VMCLEAR", region);
    VMX("VMPTRLD", region);
    vmx_is_on = true;
    descriptors_set(VECTOR_NMI, (uint64_t)vmx_nmi);
}

/* "MSR-Bitmap Address": reads, then writes; of each 0 .. 1FFFh, then C0000000h .. C0001FFFh. Others
 * always exit. */
static uint32_t msr_bitmap_bit(uint32_t msr, bool is_write)
{
    uint32_t low = msr & ~0xC0000000u;
    if (low > 0x1FFF || (msr != low && msr < 0xC0000000))
        return NO_BIT;
    return (is_write ? 0x4000u : 0) + (msr == low ? 0 : 0x2000u) + low;
}

static void open_msr(struct vcpu *, uint32_t msr, bool reads, bool writes)
{
    if (msr_bitmap_bit(msr, false) == NO_BIT)
        return;
    bitmap_set(msr_bitmap, msr_bitmap_bit(msr, false), !reads);
    bitmap_set(msr_bitmap, msr_bitmap_bit(msr, true), !writes);
}

static void prepare(struct vcpu *, const struct first_state *state, const uint8_t *ports)
{
    bool keeps_use = rdmsr(MSR_VMX_EPT_VPID_CAP) & EPT_CAP_ACCESSED_DIRTY;
    residency_start_tables(&(struct nested_format){
        .table = EPT_ALL_RIGHTS,
        /* Whatever the guest's PAT says: a slot stays write-back, a device uncacheable. */
        .ram = EPT_ALL_RIGHTS | EPT_TYPE_WB | EPT_IGNORE_PAT,
        .device = (EPT_ALL_RIGHTS & ~EPT_FETCH) | EPT_TYPE_UC | EPT_IGNORE_PAT, .write = EPT_WRITE,
        .accessed = EPT_ACCESSED, .dirty = EPT_DIRTY, .keeps_use = keeps_use,
    });
    invept_descriptor.pointer =
        nested_root() | EPTP_WB | EPTP_WALK_4 | (keeps_use ? EPTP_ACCESSED_DIRTY : 0);
    __builtin_memset(msr_bitmap, 0xFF, sizeof msr_bitmap);

    turn_on();
    vmcs_load_host();
    vmcs_load_controls(&(struct vmcs_pointers){
        .ept = invept_descriptor.pointer, .msr_bitmap = frozen_hpa(msr_bitmap),
        .io_bitmap_a = frozen_hpa(ports),
        .io_bitmap_b = frozen_hpa(ports + PAGE_BYTES)});
    vmcs_load_guest(state);
}

static struct guest_mode mode(const struct vcpu *)
{
    uint64_t cr0 = vmread(VMCS_GUEST_CR0), hidden = vmread(VMCS_CR0_MASK);
    uint64_t efer = vmread(VMCS_GUEST_EFER);
    bool code_l = vmread(VMCS_GUEST_CS_RIGHTS) & RIGHTS_L;
    return (struct guest_mode){
        .cr0 = (cr0 & ~hidden) | (vmread(VMCS_CR0_SHADOW) & hidden), .cr3 = vmread(VMCS_GUEST_CR3),
        .cr4 = vmread(VMCS_GUEST_CR4) & ~CR4_VMXE, .efer = efer,
        .code_base = vmread(VMCS_GUEST_CS_BASE),
        .code_l = code_l, .code_long = (efer & EFER_LMA) && code_l};
}

/* What the state of a guest must be that goes on with the instruction that brought it here. Real
 * CPUs leave it so ("Saving Non-Register State", "Saving RIP, RSP, RFLAGS, and SSP"); Bochs 2.7
 * keeps a step pending that has yet to be made, and loses RF on a miss. */
static void settle(uint64_t reason, bool in_delivery)
{
    uint64_t blocking = vmread(VMCS_INTERRUPTIBILITY);
    if (reason != VMX_EXIT_EXCEPTION_NMI && reason != VMX_EXIT_NMI_WINDOW &&
        !(blocking & BLOCKING_MOV_SS))
        vmwrite(VMCS_PENDING_DEBUG, 0);
    if (reason != VMX_EXIT_EPT_VIOLATION || in_delivery)
        return;
    vmwrite(VMCS_GUEST_RFLAGS, vmread(VMCS_GUEST_RFLAGS) | RFLAGS_RF);
    if (vmread(VMCS_QUALIFICATION) & EPT_NMI_UNBLOCKED)
        vmwrite(VMCS_INTERRUPTIBILITY, blocking | BLOCKING_NMI);
}

/* An event whose delivery was cut short by a miss is delivered again. Software interrupts are not:
 * RIP still points at the instruction, which the guest executes again. "Information for VM Exits
 * During Event Delivery". */
static void deliver_again(uint64_t reason)
{
    uint64_t event = vmread(VMCS_VECTORING_EVENT) & EVENT_FIELDS;
    uint64_t type = field_get(event, EVENT_TYPE);
    settle(reason, event & EVENT_VALID);
    if (!(event & EVENT_VALID) ||
        (type != EVENT_INTERRUPT && type != EVENT_NMI && type != EVENT_EXCEPTION))
        return;
    if (!(vmread(VMCS_GUEST_CR0) & CR0_PE))     /* none in real mode, whatever Bochs 2.7 says */
        event &= ~EVENT_ERROR;
    if (type == EVENT_NMI)      /* else it would block itself */
        vmwrite(VMCS_INTERRUPTIBILITY, vmread(VMCS_INTERRUPTIBILITY) & ~BLOCKING_NMI);
    vmwrite(VMCS_ENTRY_EVENT, event);
    if (event & EVENT_ERROR)
        vmwrite(VMCS_ENTRY_ERROR_CODE, vmread(VMCS_VECTORING_ERROR));
    tracer_count(COUNT_REINJECT, 0);
}

static void miss_exit(struct exit *exit)
{
    uint64_t info = vmread(VMCS_QUALIFICATION);
    if (info & EPT_MAPPED)      /* a frame: the #GP owed for it would be pushed there too */
        exit->kind = vmread(VMCS_VECTORING_EVENT) & EVENT_VALID
            ? EXIT_TRIPLE_FAULT : EXIT_DEVICE_WRITE;
    exit->gpa = vmread(VMCS_GUEST_PHYSICAL);
    exit->access = (info & EPT_WRITE ? MISS_WRITE : 0u) | (info & EPT_FETCH ? MISS_FETCH : 0u) |
                   ((info & EPT_LINEAR) && !(info & EPT_TRANSLATED) ? MISS_WALK : 0u);
}

/* Only bits that the mask covers bring a MOV here. A CR0 write is repeated, not emulated: once the
 * read shadow has what the guest asked for, the CPU carries out the rest of it, PDPTEs and long
 * mode included. */
static void cr_exit(const struct vcpu *vcpu, struct exit *exit)
{
    uint64_t info = vmread(VMCS_QUALIFICATION);
    if (field_get(info, CR_NUMBER) == 4) {      /* VMXE: as on a CPU without VMX */
        exit->kind = EXIT_CR_FAULT;
        exit->fault.vector = EXCEPTION_GP;
        return;
    }
    uint64_t operand = ((const uint64_t *)&vcpu->regs)[field_get(info, CR_REGISTER)];
    exit->value = mode(vcpu).code_long ? operand : (uint32_t)operand;
    exit->next_rip = vcpu->regs.rip;
}

static void port_exit(struct exit *exit)
{
    uint64_t info = vmread(VMCS_QUALIFICATION);
    exit->port = (uint16_t)field_get(info, IO_PORT);
    exit->width = (uint8_t)(field_get(info, IO_SIZE) + 1);
    exit->is_input = info & IO_IN;
    exit->is_string = info & IO_STRING;
    exit->dr7 = vmread(VMCS_GUEST_DR7);
}

static enum exit_kind kind_of(uint64_t reason)
{
    switch (reason) {
    case VMX_EXIT_EPT_VIOLATION: return EXIT_MISS;
    case VMX_EXIT_CPUID: return EXIT_CPUID;
    case VMX_EXIT_RDMSR: return EXIT_MSR_READ;
    case VMX_EXIT_WRMSR: return EXIT_MSR_WRITE;
    case VMX_EXIT_CR_ACCESS: return EXIT_CR0_WRITE;
    case VMX_EXIT_XSETBV: return EXIT_XCR0_WRITE;
    case VMX_EXIT_IO: return EXIT_PORT;
    case VMX_EXIT_INVD: case VMX_EXIT_WBINVD: return EXIT_CACHE;
    case VMX_EXIT_GETSEC: case VMX_EXIT_VMCALL: case VMX_EXIT_VMCLEAR: case VMX_EXIT_VMLAUNCH:
    case VMX_EXIT_VMPTRLD: case VMX_EXIT_VMPTRST: case VMX_EXIT_VMREAD: case VMX_EXIT_VMRESUME:
    case VMX_EXIT_VMWRITE: case VMX_EXIT_VMXOFF: case VMX_EXIT_VMXON: case VMX_EXIT_INVEPT:
    case VMX_EXIT_INVVPID: case VMX_EXIT_ENCLS: case VMX_EXIT_MONITOR: case VMX_EXIT_MWAIT:
        return EXIT_DENIED;
    case VMX_EXIT_TRIPLE_FAULT: return EXIT_TRIPLE_FAULT;
    case VMX_EXIT_INIT: return EXIT_INIT;
    case VMX_EXIT_TASK_SWITCH: return EXIT_TASK;
    default: return EXIT_UNKNOWN;
    }
}

static void exit_decoded(const struct vcpu *vcpu, uint64_t reason, struct exit *exit)
{
    exit->kind = kind_of(reason);
    exit->raw = reason;
    exit->next_rip = vcpu->regs.rip + vmread(VMCS_INSTRUCTION_LENGTH);
    if (exit->kind == EXIT_MISS)
        miss_exit(exit);
    else if (exit->kind == EXIT_CR0_WRITE)
        cr_exit(vcpu, exit);
    else if (exit->kind == EXIT_PORT)
        port_exit(exit);
}

/* NMIs are the guest's: one that arrives while it runs waits for the window too. */
static bool handle_nmi(uint64_t reason)
{
    if (reason == VMX_EXIT_EXCEPTION_NMI) {     /* no exception is asked for: an NMI */
        vmwrite(VMCS_PROC_CONTROLS, vmx_control(CONTROL_PROC) | PROC_NMI_WINDOW);
        vmx_unblock_nmis();
    } else if (reason == VMX_EXIT_NMI_WINDOW) {
        vmwrite(VMCS_PROC_CONTROLS, vmx_control(CONTROL_PROC));
        vmwrite(VMCS_ENTRY_EVENT, EVENT_VALID | EVENT_NMI << 8 | VECTOR_NMI);
    } else {
        return false;
    }
    return true;
}

static bool refuse(struct exit *exit, const char *why, uint64_t code)
{
    exit->kind = EXIT_REFUSED;
    exit->why = why;
    exit->raw = code;
    return false;
}

/* Runs the guest up to an exit that is not the engine's own affair; false where the CPU did not
 * enter. */
static bool enter(struct vcpu *vcpu, uint64_t *reason, struct exit *exit)
{
    do {
        bool failed = false;
        if (vcpu->changes_seen != nested_changes())
            asm volatile("invept %1, %2" : "=@ccbe"(failed)
                         : "m"(invept_descriptor), "r"(INVEPT_SINGLE) : "memory");
        vcpu->changes_seen = nested_changes();
        enum vmx_status status = failed ? VM_FAIL_VALID : vmx_enter(&vcpu->regs, vcpu->launched);
        if (status == VM_FAIL_INVALID)
            return refuse(exit, "no current VMCS", 0);
        if (status == VM_FAIL_VALID) {
            uint64_t error = vmread(VMCS_INSTRUCTION_ERROR);
            return refuse(exit, vmx_instruction_error(error), error);
        }
        *reason = vmread(VMCS_EXIT_REASON);
        if (*reason & EXIT_REASON_ENTRY_FAILED)
            return refuse(exit, vmx_entry_failure(*reason & ~EXIT_REASON_ENTRY_FAILED), *reason);
        vcpu->launched = true;
        deliver_again(*reason);
    } while (handle_nmi(*reason));
    return true;
}

/* An instruction was emulated: the shadow and RF ended with it, and a single step and breakpoints
 * trap behind it. */
static void complete_emulation(struct vcpu *vcpu)
{
    uint64_t traps = vcpu->debug_hits;
    vcpu->debug_hits = 0;
    uint64_t blocking = vmread(VMCS_INTERRUPTIBILITY);
    vmwrite(VMCS_INTERRUPTIBILITY, blocking & ~(BLOCKING_STI | BLOCKING_MOV_SS));
    end_emulation(vcpu);
    if (!mode(vcpu).code_long)
        vcpu->regs.rip = (uint32_t)vcpu->regs.rip;      /* it may have wrapped; an entry demands
                                                         * zeroes above */
    if ((vcpu->regs.rflags & RFLAGS_TF) && !(vmread(VMCS_GUEST_DEBUGCTL) & DEBUGCTL_BTF))
        traps |= DR6_BS;
    if (traps & DR6_B)
        traps |= PENDING_ENABLED;
    if (traps != 0)
        vmwrite(VMCS_PENDING_DEBUG, vmread(VMCS_PENDING_DEBUG) | traps);
}

static void run(struct vcpu *vcpu, struct exit *exit)
{
    struct guest_regs *regs = &vcpu->regs;
    if (vcpu->emulated != EMULATED_NOTHING)
        complete_emulation(vcpu);
    vmwrite(VMCS_GUEST_RSP, regs->rsp);
    vmwrite(VMCS_GUEST_RIP, regs->rip);
    vmwrite(VMCS_GUEST_RFLAGS, regs->rflags);

    uint64_t reason;
    bool entered = enter(vcpu, &reason, exit);
    regs->rsp = vmread(VMCS_GUEST_RSP);
    regs->rip = vmread(VMCS_GUEST_RIP);
    regs->rflags = vmread(VMCS_GUEST_RFLAGS);
    tracer_exit_begins();
    if (entered)
        exit_decoded(vcpu, reason, exit);
}

static void set_cr0(struct vcpu *, uint64_t value)
{
    vmwrite(VMCS_CR0_SHADOW, value);
}

static void set_debugctl(struct vcpu *, uint64_t value)
{
    vmwrite(VMCS_GUEST_DEBUGCTL, value);
}

static void set_efer(struct vcpu *vcpu, uint64_t value)
{
    uint64_t now = vmread(VMCS_GUEST_EFER);
    vmwrite(VMCS_GUEST_EFER, (value & ~EFER_LMA) | (now & EFER_LMA));
    vcpu->changes_seen = 0;
}

static struct segment segment(const struct vcpu *, enum segment_number number)
{
    uint32_t step = number * VMCS_SEGMENT_STEP;
    uint64_t rights = vmread(VMCS_GUEST_ES_RIGHTS + step);
    return (struct segment){
        .selector = (uint16_t)vmread(VMCS_GUEST_ES + step),
        .attributes = rights & RIGHTS_UNUSABLE
                          ? 0 : (uint16_t)((rights & 0xFF) | (rights >> 4 & 0xF00)),
        .limit = (uint32_t)vmread(VMCS_GUEST_ES_LIMIT + step),
        .base = vmread(VMCS_GUEST_ES_BASE + step)};
}

/* A fault's RFLAGS are pushed with RF; an injected one's are as they stand ("Details of
 * Vectored-Event Injection"). */
static void inject(struct vcpu *vcpu, struct fault fault)
{
    /* real mode pushes none */
    bool has_error = fault.vector != EXCEPTION_UD && (vmread(VMCS_GUEST_CR0) & CR0_PE);
    vcpu->regs.rflags |= RFLAGS_RF;
    vmwrite(VMCS_ENTRY_EVENT,
            EVENT_VALID | EVENT_EXCEPTION << 8 | fault.vector | (has_error ? EVENT_ERROR : 0));
    vmwrite(VMCS_ENTRY_ERROR_CODE, fault.error);
}

/* VMXOFF too: in VMX root operation the INIT signal, by which some machines reset, is blocked. One
 * that has come already waits (Bochs 2.7 keeps it pending), and would cut the erasure short. */
static void wipe(struct vcpu *)
{
    if (vmx_is_on) {
        uint64_t region = frozen_hpa(vmcs);
        bool has_init = vmread(VMCS_EXIT_REASON) == VMX_EXIT_INIT;
        vmx_is_on = false;
        /* The CPU may hold the VMCS inside. */
        asm volatile("vmclear %0" : : "m"(region) : "memory", "cc");
        if (!has_init)
            asm volatile("vmxoff" : : : "memory", "cc");
    }
    bytes_wipe(vmcs, sizeof vmcs);
}

const struct engine vmx = {
    .name = "vmx", .id = ENGINE_VMX, .lack = lack, .prepare = prepare,
    .open_msr = open_msr, .run = run, .mode = mode,
    .set_cr0 = set_cr0, .set_efer = set_efer, .set_debugctl = set_debugctl, .segment = segment,
    .inject = inject, .wipe = wipe,
};
