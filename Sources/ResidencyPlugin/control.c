#include "control.h"

#include <string.h>

#include "audit.h"
#include "dram.h"
#include "pager_view.h"
#include "phase.h"
#include "plugin_base.h"
#include "privilege.h"
#include "record.h"
#include "shadow.h"
#include "shared_pages.h"
#include "sharing.h"
#include "violation.h"
#include "walk.h"

#define MSR_EFER       0xC0000080u
#define MSR_PAT        0x277u
#define MSR_HSAVE_PA   0xC0010117u
#define PAT_RESET      UINT64_C(0x0007040600070406)
#define PAT_ALL_WB     UINT64_C(0x0606060606060606)

/* AMD APM vol 2 (24593), tables B-1 and B-2. */
#define VMCB_IOPM_BASE  0x040u
#define VMCB_MSRPM_BASE 0x048u
#define VMCB_EXITCODE   0x070u
#define VMCB_EXITINFO2  0x080u
#define VMCB_NP_ENABLE  0x090u
#define VMCB_N_CR3      0x0B0u
#define VMCB_CS_BASE    0x418u
#define VMCB_CPL        0x4CBu
#define VMCB_EFER       0x4D0u
#define VMCB_CR4        0x548u
#define VMCB_CR3        0x550u
#define VMCB_CR0        0x558u
#define VMCB_RIP        0x578u
#define VMCB_G_PAT      0x668u
/* Appendix C. */
#define EXIT_CR0_WRITE  0x10u
#define EXIT_INVD       0x76u
#define EXIT_MSR        0x7Cu
#define EXIT_WBINVD     0x89u

#define WAITING 512u            /* QEMU translates no more instructions into one block */
#define HOMES   4096u

enum { RAX, RCX, RDX };

bool control_pending;

static struct announced waiting[WAITING];
static size_t           waiting_count;
static uint64_t         kept_registers[16];

void control_start(void)
{
    machine.host.pat = machine.guest.pat = PAT_RESET;
}

void control_keep_registers(const uint64_t *registers)
{
    memcpy(kept_registers, registers, sizeof kept_registers);
}

static uint64_t control_block(uint32_t field)
{
    return table_entry(machine.vmcb + field, 0);
}

static void record_control(enum residency_register which, uint32_t msr, uint64_t value,
                           uint64_t rip)
{
    struct residency_control record = { .rip = rip, .value = value, .which = which, .msr = msr };

    record_append(RESIDENCY_CONTROL, &record, sizeof record);
}

/* MARK: what takes effect at once */

static uint64_t operand(const struct announced *announced, const uint64_t *registers)
{
    const struct decoded *decoded = &announced->decoded;
    uint64_t address = (uint64_t)(int64_t)decoded->displacement;

    if (decoded->is_rip_relative)
        return address + announced->rip + decoded->length;
    if (decoded->base != NO_REGISTER)
        address += registers[decoded->base];
    if (decoded->index != NO_REGISTER)
        address += registers[decoded->index] << decoded->scale;
    return address;
}

void control_announce(const struct announced *announced)
{
    if (announced->decoded.what == CACHE_ALL && !machine.is_guest) {
        cache_all(machine.cache, (enum access_kind)announced->decoded.access, announced->rip);
        return;
    }
    if (announced->decoded.what == ENTER_GUEST && !machine.is_guest)
        machine.vmcb = NOWHERE;         /* the first that it reads */
    if (waiting_count == WAITING)
        give_up("more than %u control instructions in one block", WAITING);
    waiting[waiting_count++] = *announced;
    control_pending = true;
}

void control_read_control_block(uint64_t address)
{
    if (machine.vmcb == NOWHERE)
        machine.vmcb = address & ~(uint64_t)(FRAME_BYTES - 1);
}

void control_read_descriptor_table(enum instruction what, uint64_t address, uint64_t rip)
{
    uint64_t offset = offset_of_address(address), base;
    uint16_t limit;

    if (machine.is_guest || offset == NOWHERE)
        return;
    memcpy(&limit, machine.ram + offset, sizeof limit);
    memcpy(&base, machine.ram + offset + sizeof limit, sizeof base);
    record_control(what == LOAD_GDTR ? REGISTER_GDTR : REGISTER_IDTR, limit, base, rip);
    audit_descriptor_table(rip, what == LOAD_GDTR, base, limit);
}

