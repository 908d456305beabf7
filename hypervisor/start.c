/* start.c — the story: check, freeze, unlock, launch, loop. */
#include "boot/loader.h"
#include "bytes.h"
#include "cpu/descriptors.h"
#include "cpu/memory.h"
#include "cpu/registers.h"
#include "cpu/vectors.h"
#include "devices/acpi.h"
#include "devices/apic.h"
#include "devices/pci.h"
#include "devices/ports.h"
#include "engine/engine.h"
#include "freeze/freeze.h"
#include "guest/e820.h"
#include "guest/exits.h"
#include "guest/first_state.h"
#include "guest/msr.h"
#include "iommu/iommu.h"
#include "keys/keys.h"
#include "measure/measure.h"
#include "report/panic.h"
#include "report/serial.h"
#include "report/tracer.h"
#include "residency/memory_map.h"
#include "residency/residency.h"
#include "residency/shared.h"

extern uint8_t image_end[];     /* frostvisor.ld: the hypervisor's own part of the region ends
                                 * here */

static struct image_header header;
static struct boot_info boot;
static struct vcpu vcpu;

static uint64_t own_bytes(void)
{
    return (uint64_t)image_end - HYPERVISOR_BASE;
}

/* The header is not authenticated yet: what is computed with these must not wrap, overlap, or leave
 * our tables. */
static bool has_sane_addresses(void)
{
    uint64_t frozen_end = header.frozen_base + header.frozen_bytes;
    uint64_t meta_end = header.meta_base + header.meta_bytes;
    uint64_t all = header.frozen_base | header.frozen_bytes | header.meta_base |
        header.covered_bytes;
    return all % PAGE_BYTES == 0 && header.frozen_base >= BIT(20) && header.frozen_base < BIT(32) &&
           header.frozen_bytes > own_bytes() && header.frozen_bytes <= FROZEN_BYTES_MAX &&
           header.covered_bytes != 0 && header.covered_bytes <= BIT(40) &&
           header.meta_base >= BIT(20) && header.meta_base <= BIT(40) &&
           (frozen_end <= header.meta_base || meta_end <= header.frozen_base);
}

static void read_header(uint64_t boot_info)
{
    uint64_t magic, right;
    boot = *(const struct boot_info *)boot_info;
    header = *(const struct image_header *)(uint64_t)boot.header;
    __builtin_memcpy(&magic, header.magic, sizeof magic);
    __builtin_memcpy(&right, IMAGE_MAGIC, sizeof right);
    if (crc32(0, &header, offsetof(struct image_header, checksum)) != header.checksum ||
        boot.e820_count > BOOT_E820_ENTRIES ||
        magic != right || header.version != IMAGE_VERSION ||
        header.run_count > IMAGE_RUNS || !has_sane_addresses() ||
        page_geometry_make(header.covered_bytes, header.meta_base).meta_bytes != header.meta_bytes)
        panic(PANIC_HEADER, header.version);
}

/* What the image asks for, aloud before anyone types a passphrase: nothing has authenticated it. */
static void check_cache(void)
{
    uint64_t bytes = freeze_cache_bytes();
    tracer_fact(FACT_CACHE, header.cache);
    tracer_fact(FACT_CACHE_BYTES, bytes);
    if (header.cache == CACHE_ANY)
        console_text("frostvisor: for emulators: no cache is asked for\r\n");
    else if (header.frozen_bytes > bytes)
        panic_because(PANIC_FREEZE, bytes,
                      (const char *[]){": it is larger than the CPU's cache", 0});
}

static const struct gcm_kernel *choose_cipher(void)
{
    uint32_t features = cpuid(CPUID_FEATURES, 0).ecx;
    if (gcm_kernel_find(GCM_AESNI) == 0 || !(features & CPUID_1_ECX_RDRAND))
        panic_because(PANIC_NO_CIPHER, features,
                      (const char *[]){": this CPU lacks AES-NI, PCLMULQDQ or RDRAND", 0});
    const struct gcm_kernel *kernel = gcm_kernel_find((enum gcm_cipher)header.cipher);
    if (kernel == 0)
        panic_because(PANIC_NO_CIPHER, header.cipher,
                      (const char *[]){": this CPU lacks what the image's kernel needs", 0});
    return kernel;
}

