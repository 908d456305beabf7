#include "exits.h"

#include "ending.h"
#include "engine/nested.h"
#include "guest_memory.h"
#include "guest_msr.h"
#include "memory.h"
#include "panic.h"
#include "platform.h"
#include "registers.h"
#include "serial.h"
#include "state.h"
#include "tracer.h"

#define LARGE_BYTES UINT64_C(0x200000)

static void done(const struct exit *exit)
{
    guest.regs.rip = exit->next_rip;
}

/* Brings the page that the guest missed into a slot, or maps a device's memory, and lets the guest retry. */
static void handle_miss(const struct exit *exit, uint64_t start)
{
    uint64_t page = exit->gpa & ~(uint64_t)(PAGE_BYTES - 1);
    uint64_t large = exit->gpa & ~(LARGE_BYTES - 1);
    enum trace_counter counter;
    uint32_t flags = exit->access;

    switch (guest_memory_kind(exit->gpa)) {
    case MEMORY_RAM: {
        slot_t slot = pager_find(&pager, page_make(0, page / PAGE_BYTES));
        bool soft = slot != SLOT_NONE;
        if (!soft)
            slot = guest_memory_open(page);
        nested_map(page, slot);
        if (!soft)
            guest_memory_ahead(page);
        counter = soft ? COUNT_SOFT_MISS : COUNT_MISS;
        flags |= soft ? MISS_SOFT : 0u;
        break;
    }
    case MEMORY_DEVICE:
        nested_map_device(page, guest_memory_all_device(large, LARGE_BYTES) ? LARGE_BYTES : PAGE_BYTES);
        counter = COUNT_DEVICE_MISS;
        flags |= MISS_DEVICE;
        break;
    case MEMORY_STRAY:
    default:
        panic(PANIC_STRAY, exit->gpa);
    }
    uint64_t cycles = rdtsc() - start;
    tracer_count(counter, cycles);
    tracer_event(TRACE_MISS, 0, flags, exit->gpa, cycles);
}

/* What the guest may know of the CPU: no cache-line flushes (they push plaintext out and cannot be intercepted), no
 * virtualisation, no MONITOR; bits that mirror CR4 mirror the guest's. */
static void handle_cpuid(const struct exit *exit)
{
    uint32_t leaf = (uint32_t)guest.regs.rax, subleaf = (uint32_t)guest.regs.rcx;
    struct cpuid r = cpuid(leaf, subleaf);
    uint64_t cr4 = engine->mode().cr4;

    switch (leaf) {
    case 1:
        r.ecx &= (uint32_t)~(CPUID_1_ECX_MONITOR | CPUID_1_ECX_VMX | CPUID_1_ECX_SMX | CPUID_1_ECX_OSXSAVE);
        r.ecx |= cr4 & CR4_OSXSAVE ? (uint32_t)CPUID_1_ECX_OSXSAVE : 0;
        r.edx &= (uint32_t)~(CPUID_1_EDX_CLFSH | CPUID_1_EDX_DS);
        break;
    case 7:
        if (subleaf != 0)
            break;
        r.ebx &= (uint32_t)~(CPUID_7_EBX_CLFLUSHOPT | CPUID_7_EBX_CLWB | CPUID_7_EBX_SGX | CPUID_7_EBX_PT);
        r.ecx &= (uint32_t)~(CPUID_7_ECX_OSPKE | CPUID_7_ECX_CLDEMOTE | CPUID_7_ECX_SGX_LC);
        r.edx &= (uint32_t)~CPUID_7_EDX_PCONFIG;
        r.ecx |= cr4 & CR4_PKE ? (uint32_t)CPUID_7_ECX_OSPKE : 0;
        break;
    case 0x80000001:
        r.ecx &= (uint32_t)~(CPUID_80000001_ECX_SVM | CPUID_80000001_ECX_IBS | CPUID_80000001_ECX_SKINIT |
                             CPUID_80000001_ECX_MONITORX);
        break;
    case 0x80000007:
        r.ebx = 0;      /* scalable machine check: its MSRs lie outside the MSR bitmap */
        break;
    case 0x80000008:
        r.ebx &= (uint32_t)~(CPUID_80000008_EBX_CLZERO | CPUID_80000008_EBX_INVLPGB |
                             CPUID_80000008_EBX_WBNOINVD);
        break;
    case 0x80000021:
        r.eax &= (uint32_t)~CPUID_80000021_EAX_AUTO_IBRS;   /* sits in EFER */
        break;
    case 0x0A:          /* performance monitoring: its MSRs cannot be written */
    case 0x12:          /* SGX */
    case 0x14:          /* processor trace: it writes to memory on its own */
    case 0x8000000A:    /* SVM */
    case 0x8000001F:    /* encrypted memory */
    case 0x80000022:    /* performance counters beyond those that the guest owns */
        r = (struct cpuid){0};
        break;
    default:
        break;
    }
    guest.regs.rax = r.eax;
    guest.regs.rbx = r.ebx;
    guest.regs.rcx = r.ecx;
    guest.regs.rdx = r.edx;
    done(exit);
}

static void handle_msr(const struct exit *exit)
{
    uint32_t msr = (uint32_t)guest.regs.rcx;
    uint64_t value = guest.regs.rdx << 32 | (uint32_t)guest.regs.rax;
    bool valid;

    if (exit->kind == EXIT_MSR_WRITE) {
        valid = guest_msr_write(msr, value);
    } else {
        valid = guest_msr_read(msr, &value);
        if (valid) {
            guest.regs.rax = (uint32_t)value;
            guest.regs.rdx = value >> 32;
        }
    }
    if (valid)
        done(exit);
    else
        engine->inject(EXCEPTION_GP);
}

