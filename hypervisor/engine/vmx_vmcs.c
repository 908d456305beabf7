/* source  Intel SDM (325462) vol 3, "Guest-State Area", "Host-State Area", "VM-Execution Control
 *         Fields" */
#include "engine/vmx_vmcs.h"

#include "cpu/descriptors.h"

#define HOST_TR      0x18u      /* must not be 0; no descriptor is read, and nothing here uses a
                                 * TSS */
#define VPID_GUEST   1u
#define NO_LINK      UINT64_MAX

struct vmcs_value {
    enum vmcs_field field;
    uint64_t value;
};

static void load(const struct vmcs_value *values, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        vmwrite(values[i].field, values[i].value);
}
#define LOAD(...)                                               \
    do {                                                        \
        const struct vmcs_value values[] = {__VA_ARGS__};       \
        load(values, sizeof values / sizeof values[0]);         \
    } while (0)

void vmcs_load_host(void)
{
    struct table_register gdtr, idtr;
    asm volatile("sgdt %0; sidt %1" : "=m"(gdtr), "=m"(idtr));
    LOAD({VMCS_HOST_CR0, read_cr0()}, {VMCS_HOST_CR3, read_cr3()}, {VMCS_HOST_CR4, read_cr4()},
         {VMCS_HOST_CS, HOST_CS}, {VMCS_HOST_SS, HOST_DS}, {VMCS_HOST_DS, HOST_DS},
         {VMCS_HOST_ES, HOST_DS}, {VMCS_HOST_FS, 0}, {VMCS_HOST_GS, 0}, {VMCS_HOST_TR, HOST_TR},
         {VMCS_HOST_FS_BASE, 0}, {VMCS_HOST_GS_BASE, 0}, {VMCS_HOST_TR_BASE, 0},
         {VMCS_HOST_GDTR_BASE, gdtr.base}, {VMCS_HOST_IDTR_BASE, idtr.base},
         {VMCS_HOST_SYSENTER_CS, 0}, {VMCS_HOST_SYSENTER_ESP, 0}, {VMCS_HOST_SYSENTER_EIP, 0},
         {VMCS_HOST_EFER, rdmsr(MSR_EFER)});
}

void vmcs_load_controls(const struct vmcs_pointers *pointers)
{
    uint32_t proc2 = vmx_control(CONTROL_PROC2);
    LOAD({VMCS_PIN_CONTROLS, vmx_control(CONTROL_PIN)},
         {VMCS_PROC_CONTROLS, vmx_control(CONTROL_PROC)},
         {VMCS_PROC2_CONTROLS, proc2}, {VMCS_EXIT_CONTROLS, vmx_control(CONTROL_EXIT)},
         {VMCS_EXCEPTION_BITMAP, 0}, {VMCS_PAGE_FAULT_MASK, 0}, {VMCS_PAGE_FAULT_MATCH, 0},
         {VMCS_CR3_TARGETS, 0},
         {VMCS_EXIT_MSR_STORES, 0}, {VMCS_EXIT_MSR_LOADS, 0}, {VMCS_ENTRY_MSR_LOADS, 0},
         {VMCS_ENTRY_EVENT, 0},
         {VMCS_TSC_OFFSET, 0}, {VMCS_VPID, VPID_GUEST}, {VMCS_EPT_POINTER, pointers->ept},
         {VMCS_IO_BITMAP_A, pointers->io_bitmap_a}, {VMCS_IO_BITMAP_B, pointers->io_bitmap_b},
         {VMCS_MSR_BITMAP, pointers->msr_bitmap});
    if (proc2 & PROC2_XSAVES)
        vmwrite(VMCS_XSS_EXITING, ~XSS_CET);      /* never set: guest/msr.c */
    if (proc2 & PROC2_ENCLS_EXITING)
        vmwrite(VMCS_ENCLS_EXITING, UINT64_MAX);    /* enclaves lie outside of the pager's reach:
                                                     * none */
}

/* `index`: ES 0, CS 1, SS 2, DS 3, FS 4, GS 5, LDTR 6, TR 7. */
static void load_segment(uint32_t index, struct segment segment)
{
    uint32_t step = index * VMCS_SEGMENT_STEP;
    LOAD({VMCS_GUEST_ES + step, segment.selector}, {VMCS_GUEST_ES_LIMIT + step, segment.limit},
         /* descriptor bits 55:52 stand in 15:12 here */
         {VMCS_GUEST_ES_RIGHTS + step,
          (segment.attributes & 0xFFu) | (segment.attributes & 0xF00u) << 4},
         {VMCS_GUEST_ES_BASE + step, segment.base});
}

void vmcs_load_guest(const struct first_state *state)
{
    const struct segment *data = &state->data;
    const struct segment *const segments[] = {data, &state->code, data, data, data, data,
                                              &state->ldtr, &state->tr};
    for (uint32_t i = 0; i < sizeof segments / sizeof segments[0]; i++)
        load_segment(i, *segments[i]);

    /* What VMX itself wants of CR0 and CR4 is set and hidden; an unrestricted guest may do without
     * PE and PG. */
    uint64_t cr0_fixed = rdmsr(MSR_VMX_CR0_FIXED0) & ~(CR0_PE | CR0_PG);
    uint64_t cr4_fixed = rdmsr(MSR_VMX_CR4_FIXED0);
    LOAD({VMCS_CR0_MASK, cr0_fixed | CR0_CD | CR0_NW}, {VMCS_CR0_SHADOW, state->cr0},
         {VMCS_GUEST_CR0, state->cr0 | cr0_fixed}, {VMCS_GUEST_CR3, state->cr3},
         {VMCS_CR4_MASK, cr4_fixed}, {VMCS_CR4_SHADOW, state->cr4},
         {VMCS_GUEST_CR4, state->cr4 | cr4_fixed}, {VMCS_GUEST_EFER, state->efer},
         {VMCS_ENTRY_CONTROLS,
          vmx_control(CONTROL_ENTRY) & ~(state->efer & EFER_LMA ? 0 : ENTRY_IA32E_GUEST)},
         {VMCS_GUEST_GDTR_BASE, state->gdtr.base}, {VMCS_GUEST_GDTR_LIMIT, state->gdtr.limit},
         {VMCS_GUEST_IDTR_BASE, state->idtr.base}, {VMCS_GUEST_IDTR_LIMIT, state->idtr.limit},
         {VMCS_GUEST_DR7, DR7_RESET}, {VMCS_GUEST_DEBUGCTL, 0}, {VMCS_PENDING_DEBUG, 0},
         {VMCS_GUEST_SYSENTER_CS, 0}, {VMCS_GUEST_SYSENTER_ESP, 0}, {VMCS_GUEST_SYSENTER_EIP, 0},
         {VMCS_INTERRUPTIBILITY, 0}, {VMCS_ACTIVITY, 0}, {VMCS_LINK_POINTER, NO_LINK});
    asm volatile("mov %0, %%dr6" : : "r"((uint64_t)DR6_RESET));
}