/* Tables that change are seen by an IOMMU that snoops: others would go on with what DRAM has. */
static void stop_devices(void)
{
    uint32_t dma = iommu_deny_all();
    tracer_fact(FACT_DMA, dma);
    tracer_fact(FACT_C_BIT, memory_map.c_bit);
    if (memory_map.c_bit != 0 && dma != DMA_OPEN && !(dma & DMA_SNOOPED) &&
        header.cache != CACHE_ANY)
        panic_because(PANIC_IOMMU, dma,
                      (const char *[]){": it does not look into the cache for its tables", 0});
}

/* The loader's memory becomes the guest's, blank: nothing of it may be left in DRAM. After the
 * freeze has written the caches back: no stale line may land on the zeroes. */
static void erase_loader(void)
{
    for (uint64_t at = LOADER_LOW_BASE; at < LOADER_LOW_END; at += PAGE_BYTES)
        bytes_wipe(memory_dram(at), PAGE_BYTES);
}

static void tell_facts(const struct room *room, const struct gcm_kernel *kernel)
{
    tracer_fact(FACT_ENGINE, engine->id);
    tracer_fact(FACT_RAM_BYTES, memory_map_ram_bytes());
    tracer_fact(FACT_FROZEN_BASE, header.frozen_base);
    tracer_fact(FACT_FROZEN_BYTES, header.frozen_bytes);
    tracer_fact(FACT_SLOTS_BASE, room->slots_base);
    tracer_fact(FACT_SLOTS, room->slots);
    tracer_fact(FACT_TABLE_PAGES, room->table_pages);
    tracer_fact(FACT_META_BASE, header.meta_base);
    tracer_fact(FACT_META_BYTES, header.meta_bytes);
    tracer_fact(FACT_POLICY, header.policy);
    tracer_fact(FACT_TRACE_EVERY, header.trace_every);
    tracer_fact(FACT_TEXT_BYTES, own_bytes());
    tracer_fact(FACT_CIPHER, kernel->id);
}

void start(uint64_t boot_info)
{
    serial_start(COM1);
    tracer_start(0);
    descriptors_start();
    write_cr0((read_cr0() | CR0_MP | CR0_NE) & ~(CR0_EM | CR0_TS));
    /* Without MCE a machine check would be a shutdown, with the keys still there. */
    write_cr4(read_cr4() | CR4_OSFXSR | CR4_OSXMMEXCPT |
              (cpuid(CPUID_FEATURES, 0).edx & CPUID_1_EDX_MCE ? CR4_MCE : 0));

    read_header(boot_info);
    keys_start(&header);
    tracer_start(header.trace_every);
    tracer_fact(FACT_FORMAT, TRACE_FORMAT);
    vectors_start();
    const struct gcm_kernel *kernel = choose_cipher();
    engine_choose((enum image_engine)header.engine);
    acpi_start(boot.rsdp);
    check_cache();
    ports_start();
    memory_map_start(&header, &boot);
    measure_start();
    msr_start(&vcpu);

    /* Before there is anything to read. */
    iommu_find(pci_stop_dma(memory_map.c_bit != 0 ? memory_map_add_window : 0));
    acpi_hide();
    tracer_fact(FACT_OTHER_CPUS, acpi_hide_others(apic_hold_others()));
    memory_start(header.frozen_base, header.frozen_bytes);
    enum image_freeze strategy = (enum image_freeze)header.freeze;
    uint64_t cycles = freeze(strategy, header.frozen_base, header.frozen_bytes);
    tracer_add((struct trace_record){
        .kind = TRACE_FREEZE, .detail = strategy, .cycles = cycles, .value = header.frozen_bytes});
    stop_devices();
    erase_loader();
    measure_guest(&header);
    struct room room = residency_start(&header);
    tell_facts(&room, kernel);
    iommu_give_tables(image_end + room.io_tables, room.io_table_pages);
    if (memory_map.c_bit != 0)
        shared_start(iommu_share);

    keys_unlock_image(kernel);
    measure_phase(MEASURE_UNLOCKED);
    keys_make_session(kernel);
    vectors_give(kernel->state != 0);
    struct first_state state = first_state(&header);
    engine_prepare(&vcpu, &state, ports_bitmap);
    exits_start(&vcpu, &header);
    residency_adopt_firmware();
    measure_phase(MEASURE_LAUNCHED);
    measure_give_log();
    if (header.e820_gpa != 0)
        e820_fill(header.e820_gpa, &boot);
    vcpu.regs = first_registers(&header, &boot);
    tracer_add((struct trace_record){.kind = TRACE_LAUNCH});
    tracer_send();          /* tools learn now that the guest runs */

    for (;;) {
        struct exit exit;
        engine->run(&vcpu, &exit);
        exit_handle(&vcpu, &exit);
        tracer_drain();
    }
}
