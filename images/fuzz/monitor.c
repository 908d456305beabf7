/* source  AMD APM vol 2 (24593), "Segment Descriptors", "Task-State Segment", "Page Translation";
 *         Motorola MC146818A and Intel 82093AA (I/O APIC) data sheets for the watchdog */
#include "monitor.h"

#include "machine.h"

#define GDT_BASE   0x28000u
#define TSS64_BASE 0x28800u
#define TSS32_BASE 0x28900u
#define IDT64_BASE 0x29000u
#define IDT32_BASE 0x2A000u
#define IVT_BASE   0x2A800u
#define TABLES     0x2B000u     /* one page each */
#define PML4       (TABLES + 0x0000u)
#define PDPT       (TABLES + 0x1000u)
#define PD         (TABLES + 0x2000u)
#define PT_LOW     (TABLES + 0x3000u)
#define PT_DATA    (TABLES + 0x4000u)
#define PT_SPECIAL (TABLES + 0x5000u)
#define PD_32      (TABLES + 0x6000u)
#define PT_32_LOW  (TABLES + 0x7000u)
#define PT_32_DATA (TABLES + 0x8000u)
#define PT_32_SPECIAL (TABLES + 0x9000u)
#define PDPT_PAE   (TABLES + 0xA000u)
#define LOW_PAGES  0x100u       /* mapped 1:1 */
#define SPOILT_END 0x36000u

#define CODE64     0x08u
#define CODE32     0x18u
#define DATA       0x10u
#define USER_CODE32 0x33u
#define USER_DATA  0x3Bu
#define USER_CODE64 0x43u
#define TSS64      0x48u

#define PTE_P      BIT(0)
#define PTE_W      BIT(1)
#define PTE_U      BIT(2)
#define CR0_FIXED  (BIT(0) | BIT(1) | BIT(4) | BIT(5) | BIT(16))     /* PE MP ET NE WP */
#define CR0_REAL   (BIT(1) | BIT(4))
#define CR0_PG     BIT(31)
#define CR4_PSE    BIT(4)
#define CR4_PAE    BIT(5)
#define CR4_SSE    (BIT(9) | BIT(10))
#define CR4_XSAVE  BIT(18)
#define MSR_EFER_VALUE (BIT(8) | BIT(10))

#define STUBS        0x50u
#define ENTRY_BYTES  16u
#define GATE         0x8E00u
#define GATE_USER    0xEE00u

#define PIC1_DATA       0x21u
#define PIC2_DATA       0xA1u
#define IO_APIC         0xFEC00000u
#define IO_APIC_PIN     8u
#define IO_APIC_NMI     0x400u      /* delivery mode, edge, physical destination 0 */
#define RTC_INDEX       0x70u
#define RTC_DATA        0x71u
#define RTC_SECONDS     0u          /* in BCD */
#define RTC_ALARM       1u          /* seconds, and at 3 and 5 minutes and hours */
#define RTC_ANY         0xC0u       /* of an alarm's minutes and hours */
#define RTC_CONTROL     11u
#define RTC_ALARM_ON    0x20u
#define RTC_FLAGS       12u         /* reading them takes the interrupt away */
#define WATCHDOG_SECONDS 4u

const struct mode modes[MODES] = {
    {"real mode", KIND_REAL, PAGING_NONE, false, false},
    {"32-bit", KIND_LEGACY, PAGING_NONE, false, false},
    {"32-bit, ring 3", KIND_LEGACY, PAGING_NONE, false, true},
    {"2-level paging", KIND_LEGACY, PAGING_2_LEVELS, false, false},
    {"2-level paging, ring 3", KIND_LEGACY, PAGING_2_LEVELS, false, true},
    {"PAE", KIND_LEGACY, PAGING_PAE, false, false},
    {"PAE, ring 3", KIND_LEGACY, PAGING_PAE, false, true},
    {"compatibility", KIND_LONG, PAGING_LONG, false, false},
    {"compatibility, ring 3", KIND_LONG, PAGING_LONG, false, true},
    {"64-bit", KIND_LONG, PAGING_LONG, true, false},
    {"64-bit, ring 3", KIND_LONG, PAGING_LONG, true, true},
};

