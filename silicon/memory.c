/* source  as hypervisor/freeze/fit.c; Intel SDM (325462) vol 3, "Large Page Size Considerations":
 *         a large page may not have memory of two types; what is smaller is mapped by small ones */
#include "memory.h"

#include "boot/loader.h"
#include "contract.h"
#include "page.h"

#define ENTRIES       512u
#define LARGE(base)   (((base) - HYPERVISOR_BASE) / LARGE_PAGE_BYTES)    /* a directory's entry */
#define RANGES_MOST   32u
#define TABLE         __attribute__((section(".tables"), aligned(PAGE_BYTES)))
/* Accessed and dirty are preset: the CPU then never writes to these tables on its own. */
#define PTE_OWN       (PTE_P | PTE_W | PTE_A | PTE_D)
#define PTE_LARGE_WC  BIT(12)       /* the third bit of a large page's PAT index */

static TABLE uint64_t pml4[ENTRIES] = {0};
static TABLE uint64_t pdpt[ENTRIES] = {0};
static TABLE uint64_t directory[ENTRIES] = {0};
static TABLE uint64_t own_table[ENTRIES] = {0};
static TABLE uint64_t region_table[ENTRIES] = {0};

static uint64_t own_base;
static struct {
    uint64_t def_type, fixed[MTRR_FIXED_COUNT], range[2 * RANGES_MOST], syscfg, hwcr;
} firmware;
static uint32_t ranges;

bool is_amd(void)
{
    uint32_t vendor = cpuid(CPUID_VENDOR, 0).ecx;
    return vendor == CPUID_VENDOR_ECX_AMD || vendor == CPUID_VENDOR_ECX_HYGON;
}

static uint64_t physical(const void *own)
{
    return (uint64_t)own - HYPERVISOR_BASE + own_base;
}

static uint64_t region_base(void)
{
    return own_base + (REGION - HYPERVISOR_BASE);
}

static void map_large(uint64_t at, uint64_t base, uint64_t bytes, uint64_t bits)
{
    for (uint64_t i = 0; i < bytes / LARGE_PAGE_BYTES; i++)
        directory[LARGE(at) + i] = (base + i * LARGE_PAGE_BYTES) | PTE_OWN | PTE_PS | bits;
}

/* The region's large page of this number, in which the region ends. */
static void map_small(uint64_t page)
{
    uint64_t base = region_base() + page * LARGE_PAGE_BYTES;
    for (uint64_t i = 0; i < ENTRIES; i++)
        region_table[i] = (base + i * PAGE_BYTES) | PTE_OWN;
    directory[LARGE(REGION) + page] = physical(region_table) | PTE_OWN;
}

static bool has_mtrrs(void)
{
    return cpuid(CPUID_FEATURES, 0).edx & CPUID_1_EDX_MTRR;
}

static bool has_fixed(void)
{
    return msr_read(MSR_MTRR_CAP) & MTRR_CAP_FIX;
}

static void note_firmware(void)
{
    if (is_amd()) {
        firmware.syscfg = rdmsr(MSR_SYSCFG);
        firmware.hwcr = rdmsr(MSR_HWCR);
    }
    if (!has_mtrrs())
        return;
    uint64_t count = field_get(rdmsr(MSR_MTRR_CAP), MTRR_CAP_VCNT);
    ranges = count < RANGES_MOST ? (uint32_t)count : RANGES_MOST;
    firmware.def_type = rdmsr(MSR_MTRR_DEF_TYPE);
    for (uint32_t i = 0; i < 2 * ranges; i++)
        firmware.range[i] = msr_read(MSR_MTRR_PHYSBASE + i);
    for (uint32_t i = 0; has_fixed() && i < MTRR_FIXED_COUNT; i++)
        firmware.fixed[i] = rdmsr(mtrr_fixed[i]);
}

