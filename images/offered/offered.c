/* offered.c — tries every port, every MSR that the CPU's bitmaps know and every leaf of CPUID that
 * a CPU may have, and says what answers that should not: a guest reaches what is on a list, and all
 * else is as on a machine without it.
 *
 * source  AMD APM vol 3 (24594), appendix E; Intel SDM vol 2, "CPUID"; vol 4, "Model-Specific
 *         Registers"; ACPI 6.4, 5.2.9 (FADT)
 */
#include "acpi.h"
#include "guest.h"
#include "machine.h"
#include "traps.h"

#define PORTS        0x10000u
#define NOTHING      0xFFu
#define RDMSR_BYTES  2u
#define SHOWN        8u             /* of each kind that should not answer, the first ones by name */
#define FADT_PM1A_EVENTS 56u
#define FADT_PM1A    64u
#define FADT_TIMER   76u
#define FADT_GPE0    80u
#define FADT_GPE0_BYTES 92u

struct range {
    uint32_t first, last;
};

static struct range ports[] = {
    {0x20, 0x21}, {0xA0, 0xA1}, {0x4D0, 0x4D1},         /* 8259A */
    {0x40, 0x43}, {0x61, 0x61}, {0x70, 0x71},           /* 8254, its gate, the clock */
    {0x60, 0x60}, {0x64, 0x64}, {0x92, 0x92},           /* 8042, A20 */
    {0x80, 0x80}, {0xF0, 0xF1},                         /* POST, the FPU's interrupt */
    {0x3B0, 0x3BB}, {0x3C0, 0x3DF}, {0x3F8, 0x3FF},     /* display, COM1 */
    {0x510, 0x511}, {0xCF8, 0xCFF},                     /* fw_cfg, PCI configuration */
    {1, 0}, {1, 0}, {1, 0}, {1, 0},                     /* ACPI's */
};
#define PORT_RANGES (sizeof ports / sizeof *ports)

static const struct range msrs[] = {
    {0x10, 0x10}, {0x17, 0x17}, {0x1B, 0x1B}, {0x3B, 0x3B}, {0x48, 0x49}, {0x8B, 0x8B},
    {0xFE, 0xFE}, {0x174, 0x176}, {0x179, 0x17B}, {0x1A0, 0x1A0}, {0x1D9, 0x1D9}, {0x1DB, 0x1DE},
    {0x200, 0x21F}, {0x250, 0x250}, {0x258, 0x259}, {0x268, 0x26F}, {0x277, 0x277}, {0x2FF, 0x2FF},
    {0x400, 0x47F}, {0x6A0, 0x6A8}, {0x6E0, 0x6E1}, {0x800, 0x83F}, {0xDA0, 0xDA0},
    {0xC0000080, 0xC0000084}, {0xC0000100, 0xC0000103}, {0xC0010000, 0xC0010007},
    {0xC0010010, 0xC0010010}, {0xC0010015, 0xC0010015}, {0xC001001A, 0xC001001A},
    {0xC001001D, 0xC001001D}, {0xC001001F, 0xC001001F}, {0xC0010055, 0xC0010055},
    {0xC0010114, 0xC0010114}, {0xC0010140, 0xC0010141}, {0xC0010200, 0xC001020B},
    {0xC0011020, 0xC001102B},
};

static const struct range leaves[] = {
    {0x0, 0x2}, {0x4, 0x4}, {0x6, 0x7}, {0xB, 0xB}, {0xD, 0xD}, {0x15, 0x16}, {0x1F, 0x1F},
    {0x80000000, 0x80000008}, {0x80000019, 0x8000001A}, {0x8000001D, 0x8000001E},
    {0x80000021, 0x80000021},
};

/* Features that guests could use against what is sealed, or by which the CPU writes to memory. */
static const struct {
    uint32_t leaf, subleaf;
    struct cpuid bits;
} hidden[] = {
    {0x1, 0, {.ecx = 1u << 3 | 1u << 5 | 1u << 6, .edx = 1u << 19 | 1u << 21}},
    {0x7, 0, {.ebx = 1u << 2 | 1u << 14 | 1u << 23 | 1u << 24 | 1u << 25,
              .ecx = 1u << 5 | 1u << 23 | 1u << 25 | 7u << 27 | 1u << 30,
              .edx = 1u << 5 | 1u << 18 | 1u << 19 | 1u << 22 | 3u << 24 | 7u << 28}},
    {0xD, 0, {.eax = 3u << 3 | 3u << 17, .edx = UINT32_MAX}},
    {0xD, 1, {.eax = 1u << 4, .ecx = ~(3u << 11)}},
    {0x80000001, 0, {.ecx = 1u << 2 | 1u << 10 | 1u << 12 | 1u << 15 | 1u << 29}},
    {0x80000008, 0, {.ebx = 1u << 0 | 1u << 3 | 1u << 9}},
};

