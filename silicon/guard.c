/* source  Intel SDM (325462) vol 3, chapter 10 "Advanced Programmable Interrupt Controller"; of the
 *         RTC: Motorola MC146818A, "Address Map" */
#include "guard.h"

#include "cpu/descriptors.h"
#include "devices/apic.h"
#include "devices/chipset.h"
#include "memory.h"
#include "report.h"

#define GATE_INTERRUPT   (BIT(47) | UINT64_C(0xE) << 40)
#define VECTORS          256u
#define SPURIOUS_VECTOR  0xFFu
#define TASK_PRIORITY    0xEu           /* lets in vectors from F0h on: only the watchdog's */
#define APIC_EOI_REGISTER 0x0B0u
#define APIC_SPURIOUS    0x0F0u
#define APIC_LVT_TIMER   0x320u
#define APIC_LVT_LINT0   0x350u
#define APIC_INITIAL     0x380u
#define APIC_CURRENT     0x390u
#define APIC_DIVIDE      0x3E0u
#define DIVIDE_BY_128    0xAu
#define LVT_MASKED       BIT(16)
#define SPURIOUS_ENABLE  BIT(8)
#define RTC_SECONDS      0x00u
#define CYCLES_A_SECOND  UINT64_C(20000000000)  /* no TSC is as fast: the RTC stands still */

struct guard_fault guard_fault;
bool guard_enter(void (*function)(void));       /* entry.asm */
void watchdog(void);
void spurious(void);
void unguarded(void);
extern const uint64_t exception_stubs[32];

static uint64_t gdt[] = {0, 0x00AF9B000000FFFF, 0x00CF93000000FFFF};
static uint64_t idt[VECTORS][2];
static uint64_t hertz, apic_hertz;

static void set_gate(uint32_t vector, uint64_t code)
{
    idt[vector][0] = (code & 0xFFFF) | HOST_CS << 16 | GATE_INTERRUPT | (code >> 16 & 0xFFFF) << 48;
    idt[vector][1] = code >> 32;
}

static void set_descriptors(void)
{
    for (uint32_t i = 0; i < VECTORS; i++)
        set_gate(i, i < 32 ? exception_stubs[i] : (uint64_t)spurious);
    set_gate(WATCHDOG_VECTOR, (uint64_t)watchdog);
    struct table_register gdtr = {sizeof gdt - 1, (uint64_t)gdt};
    struct table_register idtr = {sizeof idt - 1, (uint64_t)idt};
    asm volatile("lgdt %0; lidt %1" : : "m"(gdtr), "m"(idtr));
    asm volatile("push %0; lea 1f(%%rip), %%rax; push %%rax; lretq; 1:"
                 : : "i"(HOST_CS) : "rax", "memory");
    asm volatile("mov %0, %%ds; mov %0, %%es; mov %0, %%ss" : : "r"(HOST_DS));
}

/* ---- the watchdog ---- */

static bool has_apic(void)
{
    return cpuid(CPUID_FEATURES, 0).edx & BIT(9) && rdmsr(MSR_APIC_BASE) & APIC_BASE_EN;
}

static void apic_set(uint32_t offset, uint32_t value)
{
    if (rdmsr(MSR_APIC_BASE) & APIC_BASE_EXTD)
        msr_write(MSR_X2APIC_FIRST + offset / APIC_STRIDE, value);
    else
        *(volatile uint32_t *)(LOCAL_APIC + offset) = value;
}

static uint32_t apic_get(uint32_t offset)
{
    return rdmsr(MSR_APIC_BASE) & APIC_BASE_EXTD ?
        (uint32_t)msr_read(MSR_X2APIC_FIRST + offset / APIC_STRIDE) :
        *(volatile uint32_t *)(LOCAL_APIC + offset);
}

static void set_watchdog(uint64_t ticks)
{
    if (!has_apic())
        return;
    apic_set(APIC_LVT_TIMER, WATCHDOG_VECTOR | (ticks == 0 ? LVT_MASKED : 0));
    apic_set(APIC_INITIAL, ticks < UINT32_MAX ? (uint32_t)ticks : UINT32_MAX);
}

static void start_apic(void)
{
    if (!has_apic())
        return;
    apic_set(APIC_LVT_LINT0, LVT_MASKED);       /* the PICs': no priority holds it back */
    apic_set(APIC_SPURIOUS, SPURIOUS_VECTOR | SPURIOUS_ENABLE);
    apic_set(APIC_DIVIDE, DIVIDE_BY_128);
    asm volatile("mov %0, %%cr8" : : "r"((uint64_t)TASK_PRIORITY));
}

/* The moment that the RTC's next second begins; 0: it does not. */
static uint64_t next_second(void)
{
    uint64_t begun = rdtsc();
    out8(PORT_RTC, RTC_SECONDS);
    uint8_t first = in8(PORT_RTC + 1);
    while (in8(PORT_RTC + 1) == first)
        if (rdtsc() - begun > CYCLES_A_SECOND)
            return 0;
    return rdtsc();
}

static void start_clock(void)
{
    uint64_t begun = next_second();
    if (has_apic()) {
        apic_set(APIC_LVT_TIMER, WATCHDOG_VECTOR | LVT_MASKED);
        apic_set(APIC_INITIAL, UINT32_MAX);
    }
    uint64_t end = begun != 0 ? next_second() : 0;
    if (end == 0)
        return;
    hertz = end - begun;
    if (has_apic())
        apic_hertz = UINT32_MAX - apic_get(APIC_CURRENT);
}

void guard_start(void)
{
    set_descriptors();
    if (cpuid(CPUID_FEATURES, 0).edx & CPUID_1_EDX_MCE)
        write_cr4(read_cr4() | CR4_MCE);
    out8(PORT_PIC1 + 1, 0xFF);
    out8(PORT_PIC2 + 1, 0xFF);
    if (has_apic())
        apic_hold_others();
    start_apic();
    start_clock();
}

uint64_t guard_hertz(void)
{
    return hertz;
}

bool guard_has_watchdog(void)
{
    return apic_hertz != 0;
}

/* ---- */

enum silicon_outcome guard_run(void (*experiment)(void), uint64_t seconds)
{
    if (guard_has_watchdog()) {
        set_watchdog(apic_hertz * seconds);
        asm volatile("sti" : : : "memory");
    }
    bool failed = guard_enter(experiment);
    asm volatile("cli" : : : "memory");
    memory_thaw();
    if (guard_has_watchdog()) {
        set_watchdog(0);
        if (failed && guard_fault.vector == WATCHDOG_VECTOR)
            apic_set(APIC_EOI_REGISTER, 0);
    }
    return !failed ? SILICON_OK :
        guard_fault.vector == WATCHDOG_VECTOR ? SILICON_HUNG : SILICON_FAULT;
}

/* Uncacheable while a region is frozen, as all data. */
static uint32_t wanted;
static uint64_t got;

static void read_wanted(void)
{
    got = msr_read(wanted);
}

bool guard_msr(uint32_t number, uint64_t *value)
{
    wanted = number;
    bool failed = guard_enter(read_wanted);
    *value = got;
    return !failed;
}

void unguarded(void)
{
    report_note("fault outside of an experiment");
    halt();
}
