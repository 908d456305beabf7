/* amdvi.c — AMD-Vi: for each function an entry that is valid, translates nothing and permits
 * nothing; or, where pages are shared, translates by the same tables. Without one, its accesses
 * would pass.
 *
 * source  AMD I/O Virtualization Technology (IOMMU) Specification (48882), "I/O Virtualization
 *         Reporting Structure", "Device Table Entry Format", "I/O Page Tables", "MMIO
 *         Registers", "Commands"
 */
#include "cpu/registers.h"
#include "devices/chipset.h"
#include "iommu/units.h"
#include "report/panic.h"
#include "residency/memory_map.h"

#define IVRS_FIRST     48u
#define IVHD_10        0x10u            /* types of structures that name a unit */
#define IVHD_11        0x11u
#define IVHD_40        0x40u
#define IVHD_BYTES     24u
#define IVHD_BASE      8u
#define MMIO_BYTES     0x80000u         /* with performance counters; 16 KiB without */

#define DEVTAB_BASE    0x00u
#define CMDBUF_BASE    0x08u
#define CONTROL        0x18u
#define EXCLUSION_BASE 0x20u
#define EXT_FEATURE    0x30u
#define CMDBUF_HEAD    0x2000u
#define CMDBUF_TAIL    0x2008u
#define STATUS         0x2020u

#define CONTROL_IOMMU_EN  BIT(0)
#define CONTROL_COHERENT  BIT(10)       /* reads of the device table are snooped */
#define CONTROL_CMDBUF_EN BIT(12)
#define EFR_IASUP         BIT(6)        /* INVALIDATE_IOMMU_ALL */
#define COM_LEN_256       (UINT64_C(8) << 56)
#define STATUS_COM_WAIT_INT 0x4u
#define COMMAND(code)     (UINT64_C(code) << 60)
#define COMPLETION_WAIT   (COMMAND(1) | BIT(1))     /* says in STATUS: those before are done */
#define INVALIDATE_ALL    COMMAND(8)

#define DTE_V             BIT(0)
#define DTE_TV            BIT(1)        /* with mode 0 and neither IR nor IW: nothing passes */
#define DTE_DOMAIN        BIT(0)        /* in the second word */
#define LEVELS            4u
/* Alike in entries for devices and in those of tables: */
#define IR_IW             FIELD(62, 61)
#define NEXT_LEVEL        BIT(9)        /* times the level */
#define PR                BIT(0)        /* where an entry for a device has V */

/* One bus; each entry has four words. The commands have the last page. */
#define FUNCTIONS 256u
#define COMMANDS  (4 * FUNCTIONS)
static_assert(COMMANDS + PAGE_BYTES / 8 == UNIT_TABLE_WORDS, "device table, then commands");

static struct registers registers(const uint8_t *structure, uint16_t bytes)
{
    uint8_t type = structure[0];
    struct registers found = {0};
    if ((type != IVHD_10 && type != IVHD_11 && type != IVHD_40) || bytes < IVHD_BYTES)
        return found;
    __builtin_memcpy(&found.base, structure + IVHD_BASE, sizeof found.base);
    found.bytes = MMIO_BYTES;
    return found;
}

static void fill(void)
{
    for (uint32_t i = 0; i < FUNCTIONS; i++)
        unit_tables[4 * i] = DTE_V | DTE_TV;
    for (uint32_t i = COMMANDS; i < UNIT_TABLE_WORDS; i += 4) {
        unit_tables[i] = INVALIDATE_ALL;
        unit_tables[i + 2] = COMPLETION_WAIT;
    }
}

/* Has two commands more carried out. */
static void forget(uint64_t base)
{
    uint64_t tail = unit_read64(base, CMDBUF_TAIL);
    unit_write64(base, STATUS, STATUS_COM_WAIT_INT);
    unit_write64(base, CMDBUF_TAIL, (tail + 32) % PAGE_BYTES);
    unit_wait(base, STATUS, STATUS_COM_WAIT_INT, STATUS_COM_WAIT_INT);
}

static void lead_to_top(void)
{
    unit_levels = LEVELS;
    for (uint32_t i = 0; i < FUNCTIONS; i++) {
        unit_tables[4 * i] |= frozen_hpa(unit_top) | IR_IW | LEVELS * NEXT_LEVEL;
        unit_tables[4 * i + 1] = DTE_DOMAIN;
    }
}

static uint32_t deny_all(uint64_t base)
{
    if (memory_map.c_bit != 0)
        lead_to_top();
    if (!(unit_read64(base, EXT_FEATURE) & EFR_IASUP))
        panic(PANIC_IOMMU, base);
    unit_write64(base, CONTROL, 0);
    unit_write64(base, EXCLUSION_BASE, 0);
    unit_write64(base, DEVTAB_BASE, frozen_hpa(unit_tables) | (COMMANDS * 8 / PAGE_BYTES - 1));
    unit_write64(base, CMDBUF_BASE, frozen_hpa(&unit_tables[COMMANDS]) | COM_LEN_256);
    unit_write64(base, CMDBUF_HEAD, 0);
    unit_write64(base, CMDBUF_TAIL, 0);
    unit_write64(base, CONTROL, CONTROL_IOMMU_EN | CONTROL_COHERENT | CONTROL_CMDBUF_EN);
    forget(base);
    return unit_read64(base, CONTROL) & CONTROL_COHERENT ? DMA_SNOOPED : 0;
}

const struct unit_kind amdvi = {
    .id = DMA_AMDVI, .signature = IVRS_SIGNATURE, .first = IVRS_FIRST, .registers = registers,
    .pass = PR | IR_IW, .level_step = NEXT_LEVEL, .fill = fill, .functions = FUNCTIONS,
    .deny_all = deny_all, .forget = forget,
};