void memory_start(uint64_t base)
{
    own_base = base;
    note_firmware();
    pml4[0] = (BOOT_TABLES + PAGE_BYTES) | PTE_OWN;
    pml4[511] = physical(pdpt) | PTE_OWN;
    pdpt[510] = physical(directory) | PTE_OWN;
    directory[0] = physical(own_table) | PTE_OWN;
    for (uint64_t i = 0; i < ENTRIES; i++)
        own_table[i] = (base + i * PAGE_BYTES) | PTE_OWN;
    map_large(ALIAS, region_base(), REGION_MOST, PTE_PCD | PTE_PWT);
    map_large(OTHER, OTHER_BASE, OTHER_BYTES, 0);
    /* The loader's: devices, and a framebuffer below 4 GiB, whatever the MTRRs say of them. */
    uint64_t *low = (uint64_t *)(uint64_t)(BOOT_TABLES + 4 * PAGE_BYTES);
    for (uint32_t i = 0; i < 4 * ENTRIES; i++)
        low[i] |= PTE_PCD | PTE_PWT;
    wrmsr(MSR_PAT, PAT_HOST);
    write_cr3(physical(pml4));
}

volatile uint32_t *memory_frame(uint64_t framebuffer)
{
    uint64_t in_page = framebuffer % LARGE_PAGE_BYTES;
    if (directory[LARGE(FRAME)] == 0) {
        map_large(FRAME, framebuffer - in_page, FRAME_BYTES, PTE_LARGE_WC);
        write_cr3(read_cr3());
    }
    return (volatile uint32_t *)(FRAME + in_page);
}

/* ---- memory types ---- */

static void caches_off(void)
{
    write_cr0((read_cr0() | CR0_CD) & ~CR0_NW);
    asm volatile("wbinvd" : : : "memory");
    write_cr4(read_cr4() & ~CR4_PGE);
    write_cr3(read_cr3());
    if (has_mtrrs())
        wrmsr(MSR_MTRR_DEF_TYPE, 0);
}

static void caches_on(uint64_t def_type)
{
    if (has_mtrrs())
        wrmsr(MSR_MTRR_DEF_TYPE, def_type);
    asm volatile("wbinvd" : : : "memory");
    write_cr3(read_cr3());
    write_cr0(read_cr0() & ~(CR0_CD | CR0_NW));
}

static void set_range(uint32_t at, uint64_t base, uint64_t bytes)
{
    uint64_t mask = (BIT(physical_address_bits()) - 1) & ~(bytes - 1);
    msr_write(MSR_MTRR_PHYSBASE + 2 * at, base | MEMORY_TYPE_WB);
    msr_write(MSR_MTRR_PHYSBASE + 2 * at + 1, mask | MTRR_MASK_V);
}

void memory_freeze(uint64_t bytes, bool other)
{
    map_large(REGION, region_base(), REGION_MOST, 0);
    if (bytes % LARGE_PAGE_BYTES != 0)
        map_small(bytes / LARGE_PAGE_BYTES);
    caches_off();
    if (is_amd()) {
        wrmsr(MSR_SYSCFG, firmware.syscfg & ~SYSCFG_TOM2_WB);
        /* BKDG family 10h (31116), HWCR: INVD_WBINVD makes a WBINVD of INVD. */
        wrmsr(MSR_HWCR, firmware.hwcr & ~HWCR_INVD_WBINVD);
    }
    for (uint32_t i = 0; has_fixed() && i < MTRR_FIXED_COUNT; i++)
        wrmsr(mtrr_fixed[i], MEMORY_TYPE_UC);
    for (uint32_t i = 0; i < ranges; i++)
        msr_write(MSR_MTRR_PHYSBASE + 2 * i + 1, 0);
    set_range(0, own_base, OWN_BYTES);
    if (other)
        set_range(1, OTHER_BASE, OTHER_BYTES);
    /* Ranges are powers of two, each aligned to its own size: largest first keeps that true. */
    uint64_t base = region_base();
    for (uint32_t i = 2; bytes != 0; i++) {
        uint64_t part = BIT(63 - (uint32_t)__builtin_clzll(bytes));
        set_range(i, base, part);
        base += part;
        bytes -= part;
    }
    caches_on(MTRR_DEF_E | (has_fixed() ? MTRR_DEF_FE : 0) | MEMORY_TYPE_UC);
}

void memory_thaw(void)
{
    caches_off();
    if (is_amd()) {
        wrmsr(MSR_SYSCFG, firmware.syscfg);
        wrmsr(MSR_HWCR, firmware.hwcr);
    }
    for (uint32_t i = 0; has_mtrrs() && has_fixed() && i < MTRR_FIXED_COUNT; i++)
        wrmsr(mtrr_fixed[i], firmware.fixed[i]);
    for (uint32_t i = 0; i < 2 * ranges; i++)
        msr_write(MSR_MTRR_PHYSBASE + i, firmware.range[i]);
    caches_on(firmware.def_type);
}
