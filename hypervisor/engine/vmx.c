/* vmx.c — the engine on Intel CPUs. Source: Intel SDM (325462) vol 3, chapters on VMX. */
#include "engine.h"

#include "bytes.h"
#include "descriptors.h"
#include "guards.h"
#include "memory.h"
#include "nested.h"
#include "panic.h"
#include "state.h"
#include "tracer.h"
#include "vmx.h"
#include "vmx_vmcs.h"

static _Alignas(PAGE_BYTES) uint32_t vmxon_region[PAGE_BYTES / 4];
static _Alignas(PAGE_BYTES) uint32_t vmcs[PAGE_BYTES / 4];
static _Alignas(PAGE_BYTES) uint8_t io_bitmaps[PORT_BITMAP_BYTES];  /* A, then B */
static _Alignas(PAGE_BYTES) uint8_t msr_bitmap[PAGE_BYTES];
static struct { uint64_t pointer, reserved; } invept_descriptor;
static bool launched;
static uint64_t exit_rip;

#define EPT_NEEDED (EPT_CAP_WALK_4 | EPT_CAP_WB | EPT_CAP_2MIB | EPT_CAP_INVEPT | EPT_CAP_INVEPT_SINGLE)

static const char *lack(void)
{
    if (!(cpuid(1, 0).ecx & CPUID_1_ECX_VMX))
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

[[noreturn]] static void refused(const char *instruction)
{
    panic_because(PANIC_ENTRY, 0, (const char *[]){": ", instruction, 0});
}

static void turn_on(void)
{
    uint64_t feature = rdmsr(MSR_FEATURE_CONTROL), region = frozen_hpa(vmxon_region);
    if (!(feature & FEATURE_CONTROL_LOCK))
        wrmsr(MSR_FEATURE_CONTROL, feature | FEATURE_CONTROL_LOCK | FEATURE_CONTROL_VMX);
    write_cr0(read_cr0() | rdmsr(MSR_VMX_CR0_FIXED0));
    write_cr4(read_cr4() | rdmsr(MSR_VMX_CR4_FIXED0));
    if (cpuid(1, 0).ecx & CPUID_1_ECX_XSAVE)
        write_cr4(read_cr4() | CR4_OSXSAVE);        /* to execute the guest's XSETBV */

    vmxon_region[0] = vmcs[0] = (uint32_t)field_get(rdmsr(MSR_VMX_BASIC), VMX_BASIC_REVISION);
    bool failed;
    asm volatile("vmxon %1" : "=@ccbe"(failed) : "m"(region) : "memory");
    if (failed)
        refused("VMXON");
    region = frozen_hpa(vmcs);
    asm volatile("vmclear %1" : "=@ccbe"(failed) : "m"(region) : "memory");
    if (failed)
        refused("VMCLEAR");
    asm volatile("vmptrld %1" : "=@ccbe"(failed) : "m"(region) : "memory");
    if (failed)
        refused("VMPTRLD");
    vmx_is_on = true;
    descriptors_set(VECTOR_NMI, (uint64_t)vmx_nmi);
}

/* "MSR-Bitmap Address": reads, then writes; of each 0 .. 1FFFh, then C0000000h .. C0001FFFh. */
static uint32_t msr_bitmap_bit(uint32_t msr, bool is_write)
{
    uint32_t low = msr & ~0xC0000000u;
    if (low > 0x1FFF || (msr != low && msr < 0xC0000000))
        return GUARD_ALWAYS;
    return (is_write ? 0x4000u : 0) + (msr == low ? 0 : 0x2000u) + low;
}

static void prepare(const struct image_header *image, void *pool, uint32_t pool_pages, void *pool_notes)
{
    bool keeps_use = rdmsr(MSR_VMX_EPT_VPID_CAP) & EPT_CAP_ACCESSED_DIRTY;
    nested_start(&(struct nested_format){
        .table = EPT_ALL_RIGHTS,
        /* Whatever the guest's PAT says: a slot stays write-back, a device uncacheable. */
        .ram = EPT_ALL_RIGHTS | EPT_TYPE_WB | EPT_IGNORE_PAT,
        .device = EPT_ALL_RIGHTS | EPT_TYPE_UC | EPT_IGNORE_PAT,
        .accessed = EPT_ACCESSED,
        .dirty = EPT_DIRTY,
        .keeps_use = keeps_use,
    }, pool, pool_pages, pool_notes);
    invept_descriptor.pointer = nested_root() | EPTP_WB | EPTP_WALK_4 | (keeps_use ? EPTP_ACCESSED_DIRTY : 0);
    guards_fill_ports(io_bitmaps);
    __builtin_memset(msr_bitmap + PAGE_BYTES / 2, 0xFF, PAGE_BYTES / 2);    /* every write exits */
    guards_fill_msrs(msr_bitmap, msr_bitmap_bit);

    turn_on();
    vmcs_load_host();
    vmcs_load_controls(&(struct vmcs_pointers){.ept = invept_descriptor.pointer, .msr_bitmap = frozen_hpa(msr_bitmap),
                                               .io_bitmap_a = frozen_hpa(io_bitmaps),
                                               .io_bitmap_b = frozen_hpa(io_bitmaps + PAGE_BYTES)});
    vmcs_load_guest(image);
}

static struct guest_mode mode(void)
{
    uint64_t cr0 = vmread(VMCS_GUEST_CR0), hidden = vmread(VMCS_CR0_MASK), efer = vmread(VMCS_GUEST_EFER);
    bool code_l = vmread(VMCS_GUEST_CS_RIGHTS) & RIGHTS_L;
    return (struct guest_mode){.cr0 = (cr0 & ~hidden) | (vmread(VMCS_CR0_SHADOW) & hidden),
                               .cr3 = vmread(VMCS_GUEST_CR3), .cr4 = vmread(VMCS_GUEST_CR4) & ~CR4_VMXE, .efer = efer,
                               .code_base = vmread(VMCS_GUEST_CS_BASE),
                               .code_l = code_l, .code_long = (efer & EFER_LMA) && code_l};
}

/* What the state of a guest must be that goes on with the instruction that brought it here. Real CPUs leave it so
 * ("Saving Non-Register State", "Saving RIP, RSP, RFLAGS, and SSP"); Bochs 2.7 keeps a step pending that has yet to be
 * made, and loses RF on a miss. */
static void settle(uint64_t reason, bool in_delivery)
{
    uint64_t blocking = vmread(VMCS_INTERRUPTIBILITY);
    if (reason != VMX_EXIT_EXCEPTION_NMI && reason != VMX_EXIT_NMI_WINDOW && !(blocking & BLOCKING_MOV_SS))
        vmwrite(VMCS_PENDING_DEBUG, 0);
    if (reason != VMX_EXIT_EPT_VIOLATION || in_delivery)
        return;
    vmwrite(VMCS_GUEST_RFLAGS, vmread(VMCS_GUEST_RFLAGS) | RFLAGS_RF);
    if (vmread(VMCS_QUALIFICATION) & EPT_NMI_UNBLOCKED)
        vmwrite(VMCS_INTERRUPTIBILITY, blocking | BLOCKING_NMI);
}

/* An event whose delivery was cut short by a miss is delivered again. Software interrupts are not: RIP still points at
 * the instruction, which the guest executes again. "Information for VM Exits During Event Delivery". */
static void deliver_again(uint64_t reason)
{
    uint64_t event = vmread(VMCS_VECTORING_EVENT) & EVENT_FIELDS, type = field_get(event, EVENT_TYPE);
    settle(reason, event & EVENT_VALID);
    if (!(event & EVENT_VALID) || (type != EVENT_INTERRUPT && type != EVENT_NMI && type != EVENT_EXCEPTION))
        return;
    if (type == EVENT_NMI)      /* else it would block itself */
        vmwrite(VMCS_INTERRUPTIBILITY, vmread(VMCS_INTERRUPTIBILITY) & ~BLOCKING_NMI);
    vmwrite(VMCS_ENTRY_EVENT, event);
    if (event & EVENT_ERROR)
        vmwrite(VMCS_ENTRY_ERROR_CODE, vmread(VMCS_VECTORING_ERROR));
    tracer_count(COUNT_REINJECT, 0);
}

static struct exit miss_exit(void)
{
    uint64_t info = vmread(VMCS_QUALIFICATION);
    if (info & EPT_MAPPED)
        panic(PANIC_STATE, info);   /* every entry gives all rights */
    return (struct exit){.kind = EXIT_MISS, .gpa = vmread(VMCS_GUEST_PHYSICAL),
                         .access = (info & EPT_WRITE ? MISS_WRITE : 0u) | (info & EPT_FETCH ? MISS_FETCH : 0u) |
                                   ((info & EPT_LINEAR) && !(info & EPT_TRANSLATED) ? MISS_WALK : 0u)};
}

/* Only bits that the mask covers bring a MOV here. A CR0 write is repeated, not emulated: once the read shadow has
 * what the guest asked for, the CPU carries out the rest of it, PDPTEs and long mode included. */
static struct exit cr_exit(void)
{
    uint64_t info = vmread(VMCS_QUALIFICATION);
    if (field_get(info, CR_NUMBER) == 4)    /* VMXE: as on a CPU without VMX */
        return (struct exit){.kind = EXIT_DENIED, .value = EXCEPTION_GP};
    uint64_t operand = ((const uint64_t *)&guest.regs)[field_get(info, CR_REGISTER)];
    return (struct exit){.kind = EXIT_CR0_WRITE, .value = mode().code_long ? operand : (uint32_t)operand,
                         .next_rip = guest.regs.rip};
}

static struct exit port_exit(uint64_t next_rip)
{
    uint64_t info = vmread(VMCS_QUALIFICATION);
    return (struct exit){.kind = EXIT_PORT, .port = (uint16_t)field_get(info, IO_PORT),
                         .width = (uint8_t)(field_get(info, IO_SIZE) + 1), .is_input = info & IO_IN,
                         .is_string = info & IO_STRING, .next_rip = next_rip};
}

static struct exit exit_decoded(uint64_t reason)
{
    uint64_t next_rip = guest.regs.rip + vmread(VMCS_INSTRUCTION_LENGTH);
    switch (reason) {
    case VMX_EXIT_EPT_VIOLATION:
        return miss_exit();
    case VMX_EXIT_CPUID:
        return (struct exit){.kind = EXIT_CPUID, .next_rip = next_rip};
    case VMX_EXIT_RDMSR:
        return (struct exit){.kind = EXIT_MSR_READ, .next_rip = next_rip};
    case VMX_EXIT_WRMSR:
        return (struct exit){.kind = EXIT_MSR_WRITE, .next_rip = next_rip};
    case VMX_EXIT_CR_ACCESS:
        return cr_exit();
    case VMX_EXIT_XSETBV:
        return (struct exit){.kind = EXIT_XCR0_WRITE, .next_rip = next_rip};
    case VMX_EXIT_IO:
        return port_exit(next_rip);
    case VMX_EXIT_INVD:
    case VMX_EXIT_WBINVD:
        return (struct exit){.kind = EXIT_CACHE, .next_rip = next_rip};
    case VMX_EXIT_GETSEC: case VMX_EXIT_VMCALL: case VMX_EXIT_VMCLEAR: case VMX_EXIT_VMLAUNCH: case VMX_EXIT_VMPTRLD:
    case VMX_EXIT_VMPTRST: case VMX_EXIT_VMREAD: case VMX_EXIT_VMRESUME: case VMX_EXIT_VMWRITE: case VMX_EXIT_VMXOFF:
    case VMX_EXIT_VMXON: case VMX_EXIT_INVEPT: case VMX_EXIT_INVVPID: case VMX_EXIT_ENCLS:
    case VMX_EXIT_MONITOR: case VMX_EXIT_MWAIT:
        return (struct exit){.kind = EXIT_DENIED, .value = EXCEPTION_UD};
    case VMX_EXIT_TRIPLE_FAULT:
        return (struct exit){.kind = EXIT_TRIPLE_FAULT};
    case VMX_EXIT_INIT:
        return (struct exit){.kind = EXIT_INIT};
    default:
        return (struct exit){.kind = EXIT_UNKNOWN};
    }
}

/* NMIs are the guest's: one that arrives while it runs waits for the window too. */
static bool handle_nmi(uint64_t reason)
{
    uint32_t controls = vmx_control(CONTROL_PROC);
    switch (reason) {
    case VMX_EXIT_EXCEPTION_NMI:    /* no exception is asked for: an NMI */
        vmwrite(VMCS_PROC_CONTROLS, controls | PROC_NMI_WINDOW);
        vmx_unblock_nmis();
        return true;
    case VMX_EXIT_NMI_WINDOW:
        vmwrite(VMCS_PROC_CONTROLS, controls);
        vmwrite(VMCS_ENTRY_EVENT, EVENT_VALID | EVENT_NMI << 8 | VECTOR_NMI);
        return true;
    default:
        return false;
    }
}

/* The next exit that somebody must look at, or why the CPU did not enter. */
static struct exit enter(void)
{
    uint64_t reason;
    do {
        bool failed = false;
        if (nested_take_flush())
            asm volatile("invept %1, %2" : "=@ccbe"(failed) : "m"(invept_descriptor), "r"(UINT64_C(1)) : "memory");
        enum vmx_status status = failed ? VM_FAIL_VALID : vmx_enter(&guest.regs, launched);
        if (status == VM_FAIL_INVALID)
            return (struct exit){.kind = EXIT_REFUSED, .why = "no current VMCS"};
        if (status == VM_FAIL_VALID) {
            uint64_t error = vmread(VMCS_INSTRUCTION_ERROR);
            return (struct exit){.kind = EXIT_REFUSED, .why = vmx_instruction_error(error), .raw = error};
        }
        reason = vmread(VMCS_EXIT_REASON);
        if (reason & EXIT_REASON_ENTRY_FAILED)
            return (struct exit){.kind = EXIT_REFUSED, .raw = reason,
                                 .why = vmx_entry_failure(reason & ~EXIT_REASON_ENTRY_FAILED)};
        launched = true;
        deliver_again(reason);
    } while (handle_nmi(reason));
    return (struct exit){.raw = reason};
}

/* An instruction was emulated: the shadow and RF ended with it, and a single step traps behind it. */
static void complete_emulation(void)
{
    vmwrite(VMCS_INTERRUPTIBILITY, vmread(VMCS_INTERRUPTIBILITY) & ~(BLOCKING_STI | BLOCKING_MOV_SS));
    guest.regs.rflags &= ~RFLAGS_RF;
    if (!mode().code_long)
        guest.regs.rip = (uint32_t)guest.regs.rip;      /* it may have wrapped; an entry demands zeroes above */
    if ((guest.regs.rflags & RFLAGS_TF) && !(vmread(VMCS_GUEST_DEBUGCTL) & DEBUGCTL_BTF))
        vmwrite(VMCS_PENDING_DEBUG, vmread(VMCS_PENDING_DEBUG) | PENDING_BS);
}

static struct exit run(void)
{
    if (guest.regs.rip != exit_rip)
        complete_emulation();
    vmwrite(VMCS_GUEST_RSP, guest.regs.rsp);
    vmwrite(VMCS_GUEST_RIP, guest.regs.rip);
    vmwrite(VMCS_GUEST_RFLAGS, guest.regs.rflags);

    struct exit entered = enter();
    guest.regs.rsp = vmread(VMCS_GUEST_RSP);
    guest.regs.rip = exit_rip = vmread(VMCS_GUEST_RIP);
    guest.regs.rflags = vmread(VMCS_GUEST_RFLAGS);
    tracer_exit_begins();
    if (entered.kind == EXIT_REFUSED)
        return entered;
    struct exit exit = exit_decoded(entered.raw);
    exit.raw = entered.raw;
    return exit;
}

static void set_cr0(uint64_t value)
{
    vmwrite(VMCS_CR0_SHADOW, value);
}

static void set_efer(uint64_t value)
{
    uint64_t now = vmread(VMCS_GUEST_EFER);
    vmwrite(VMCS_GUEST_EFER, (value & ~EFER_LMA) | (now & EFER_LMA));
    nested_flush();
}

static void inject(enum exception vector)
{
    bool has_error = vector != EXCEPTION_UD && (vmread(VMCS_GUEST_CR0) & CR0_PE);   /* real mode pushes none */
    vmwrite(VMCS_ENTRY_EVENT, EVENT_VALID | EVENT_EXCEPTION << 8 | vector | (has_error ? EVENT_ERROR : 0));
    vmwrite(VMCS_ENTRY_ERROR_CODE, 0);
}

/* VMXOFF too: in VMX root operation the INIT signal, by which some machines reset, is blocked. */
static void wipe(void)
{
    if (vmx_is_on) {
        uint64_t region = frozen_hpa(vmcs);
        vmx_is_on = false;
        asm volatile("vmclear %0; vmxoff" : : "m"(region) : "memory", "cc");    /* the CPU may hold the VMCS inside */
    }
    bytes_wipe(vmcs, sizeof vmcs);
    nested_wipe();
}

const struct engine vmx = {
    .name = "vmx",
    .id = ENGINE_VMX,
    .lack = lack,
    .prepare = prepare,
    .run = run,
    .mode = mode,
    .set_cr0 = set_cr0,
    .set_efer = set_efer,
    .inject = inject,
    .wipe = wipe,
};