/* The real CD and NW stay 0: with CD set, an AMD CPU would write hit lines back (APM vol 2, 7.4), and an Intel CPU
 * would treat the guest's memory as uncacheable (SDM vol 3, "Memory Type Used for Translated Guest-Physical
 * Addresses"). */
static void handle_cr0(const struct exit *exit)
{
    struct guest_mode mode = engine->mode();
    uint64_t value = exit->value | CR0_ET;
    bool paging_starts = (value & CR0_PG) && !(mode.cr0 & CR0_PG);
    bool paging_ends = !(value & CR0_PG) && (mode.cr0 & CR0_PG);

    if (value >> 32 || ((value & CR0_PG) && !(value & CR0_PE)) || ((value & CR0_NW) && !(value & CR0_CD)) ||
        (paging_starts && (mode.efer & EFER_LME) && (!(mode.cr4 & CR4_PAE) || mode.code_l)) ||
        (paging_ends && (mode.code_long || (mode.cr4 & CR4_PCIDE))) ||
        (!(value & CR0_WP) && (mode.cr4 & CR4_CET))) {
        engine->inject(EXCEPTION_GP);
        return;
    }
    engine->set_cr0(value);
    done(exit);
}

/* Features that XCR0 turns on together or not at all. Intel SDM vol 1, "Enabling the XSAVE Feature Set". */
static bool is_valid_xcr0(uint64_t value)
{
    static const struct { uint64_t together, needs; } rules[] = {
        {XCR0_X87, 0}, {XCR0_AVX, XCR0_SSE}, {XCR0_MPX, 0}, {XCR0_AVX512, XCR0_SSE | XCR0_AVX}, {XCR0_AMX, 0},
    };
    struct cpuid offered = cpuid(0xD, 0);
    if (value & ~((uint64_t)offered.edx << 32 | offered.eax) || !(value & XCR0_X87))
        return false;
    for (uint32_t i = 0; i < sizeof rules / sizeof rules[0]; i++) {
        uint64_t set = value & rules[i].together;
        if (set != 0 && (set != rules[i].together || (value & rules[i].needs) != rules[i].needs))
            return false;
    }
    return true;
}

/* XCR0 is the guest's all the time; the hypervisor saves nothing by XSAVE. */
static void handle_xcr0(const struct exit *exit)
{
    uint64_t value = guest.regs.rdx << 32 | (uint32_t)guest.regs.rax;
    if ((uint32_t)guest.regs.rcx != 0 || !is_valid_xcr0(value)) {
        engine->inject(EXCEPTION_GP);
        return;
    }
    write_xcr0(value);
    done(exit);
}

static bool touches(const struct exit *exit, uint32_t first, uint32_t count)
{
    return exit->port < first + count && first < exit->port + (uint32_t)exit->width;
}

static void pass_through(const struct exit *exit)
{
    uint64_t mask = BIT(8 * exit->width) - 1, value = guest.regs.rax & mask;
    if (exit->is_input) {
        value = exit->width == 1 ? in8(exit->port) : exit->width == 2 ? in16(exit->port) : in32(exit->port);
        guest.regs.rax = exit->width == 4 ? value : (guest.regs.rax & ~mask) | value;
    } else {
        port_out(exit->port, exit->width, ending_watch_port(exit->port, exit->width, (uint32_t)value));
    }
}

static void handle_port(const struct exit *exit)
{
    uint64_t mask = BIT(8 * exit->width) - 1;

    if (exit->is_string) {      /* none of these ports is made for it */
        engine->inject(EXCEPTION_GP);
        return;
    }
    if (touches(exit, COM2, UART_PORTS)) {
        if (exit->is_input)     /* as if there were no chip */
            guest.regs.rax = exit->width == 4 ? mask : guest.regs.rax | mask;
        done(exit);
        return;
    }
    pass_through(exit);
    done(exit);
}

void exit_handle(const struct exit *exit)
{
    uint64_t start = rdtsc(), subject = exit->raw;
    enum trace_counter counter;

    switch (exit->kind) {
    case EXIT_MISS:
        handle_miss(exit, start);
        return;
    case EXIT_CPUID:
        counter = COUNT_EXIT_CPUID;
        subject = (uint32_t)guest.regs.rax;
        handle_cpuid(exit);
        break;
    case EXIT_MSR_READ:
    case EXIT_MSR_WRITE:
        counter = COUNT_EXIT_MSR;
        subject = (uint32_t)guest.regs.rcx;
        handle_msr(exit);
        break;
    case EXIT_CR0_WRITE:
        counter = COUNT_EXIT_CR;
        handle_cr0(exit);
        break;
    case EXIT_XCR0_WRITE:
        counter = COUNT_EXIT_CR;
        handle_xcr0(exit);
        break;
    case EXIT_PORT:
        counter = COUNT_EXIT_PORT;
        subject = exit->port;
        handle_port(exit);
        break;
    case EXIT_CACHE:        /* a write-back of all caches would be the leak itself; the guest needs none */
        counter = COUNT_EXIT_CACHE;
        done(exit);
        break;
    case EXIT_DENIED:
        counter = COUNT_EXIT_DENIED;
        engine->inject((enum exception)exit->value);
        break;
    case EXIT_TRIPLE_FAULT:
        ending(ENDING_TRIPLE_FAULT, guest.regs.rip);
    case EXIT_INIT:
        panic(PANIC_INIT, exit->raw);
    case EXIT_REFUSED:
        panic_because(PANIC_ENTRY, exit->raw, (const char *[]){": ", exit->why, 0});
    case EXIT_UNKNOWN:
    default:
        panic(PANIC_UNKNOWN_EXIT, exit->raw);
    }
    uint64_t cycles = rdtsc() - start;
    tracer_count(counter, cycles);
    tracer_event(TRACE_EXIT, 0, counter, subject, cycles);
}
