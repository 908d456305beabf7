/* start.c — the story: the other CPUs held, what the machine is, then one experiment after the
 * other, those last that may cost the machine. */
#include "boot/loader.h"
#include "devices/acpi.h"
#include "experiments.h"
#include "freeze/freeze.h"
#include "guard.h"
#include "memory.h"
#include "report.h"

#define REGION_LEAST   0x40000u
#define REGION_COMMON  0x800000u    /* more would take minutes where nothing is cacheable */
#define SECONDS_MOST   60u
#define SECONDS_HANG   1u

uint64_t values[SILICON_VALUES];
uint64_t region_bytes, cache_bytes;
static struct boot_info boot;

bool has_other(void)
{
    for (uint32_t i = 0; i < boot.e820_count && i < BOOT_E820_ENTRIES; i++) {
        const struct e820_entry *entry = &boot.e820[i];
        if (entry->type == E820_RAM && entry->base <= OTHER_BASE &&
            entry->base + entry->bytes >= OTHER_BASE + OTHER_BYTES)
            return true;
    }
    return false;
}

static void run_for(enum silicon_row row, void (*experiment)(void), bool is_offered,
                    uint64_t seconds)
{
    report_note(silicon_line(row)->name);
    enum silicon_outcome outcome = is_offered ? guard_run(experiment, seconds) : SILICON_ABSENT;
    uint64_t fault[] = {guard_fault.vector, guard_fault.error, guard_fault.address};
    report_line(row, outcome, outcome == SILICON_FAULT ? fault : values);
}

static void run(enum silicon_row row, void (*experiment)(void), bool is_offered)
{
    run_for(row, experiment, is_offered, SECONDS_MOST);
}

static void fault_on_purpose(void)
{
    asm volatile("ud2");
}

static void hang_on_purpose(void)
{
    for (;;)
        asm volatile("pause");
}

/* What fits the cache beside what is our own: hypervisor and region fit it together, too. Of its
 * binary digits as many count as there are memory-type registers to spare. */
static uint64_t largest_region(void)
{
    uint64_t rest = cache_bytes > OWN_BYTES ? cache_bytes - OWN_BYTES : 0, bytes = 0;
    if (rest >= REGION_MOST)
        return REGION_MOST;
    for (uint32_t i = 0; i < REGION_PARTS && rest >= OWN_BYTES; i++) {
        uint64_t part = BIT(63 - (uint32_t)__builtin_clzll(rest));
        bytes += part;
        rest -= part;
    }
    return bytes > REGION_LEAST ? bytes : REGION_LEAST;
}

/* That of all experiments but try_invd: at most half of the cache. */
static uint64_t common_region(void)
{
    uint64_t bytes = REGION_LEAST;
    while (bytes < REGION_COMMON && bytes * 4 <= cache_bytes)
        bytes *= 2;
    return bytes;
}

void start(uint64_t boot_info)
{
    boot = *(const struct boot_info *)boot_info;
    memory_start(((const struct image_header *)(uint64_t)boot.header)->frozen_base);
    report_start();
    guard_start();
    acpi_start(boot.rsdp);
    cache_bytes = freeze_cache_bytes();
    uint64_t largest = largest_region();
    inventory_report(cache_bytes, largest);

    run(ROW_GUARD_FAULT, fault_on_purpose, true);
    run_for(ROW_GUARD_HANG, hang_on_purpose, guard_has_watchdog(), SECONDS_HANG);

    region_bytes = common_region();
    run(ROW_LATENCY, measure_latency, has_clflush());
    run(ROW_MISSES, measure_misses, has_clflush() && has_misses());
    for (region_bytes = REGION_LEAST; region_bytes < largest; region_bytes *= 2)
        run(ROW_INVD, try_invd, true);
    region_bytes = largest;
    run(ROW_INVD, try_invd, true);
    region_bytes = common_region();
    run(ROW_THRASH, try_thrash, has_other());
    run(ROW_CLFLUSH, try_clflush, has_clflush());
    run(ROW_NTSTORE, try_ntstore, true);
    run(ROW_CLDEMOTE, try_cldemote, has_cldemote());
    run(ROW_UCALIAS, try_ucalias, true);
    run(ROW_REPMOVS, try_repmovs, true);
    run(ROW_CODE, try_code, true);
    run(ROW_CD_READ, try_cd_read, true);
    run(ROW_CD_WRITE, try_cd_write, true);
    run(ROW_CD_LATE, try_cd_late, true);
    run(ROW_CD_TIME, measure_cd, true);
    run(ROW_CAT, try_cat, has_cat());
    cat_end();
    run(ROW_SMI, try_smi, has_smi());
    run(ROW_SMI_INVD, try_smi_invd, has_smi());
    report_line(ROW_EPT, SILICON_UNBUILT, 0);
    report_line(ROW_MISSPATH, SILICON_UNBUILT, 0);
    report_end();
}
