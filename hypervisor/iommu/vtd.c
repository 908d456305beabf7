/* vtd.c — Intel VT-d: a root table without an entry, so that no bus has a way to memory; or, where
 * pages are shared, one that leads all functions to the same tables.
 *
 * source  Intel Virtualization Technology for Directed I/O (D51397), "DMA Remapping Reporting
 *         Structure", "Root Entry", "Context Entry", "Second-Level Paging Entries", "Capability
 *         Register", "Global Command Register", "Global Status Register", "Context Command
 *         Register", "IOTLB Invalidate Register"
 */
#include "cpu/registers.h"
#include "devices/chipset.h"
#include "iommu/units.h"
#include "report/panic.h"
#include "residency/memory_map.h"

#define DMAR_FIRST     48u
#define DRHD           0u               /* type of the structure that names a unit */
#define DRHD_BYTES     16u
#define DRHD_SIZE      5u               /* registers take 2^N pages, N in bits 3:0 */
#define DRHD_BASE      8u

#define CAP_REG    0x08u
#define ECAP_REG   0x10u
#define GCMD_REG   0x18u
#define GSTS_REG   0x1Cu
#define RTADDR_REG 0x20u
#define CCMD_REG   0x28u
#define IOTLB_REG  8u                   /* from where ECAP_REG says */

#define CAP_SAGAW_4 BIT(10)             /* tables of four levels; else: */
#define CAP_SAGAW_3 BIT(9)
#define ECAP_C     BIT(0)               /* reads of the tables are snooped */
#define ECAP_IRO   FIELD(17, 8)         /* in units of 16 bytes */
/* Bits of command and status alike: */
#define GSTS_TES   0x80000000u          /* translation is on */
#define GSTS_RTPS  0x40000000u          /* the root table is taken */
#define GSTS_QIES  0x04000000u          /* invalidation by a queue in memory */
#define GSTS_IRES  0x02000000u          /* interrupts are remapped */
#define CCMD_ICC          BIT(63)
#define CCMD_CIRG_GLOBAL  BIT(61)
#define IOTLB_IVT         BIT(63)
#define IOTLB_IIRG_GLOBAL BIT(60)

#define ALL_FUNCTIONS 0x10000u

#define PRESENT        BIT(0)           /* of root and context entries */
#define CONTEXT_AW     (unit_levels - 2)    /* in the second word */
#define CONTEXT_DOMAIN BIT(8)
#define READ_WRITE     FIELD(1, 0)      /* of entries that translate */
/* The root table, then one context table for all buses. */
#define CONTEXTS       512u

static struct registers registers(const uint8_t *structure, uint16_t bytes)
{
    struct registers found = {0};
    if ((structure[0] | structure[1] << 8) != DRHD || bytes < DRHD_BYTES)
        return found;
    __builtin_memcpy(&found.base, structure + DRHD_BASE, sizeof found.base);
    found.bytes = (uint64_t)PAGE_BYTES << (structure[DRHD_SIZE] & 15);
    return found;
}

static void command(uint64_t base, uint32_t bits, uint32_t wait_for)
{
    unit_write32(base, GCMD_REG, bits);
    unit_wait(base, GSTS_REG, wait_for, wait_for);
}

static void forget(uint64_t base)
{
    uint32_t iotlb =
        (uint32_t)field_get(unit_read64(base, ECAP_REG), ECAP_IRO) * 16 + IOTLB_REG;
    unit_write64(base, iotlb, IOTLB_IVT | IOTLB_IIRG_GLOBAL);
    unit_wait(base, iotlb + 4, IOTLB_IVT >> 32, 0);
}

/* All units use the same tables. */
static void lead_to_top(uint64_t base)
{
    uint64_t widths = unit_read64(base, CAP_REG);
    uint32_t levels = widths & CAP_SAGAW_4 ? 4 : 3;
    if (!(widths & (CAP_SAGAW_4 | CAP_SAGAW_3)) || (unit_levels != 0 && unit_levels != levels))
        panic(PANIC_IOMMU, base);
    unit_levels = levels;
    for (uint32_t i = 0; i < CONTEXTS; i += 2) {
        unit_tables[i] = frozen_hpa(&unit_tables[CONTEXTS]) | PRESENT;
        unit_tables[CONTEXTS + i] = frozen_hpa(unit_top) | PRESENT;
        unit_tables[CONTEXTS + i + 1] = CONTEXT_DOMAIN | CONTEXT_AW;
    }
}

static uint32_t deny_all(uint64_t base)
{
    if (memory_map.c_bit != 0)
        lead_to_top(base);
    /* What firmware left on goes off, a field at a time, but for the translation itself. */
    uint32_t on = unit_read32(base, GSTS_REG) & (GSTS_TES | GSTS_QIES);
    unit_write32(base, GCMD_REG, on);
    unit_wait(base, GSTS_REG, GSTS_IRES, 0);
    on &= GSTS_TES;
    unit_write32(base, GCMD_REG, on);
    unit_wait(base, GSTS_REG, GSTS_QIES, 0);

    unit_write64(base, RTADDR_REG, frozen_hpa(unit_tables));
    command(base, on | GSTS_RTPS, GSTS_RTPS);
    unit_write64(base, CCMD_REG, CCMD_ICC | CCMD_CIRG_GLOBAL);
    unit_wait(base, CCMD_REG + 4, CCMD_ICC >> 32, 0);
    forget(base);
    command(base, GSTS_TES, GSTS_TES);
    return unit_read64(base, ECAP_REG) & ECAP_C ? DMA_SNOOPED : 0;
}

const struct unit_kind vtd = {
    .id = DMA_VTD, .signature = DMAR_SIGNATURE, .first = DMAR_FIRST, .registers = registers,
    .pass = READ_WRITE, .functions = ALL_FUNCTIONS, .deny_all = deny_all, .forget = forget,
};
