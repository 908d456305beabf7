/* exits.c — provokes each kind of exit again and again, and times it by RDTSC: from the instruction
 * that exits to the one behind it. Where RDTSC counts instructions, these are the hypervisor's, and
 * two or three of the guest's. */
#include "apic.h"
#include "guest.h"
#include "machine.h"
#include "sev.h"
#include "traps.h"

#define PAGES        1000u                  /* more than there are slots, and few enough for eight
                                               metadata pages */
#define META_STRIDE  (MIB / 2)              /* the pages of one metadata page */
#define TABLE_STRIDE (2 * MIB)              /* the pages of one nested table */
#define VGA          UINT64_C(0xA0000)      /* 128 KiB of device below 1 MiB */
#define VGA_PAGES    32u
#define HOLE         UINT64_C(0xC8000000)   /* of addresses where nothing is */
#define HOLE_PAGES   64u
#define SHARED_PAGES 200u                   /* a table of the IOMMU's has all of them */
#define TIMES        200u
#define COM2         0x2F8u
#define CR0_TS       BIT(3)
#define VMMCALL_BYTES 3u

static struct { uint64_t times, least, most; } spent;
static uint64_t area;

static inline uint64_t now(void)
{
    uint32_t low, high;
    asm volatile("rdtsc" : "=a"(low), "=d"(high) : : "memory");
    return (uint64_t)high << 32 | low;
}

static void took(uint64_t start)
{
    uint64_t ticks = now() - start;
    if (spent.times == 0 || ticks < spent.least)
        spent.least = ticks;
    if (spent.times == 0 || ticks > spent.most)
        spent.most = ticks;
    spent.times++;
}

static void report(const char *what)
{
    print("exits: ");
    print(what);
    print(": times ");
    print_decimal(spent.times);
    print(", least ");
    print_decimal(spent.least);
    print(", most ");
    print_decimal(spent.most);
    print("\n");
    spent.times = 0;
}

static void read_page(uint64_t address)
{
    uint64_t start = now();
    asm volatile("movb (%0), %%al" : : "r"(address) : "rax", "memory");
    took(start);
}

static void write_page(uint64_t address)
{
    uint64_t start = now();
    asm volatile("incb (%0)" : : "r"(address) : "memory");
    took(start);
}

static void sweep(void (*touch)(uint64_t), uint64_t base, uint64_t stride, uint64_t count)
{
    for (uint64_t i = 0; i < count; i++)
        touch(base + i * stride);
}

/* In the order of addresses, of more pages than there are slots: every touch is a miss, and evicts
 * what the same sweep touched before. */
static void pages(void)
{
    sweep(read_page, area, PAGE_BYTES, PAGES);
    report("blank page");
    sweep(write_page, area, PAGE_BYTES, PAGES);
    report("blank page, written");
    sweep(write_page, area, PAGE_BYTES, PAGES);
    report("dirty victim");
    sweep(read_page, area, PAGE_BYTES, PAGES);
    sweep(read_page, area, PAGE_BYTES, PAGES);
    spent.times = 0;    /* the first of them evicted dirty pages too */
    sweep(read_page, area, PAGE_BYTES, PAGES);
    report("clean victim");
}

/* A page of each metadata page: there is not room for all pairs. */
static void metadata(void)
{
    uint64_t count = (entry.ram_end - area) / META_STRIDE;
    sweep(write_page, area, META_STRIDE, count);
    sweep(write_page, area, META_STRIDE, count);
    spent.times = 0;
    sweep(write_page, area, META_STRIDE, count);
    report("metadata page, dirty victims");
    sweep(read_page, area, META_STRIDE, count);
    sweep(read_page, area, META_STRIDE, count);
    spent.times = 0;
    sweep(read_page, area, META_STRIDE, count);
    report("metadata page, clean victims");
}

/* A page of each nested table: all pages stay, but there are not tables enough. */
static void tables(void)
{
    uint64_t count = (entry.ram_end - area) / TABLE_STRIDE;
    sweep(read_page, area, TABLE_STRIDE, count);
    spent.times = 0;
    for (uint32_t i = 0; i < 4; i++)
        sweep(read_page, area, TABLE_STRIDE, count);
    report("page that is resident");
}

static void devices(void)
{
    sweep(read_page, VGA, PAGE_BYTES, VGA_PAGES);
    report("device");
    sweep(read_page, HOLE, PAGE_BYTES, HOLE_PAGES);
    report("nothing there");
}

#define REPEAT(what, ...)                           \
    do {                                            \
        for (uint32_t i = 0; i < TIMES; i++) {      \
            uint64_t start = now();                 \
            __VA_ARGS__;                            \
            took(start);                            \
        }                                           \
        report(what);                               \
    } while (0)

static void instructions(void)
{
    uint64_t pat = rdmsr(MSR_PAT), cr0;

    REPEAT("CPUID", (void)cpuid(1, 0));
    REPEAT("RDMSR", (void)rdmsr(MSR_PAT));
    REPEAT("WRMSR", wrmsr(MSR_PAT, pat));
    asm volatile("mov %%cr0, %0" : "=r"(cr0));
    REPEAT("CR0", asm volatile("mov %0, %%cr0" : : "r"(cr0 ^ CR0_TS)); cr0 ^= CR0_TS);
    REPEAT("IN", (void)in8(COM2));
    REPEAT("WBINVD", wbinvd());
    REPEAT("APIC", *apic(APIC_EOI) = 0);
    REPEAT("VMMCALL",
           traps_expect(VECTOR_UD, VMMCALL_BYTES); asm volatile("vmmcall" : : : "memory"));
}

/* Each page is shared and taken back, twice; where pages can be shared. */
static void sharing(void)
{
    if (!sev_start())
        return;
    load_cr3((uint64_t)top | c_bit);
    for (uint32_t i = 0; i < 2; i++) {
        sweep(read_page, (uint64_t)shared(area), PAGE_BYTES, SHARED_PAGES);
        report("page shared");
        sweep(read_page, (uint64_t)private(area), PAGE_BYTES, SHARED_PAGES);
        report("page taken back");
    }
}

int main(void)
{
    area = ((uint64_t)image_end + TABLE_STRIDE - 1) & ~(TABLE_STRIDE - 1);
    traps_start();
    instructions();
    pages();
    metadata();
    tables();
    devices();
    sharing();
    print("exits: done\n");
    return 0;
}