/* MARK: what is settled at the next block */

static void write_cr(const struct announced *announced, uint64_t value)
{
    struct paging *paging = machine.is_guest ? &machine.guest : &machine.host;

    machine.generation++;
    switch (announced->decoded.number) {
    case 0:
        paging->cr0 = value;
        /* Intel too: VM entries and exits leave CD as it is, this instruction does not (SDM vol 3,
         * "Changes to Instruction Behavior in VMX Non-Root Operation"). */
        cache_write_cr0(machine.cache, value);
        machine.control_changes++;
        if (machine.is_guest && (value & CR0_CD))
            violation_record((struct violation){ RESIDENCY_GUEST_CACHE_CONTROL, NOWHERE,
                announced->rip, value, NULL });
        if (!machine.is_guest)
            record_control(REGISTER_CR0, 0, value, announced->rip);
        break;
    case 3:
        paging->cr3 = value;
        if (!machine.is_guest) {
            record_control(REGISTER_CR3, 0, value, announced->rip);
            audit_host_tables_moved();
        }
        break;
    case 4:
        paging->cr4 = value;
        if (!machine.is_guest)
            record_control(REGISTER_CR4, 0, value, announced->rip);
        break;
    }
}

static void write_msr(uint32_t msr, uint64_t value, uint64_t rip)
{
    struct paging *paging = machine.is_guest ? &machine.guest : &machine.host;
    bool is_cache_control = cache_write_msr(machine.cache, msr, value);

    switch (msr) {
    case MSR_EFER: paging->efer = value; break;
    case MSR_PAT: paging->pat = value; break;
    case MSR_HSAVE_PA: machine.host_state = value; break;
    default:
        if (!is_cache_control)
            return;
    }
    machine.generation++;
    machine.control_changes++;
    if (!machine.is_guest)
        record_control(REGISTER_MSR, msr, value, rip);
    else if (is_cache_control)
        violation_record((struct violation){ RESIDENCY_GUEST_CACHE_CONTROL, NOWHERE, rip, value,
            NULL });
    if (machine.is_guest)
        machine.guest_pat_is_write_back = machine.guest.pat == PAT_ALL_WB;
}

static void flush_line(const struct announced *announced, uint64_t before, uint64_t after)
{
    bool is_known = !announced->decoded.is_unknown && (announced->is_first || before == after);
    /* Where one leads that cannot be read does not matter: it fills nothing unless a line has left
     * the region, or other memory is cacheable, and either has been told. */
    bool is_prefetch = announced->decoded.access == ACCESS_PREFETCH;
    struct translation at = { NOWHERE, MEMORY_UC };

    if (is_known)
        at = machine.is_guest ? walk_guest(before) : walk_host(before);
    /* All RAM that a guest reaches is slots and shared pages: elsewhere leads only an operand that
     * was read wrongly, as of code that is not 64-bit. */
    bool is_reached = !machine.is_guest || in_region(at.address) || shared_pages_hold(at.address);
    if (at.address != NOWHERE && is_reached) {
        cache_access(machine.cache, &(struct cache_access){
            .address = at.address, .tag = announced->rip, .bytes = 1,
            .kind = (enum access_kind)announced->decoded.access, .page_type = at.type,
            .nested_type = MEMORY_NONE });
    } else if (is_watched() && !is_prefetch)
        violation_record((struct violation){ RESIDENCY_FLUSH_UNKNOWN, NOWHERE, announced->rip,
                                    announced->decoded.access, NULL });
}

/* The state that the CPU took from the control block. */
static void load_guest(void)
{
    machine.guest = (struct paging){ .cr0 = control_block(VMCB_CR0), .cr3 = control_block(VMCB_CR3),
        .cr4 = control_block(VMCB_CR4), .efer = control_block(VMCB_EFER) };
    machine.nested_cr3 = control_block(VMCB_NP_ENABLE) & 1
        ? control_block(VMCB_N_CR3) & PTE_ADDRESS : 0;
    machine.guest.pat = machine.nested_cr3 ? control_block(VMCB_G_PAT) : machine.host.pat;
    machine.guest_pat_is_write_back = machine.guest.pat == PAT_ALL_WB;
    if (machine.set.vendor == CACHE_AMD)
        cache_write_cr0(machine.cache, machine.guest.cr0);
}