extern const uint8_t monitor[], monitor_end[], monitor_entries_64[], monitor_entries_32[],
    monitor_entries_16[];
static uint8_t pristine[SPOILT_END - MONITOR_BASE];

static uint64_t entry_of(const uint8_t *entries, uint32_t vector)
{
    uint32_t index = vector < STUBS ? vector : STUBS;
    return MONITOR_BASE + (uint64_t)(entries - monitor) + index * ENTRY_BYTES;
}

static void fill_descriptors(void)
{
    uint64_t *gdt = (uint64_t *)(uintptr_t)GDT_BASE;
    static const uint64_t descriptors[] = {
        0, 0x00AF9B000000FFFF, 0x00CF93000000FFFF, 0x00CF9B000000FFFF,
        0x00009B000000FFFF | (uint64_t)MONITOR_BASE << 16, 0x000093000000FFFF,
        0x00CFFB000000FFFF, 0x00CFF3000000FFFF, 0x00AFFB000000FFFF,
        0x0000890000000067 | (uint64_t)TSS64_BASE << 16, 0,
            0x0000890000000067 | (uint64_t)TSS32_BASE << 16,
    };
    memcpy(gdt, descriptors, sizeof descriptors);
    memset((void *)(uintptr_t)TSS64_BASE, 0, 0x200);
    *(volatile uint64_t *)(uintptr_t)(TSS64_BASE + 4) = CODE_BASE;           /* RSP0 */
    /* IST1: the page below */
    *(volatile uint64_t *)(uintptr_t)(TSS64_BASE + 36) = CODE_BASE;
    *(volatile uint32_t *)(uintptr_t)(TSS32_BASE + 4) = CODE_BASE;           /* ESP0, SS0 */
    *(volatile uint32_t *)(uintptr_t)(TSS32_BASE + 8) = DATA;

    uint16_t *gates64 = (uint16_t *)(uintptr_t)IDT64_BASE,
        *gates32 = (uint16_t *)(uintptr_t)IDT32_BASE;
    uint16_t *vectors = (uint16_t *)(uintptr_t)IVT_BASE;
    for (uint32_t i = 0; i < 256; i++) {
        uint64_t in64 = entry_of(monitor_entries_64, i), in32 = entry_of(monitor_entries_32, i);
        uint16_t type = i >= 32 || i == 3 || i == 4 ? GATE_USER : GATE;
        const uint16_t gate64[8] = {(uint16_t)in64, CODE64, type | 1, (uint16_t)(in64 >> 16), 0, 0,
            0, 0};
        const uint16_t gate32[4] = {(uint16_t)in32, CODE32, type, (uint16_t)(in32 >> 16)};
        memcpy(gates64 + 8 * i, gate64, sizeof gate64);
        memcpy(gates32 + 4 * i, gate32, sizeof gate32);
        vectors[2 * i] = (uint16_t)(entry_of(monitor_entries_16, i) - MONITOR_BASE);
        vectors[2 * i + 1] = MONITOR_BASE >> 4;
    }
}

/* The monitor's own pages are read-only: what a case in ring 0 can do to them, it does on purpose.
 * */
static uint64_t low_rights(uint32_t page)
{
    uint32_t address = page * PAGE_BYTES;
    if (address >= CODE_BASE && address < STACK_BASE + STACK_BYTES)
        return PTE_P | PTE_W | PTE_U;
    bool is_own = address >= MONITOR_BASE && address < SPOILT_END && address != MONITOR_STACK;
    return PTE_P | (is_own ? 0 : PTE_W);
}

/* Device memory, firmware, holes, the end of what 4-level nested tables reach; the APICs, for
 * probes alone: to read a byte there ends Bochs. */