static bool is_listed(const struct range *ranges, uint32_t count, uint32_t number)
{
    for (uint32_t i = 0; i < count; i++)
        if (number >= ranges[i].first && number <= ranges[i].last)
            return true;
    return false;
}

static void add_ports(uint32_t at, uint32_t first, uint32_t bytes)
{
    if (first != 0 && bytes != 0)
        ports[PORT_RANGES - 1 - at] = (struct range){first, first + bytes - 1};
}

static void add_acpi(uint64_t table)
{
    if (!acpi_is(table, "FACP"))
        return;
    add_ports(0, acpi_load32(table + FADT_PM1A_EVENTS), 4);
    add_ports(1, acpi_load32(table + FADT_PM1A), 2);
    add_ports(2, acpi_load32(table + FADT_TIMER), 4);
    add_ports(3, acpi_load32(table + FADT_GPE0), acpi_load32(table + FADT_GPE0_BYTES) & 0xFF);
}

static void found(const char *what, uint32_t number, uint64_t *count)
{
    if ((*count)++ >= SHOWN)
        return;
    print("offered: UNLISTED ");
    print(what);
    print(" ");
    print_hexadecimal(number);
    print("\n");
}

static uint64_t try_ports(void)
{
    uint64_t count = 0;
    for (uint32_t port = 0; port < PORTS; port++)
        if (!is_listed(ports, PORT_RANGES, port) && in8((uint16_t)port) != NOTHING)
            found("port", port, &count);
    return count;
}

static uint64_t try_msrs(uint32_t base)
{
    uint64_t count = 0;
    for (uint32_t msr = base; msr < base + 0x2000; msr++) {
        uint64_t faults = trap_counts[VECTOR_GP];
        traps_expect(VECTOR_GP, RDMSR_BYTES);
        rdmsr(msr);
        if (trap_counts[VECTOR_GP] == faults && !is_listed(msrs, sizeof msrs / sizeof *msrs, msr))
            found("MSR", msr, &count);
    }
    traps_expect(TRAP_VECTORS, 0);
    return count;
}

static uint64_t try_leaves(uint32_t base, uint32_t end)
{
    uint64_t count = 0;
    for (uint32_t leaf = base; leaf < end; leaf++) {
        struct cpuid r = cpuid(leaf, 0);
        if ((r.eax | r.ebx | r.ecx | r.edx) != 0 &&
            !is_listed(leaves, sizeof leaves / sizeof *leaves, leaf))
            found("leaf", leaf, &count);
    }
    return count;
}

static uint64_t try_features(void)
{
    uint64_t count = 0;
    for (uint32_t i = 0; i < sizeof hidden / sizeof *hidden; i++) {
        struct cpuid r = cpuid(hidden[i].leaf, hidden[i].subleaf), bits = hidden[i].bits;
        if ((r.eax & bits.eax) | (r.ebx & bits.ebx) | (r.ecx & bits.ecx) | (r.edx & bits.edx))
            found("feature in leaf", hidden[i].leaf, &count);
    }
    return count;
}

/* In bytes, as the C libraries reckon it: in 32 bits, and divided among those that share it. */
static uint32_t last_level(uint32_t leaf)
{
    for (uint32_t subleaf = 0; subleaf < 8; subleaf++) {
        struct cpuid r = cpuid(leaf, subleaf);
        uint32_t bytes = ((r.ebx >> 22) + 1) * ((r.ebx >> 12 & 0x3FF) + 1) * ((r.ebx & 0xFFF) + 1)
                       * (r.ecx + 1);
        if ((r.eax >> 5 & 7) == 3)
            return bytes / ((r.eax >> 14 & 0xFFF) + 1);
    }
    return 0;
}

/* By AMD's leaves too, for the CPUs that the width of their APIC IDs counts. */
static bool is_large(void)
{
    uint32_t edx = cpuid(0x80000006u, 0).edx, width = cpuid(0x80000008u, 0).ecx >> 12 & 0xF;
    uint32_t sizes[] = {last_level(4), last_level(0x8000001Du), ((edx & 0x3FFC0000) << 1) >> width};
    bool     is_any = false;

    for (uint32_t i = 0; i < 3; i++) {
        if (sizes[i] != 0 && sizes[i] < UINT32_C(1) << 30)
            return false;
        is_any |= sizes[i] != 0;
    }
    return is_any;
}

int main(void)
{
    traps_start();
    if (acpi_rsdp() != 0)
        acpi_each(add_acpi);
    print_fact("offered: unlisted ports", try_ports());
    print_fact("offered: unlisted MSRs",
               try_msrs(0) + try_msrs(0xC0000000) + try_msrs(0xC0010000));
    print_fact("offered: unlisted leaves",
               try_leaves(0, 0x100) + try_leaves(0x40000000, 0x40000200) +
               try_leaves(0x80000000, 0x80000100) + try_leaves(0xC0000000, 0xC0000010));
    print_fact("offered: features", try_features());
    print(is_large() ? "offered: the last cache is large\n" : "offered: the last cache is SMALL\n");
    power_off();
}