static void enter_guest(uint64_t rip, uint64_t block)
{
    static uint64_t homes[HOMES];

    if (machine.vmcb == NOWHERE)
        give_up("VMRUN ran, but QEMU reported no read of the control block");
    if (machine.totals.vm_entries++ == 0) {
        phase_launch(rip);
        pager_view_start();
        shadow_start();
        pager_view_record_keys();
    }
    load_guest();
    audit_control_block(rip, control_block(VMCB_IOPM_BASE), control_block(VMCB_MSRPM_BASE));
    audit_changed_tables(rip);
    sharing_entered(rip);
    shadow_check();
    dram_settle();
    pager_view_record_entries(homes, dram_written_homes(homes, HOMES));
    machine.generation++;
    machine.is_guest = !in_text(block);
    if (!machine.is_guest)
        control_exited();
}

void control_exited(void)
{
    if (machine.is_guest)
        privilege_confirm(control_block(VMCB_CS_BASE) + control_block(VMCB_RIP),
                          (uint8_t)control_block(VMCB_CPL));
    machine.is_guest = false;
    sharing_exited(control_block(VMCB_EXITCODE), control_block(VMCB_EXITINFO2),
                   control_block(VMCB_CR3));
    if (machine.set.vendor == CACHE_AMD)
        cache_write_cr0(machine.cache, machine.host.cr0);
}

/* Was the guest stopped for this very instruction, so that it has done nothing? */
static bool was_intercepted(const struct announced *announced)
{
    const struct decoded *decoded = &announced->decoded;
    uint64_t exit = control_block(VMCB_EXITCODE);

    if (control_block(VMCB_CS_BASE) + control_block(VMCB_RIP) != announced->rip)
        return false;           /* another of the same block was */
    switch (decoded->what) {
    case WRITE_CR: return exit == EXIT_CR0_WRITE + decoded->number;
    case WRITE_MSR: return exit == EXIT_MSR;
    case CACHE_ALL: return exit == EXIT_WBINVD || exit == EXIT_INVD;
    default: return false;
    }
}

/* Has the CPU answered the guest with #GP, because it was not at privilege level 0? */
static bool was_refused(enum instruction what)
{
    return (what == WRITE_CR || what == WRITE_MSR || what == CACHE_ALL) && privilege_is_lacking();
}

static void settle_one(const struct announced *announced, const uint64_t *registers, uint64_t block)
{
    const struct decoded *decoded = &announced->decoded;

    switch (decoded->what) {
    case WRITE_CR:
        write_cr(announced, registers[decoded->source]);
        break;
    case WRITE_MSR:
        write_msr((uint32_t)registers[RCX], registers[RDX] << 32 | (registers[RAX] & UINT32_MAX),
                  announced->rip);
        break;
    case ENTER_GUEST:
        if (!machine.is_guest)
            enter_guest(announced->rip, block);
        break;
    case FLUSH_TRANSLATIONS:
        machine.generation++;
        break;
    case DRAW_RANDOM:
        if (!machine.is_guest)
            phase_secret(announced->rip);
        break;
    case CACHE_ALL:             /* the guest's: ours was announced */
        cache_all(machine.cache, (enum access_kind)decoded->access, announced->rip);
        violation_record((struct violation){ RESIDENCY_GUEST_CACHE_CONTROL, NOWHERE, announced->rip,
            0, NULL });
        break;
    case CACHE_LINE:
        flush_line(announced, operand(announced, kept_registers), operand(announced, registers));
        break;
    default:
        break;
    }
}

void control_settle(const uint64_t *registers, uint64_t block)
{
    bool     was_stopped = machine.is_guest && in_text(block);
    uint64_t rip = waiting_count > 0 ? waiting[waiting_count - 1].rip : 0;

    for (size_t i = 0; i < waiting_count; i++) {
        if (was_stopped && was_intercepted(&waiting[i]))
            continue;
        if (was_refused(waiting[i].decoded.what))
            machine.totals.refused++;
        else
            settle_one(&waiting[i], registers, block);
    }
    waiting_count = 0;
    control_pending = false;
    phase_check(rip);
}