static const uint64_t special[SPECIAL_PAGES + APIC_PAGES] = {
    0xA0000, 0xC0000, 0xD0000, 0xF0000, 0xE0000000, 0xFEC10000, UINT64_C(0xFF00000000), 0xFFFF0000,
    0xFEE00000, 0xFEC00000,
};

static void fill_tables(void)
{
    uint64_t *pml4 = (uint64_t *)(uintptr_t)PML4, *pdpt = (uint64_t *)(uintptr_t)PDPT,
        *pd = (uint64_t *)(uintptr_t)PD;
    uint64_t *low = (uint64_t *)(uintptr_t)PT_LOW, *far = (uint64_t *)(uintptr_t)PT_SPECIAL;
    uint32_t *pd32 = (uint32_t *)(uintptr_t)PD_32, *low32 = (uint32_t *)(uintptr_t)PT_32_LOW;
    uint32_t *far32 = (uint32_t *)(uintptr_t)PT_32_SPECIAL;
    uint64_t all = PTE_P | PTE_W | PTE_U;

    memset((void *)(uintptr_t)TABLES, 0, SPOILT_END - TABLES);
    pml4[0] = PDPT | all;
    pdpt[0] = PD | all;
    *(volatile uint64_t *)(uintptr_t)PDPT_PAE = PD | PTE_P;
    pd[0] = PT_LOW | all;
    pd[DATA_LINEAR >> 21] = PT_DATA | all;
    pd[SPECIAL_LINEAR >> 21] = PT_SPECIAL | all;
    pd32[0] = (uint32_t)(PT_32_LOW | all);
    pd32[DATA_LINEAR >> 22] = (uint32_t)(PT_32_DATA | all);
    pd32[SPECIAL_LINEAR >> 22] = (uint32_t)(PT_32_SPECIAL | all);
    for (uint32_t i = 0; i < LOW_PAGES; i++) {
        low[i] = (uint64_t)i * PAGE_BYTES | low_rights(i);
        low32[i] = (uint32_t)low[i];
    }
    for (uint32_t i = 0; i < SPECIAL_PAGES + APIC_PAGES; i++) {
        far[i] = special[i] | all;
        far32[i] = (uint32_t)(special[i] | all);
    }
}

static void load_descriptors(void)
{
    asm volatile("lgdt %0; lidt %1" : : "m"(STATE->gdt), "m"(STATE->idt64));
    asm volatile("push %0; lea 1f(%%rip), %%rax; push %%rax; lretq; 1:" : : "i"(CODE64) : "rax",
                 "memory");
    asm volatile("mov %0, %%ds; mov %0, %%es; mov %0, %%ss; ltr %1" : : "r"(DATA),
                 "r"((uint16_t)TSS64));
}

void monitor_start(void)
{
    memcpy((void *)(uintptr_t)MONITOR_BASE, monitor, (size_t)(monitor_end - monitor));
    fill_descriptors();
    fill_tables();
    STATE->gdt.limit = 12 * 8 - 1;
    STATE->gdt.base = GDT_BASE;
    STATE->idt64.limit = 256 * 16 - 1;
    STATE->idt64.base = IDT64_BASE;
    STATE->idt32.limit = 256 * 8 - 1;
    STATE->idt32.base = IDT32_BASE;
    STATE->ivt.limit = 256 * 4 - 1;
    STATE->ivt.base = IVT_BASE;
    asm volatile("mov %%cr0, %0" : "=r"(STATE->own_cr0));
    asm volatile("mov %%cr3, %0" : "=r"(STATE->own_cr3));
    write_cr4(read_cr4() | CR4_XSAVE);
    STATE->own_cr4 = read_cr4();
    memcpy(pristine, (void *)(uintptr_t)MONITOR_BASE, sizeof pristine);
    load_descriptors();
    out8(PIC1_DATA, 0xFF);
    out8(PIC2_DATA, 0xFF);
}

static uint8_t rtc_read(uint8_t index)
{
    out8(RTC_INDEX, index);
    return in8(RTC_DATA);
}

static void rtc_write(uint8_t index, uint8_t value)
{
    out8(RTC_INDEX, index);
    out8(RTC_DATA, value);
}

void monitor_watch(void)
{
    volatile uint32_t *io_apic = (volatile uint32_t *)(uintptr_t)IO_APIC;
    io_apic[0] = 0x11 + 2 * IO_APIC_PIN;
    io_apic[4] = 0;
    io_apic[0] = 0x10 + 2 * IO_APIC_PIN;
    io_apic[4] = IO_APIC_NMI | VECTOR_NMI;
    rtc_write(RTC_ALARM + 2, RTC_ANY);
    rtc_write(RTC_ALARM + 4, RTC_ANY);
}

void monitor_wind(void)
{
    uint8_t now = rtc_read(RTC_SECONDS);
    uint8_t end = (uint8_t)(((now >> 4) * 10 + (now & 15) + WATCHDOG_SECONDS) % 60);
    rtc_write(RTC_ALARM, (uint8_t)(end / 10 << 4 | end % 10));
    rtc_write(RTC_CONTROL, rtc_read(RTC_CONTROL) | RTC_ALARM_ON);
    (void)rtc_read(RTC_FLAGS);
}

void monitor_reset(const uint64_t data[DATA_PAGES])
{
    uint32_t to_stack = MONITOR_STATE - MONITOR_BASE, from_gdt = GDT_BASE - MONITOR_BASE;
    memcpy((void *)(uintptr_t)MONITOR_BASE, pristine, to_stack + sizeof *STATE);
    memcpy((void *)(uintptr_t)GDT_BASE, pristine + from_gdt, sizeof pristine - from_gdt);
    for (uint32_t i = 0; i < DATA_PAGES; i++) {
        ((uint64_t *)(uintptr_t)PT_DATA)[i] = data[i] | PTE_P | PTE_W | PTE_U;
        ((uint32_t *)(uintptr_t)PT_32_DATA)[i] = (uint32_t)(data[i] | PTE_P | PTE_W | PTE_U);
    }
    load_descriptors();
    asm volatile("mov %0, %%dr7" : : "r"(UINT64_C(0x400)));
    asm volatile("mov %0, %%dr6" : : "r"(UINT64_C(0xFFFF0FF0)));
    asm volatile("xsetbv" : : "a"(3), "d"(0), "c"(0));
    wrmsr(MSR_EFER, MSR_EFER_VALUE);
}

void monitor_prepare(const struct mode *mode)
{
    static const uint32_t roots[] = {0, PD_32, PDPT_PAE, PML4};
    bool is_real = mode->kind == KIND_REAL;

    STATE->kind = mode->kind;
    STATE->rip = is_real ? 0 : CODE_BASE;
    STATE->rflags = RFLAGS_FIXED;
    STATE->cs = is_real ? CODE_BASE >> 4 : mode->is_64_bit ? (mode->is_user ? USER_CODE64 : CODE64)
                                                           : (mode->is_user ? USER_CODE32 : CODE32);
    STATE->ss = is_real ? STACK_BASE >> 4 : mode->is_user ? USER_DATA : DATA;
    STATE->ds = STATE->es = is_real ? REAL_DATA >> 4 : STATE->ss;
    STATE->registers[RSP] = (is_real ? 0 : STACK_BASE) + STACK_BYTES - 64;
    STATE->cr0 = is_real ? CR0_REAL : CR0_FIXED | (mode->paging == PAGING_NONE ? 0 : CR0_PG);
    STATE->cr3 = roots[mode->paging];
    STATE->cr4 = CR4_SSE | CR4_XSAVE | (mode->paging == PAGING_2_LEVELS ? CR4_PSE : 0) |
                 (mode->paging >= PAGING_PAE ? CR4_PAE : 0);
}

void monitor_run(void)
{
    ((void (*)(void))(uintptr_t)MONITOR_BASE)();
}
