/* loader.c — from UEFI to the hypervisor's first 64-bit instruction: what loader.asm is for a BIOS.
 *
 * The image is a section of this very application: the firmware reads, measures and verifies all of
 * it, and nothing else is read. Its pages may lie where others of them must go, and so may this
 * code: it ends in the loader's low memory, where the BIOS's loader runs too.
 */
#include <stdbool.h>

#include "boot/loader.h"
#include "boot/uefi/efi.h"
#include "boot/uefi/event_log.h"
#include "contract.h"

#define LARGE_PAGE      UINT64_C(0x200000)
#define FROZEN_PAGES    128u            /* of these: as much as a frozen region may have */
#define TABLE_ENTRIES   512u
#define PRESENT         3u              /* and writable */
#define PRESENT_LARGE   0x83u
#define CR4_LA57        (UINT64_C(1) << 12)
#define LOW_BYTES       (UINT64_C(1) << 32)     /* that the page tables map */
#define MAP_BYTES       0x10000u

/* In the loader's low memory: this code, one page that waits for its place, and a bit for each page
 * that is on its way. */
#define LOADER_CODE     (LOADER_LOW_BASE + LOADER_CODE_OFFSET)
#define LOADER_WAITING  (LOADER_LOW_BASE + 0x10000u)
#define LOADER_CARRIED  (LOADER_WAITING + PAGE_BYTES)
#define LOADER_MOVED    (LOADER_CARRIED + PAGE_BYTES)
#define MOVED_BYTES     (LOADER_LOW_END - LOADER_MOVED)

efi_status efi_main(efi_handle self, const struct efi_system_table *system);
[[noreturn]] void leave_firmware(void (*function)(uint64_t), uint64_t argument, uint64_t stack,
                                 uint64_t page_tables);
[[noreturn]] void enter_hypervisor(void);

extern const uint8_t __ImageBase[];     /* lld-link: where the firmware put this application */
extern const struct image_header image; /* leave.asm; behind it the hypervisor, and the payload */

static uint8_t map[MAP_BYTES];
static uint64_t map_bytes, descriptor_bytes;

static struct boot_info *const boot = (struct boot_info *)(uint64_t)BOOT_INFO_BASE;
static const struct image_header *const header =
    (const struct image_header *)(uint64_t)LOADER_LOW_BASE;

static void say(const struct efi_system_table *system, const uint16_t *text)
{
    system->console_out->output_string(system->console_out, text);
}

static efi_status refuse(const struct efi_system_table *system, const uint16_t *why,
                         const uint16_t *more)
{
    say(system, u"frostvisor: ");
    say(system, why);
    say(system, more);
    say(system, u"\r\n");
    return EFI_LOAD_ERROR;
}

static uint64_t page_count(const struct image_header *header)
{
    uint64_t pages = header->hypervisor_sectors * IMAGE_SECTOR_BYTES / PAGE_BYTES;
    for (uint32_t i = 0; i < header->run_count; i++)
        pages += header->runs[i].pages;
    return pages;
}

/* ---- what the firmware keeps ---- */

/* What its map calls free once boot services have ended. */
static bool is_given(uint32_t type)
{
    return type == EFI_LOADER_CODE || type == EFI_LOADER_DATA || type == EFI_BOOT_SERVICES_CODE ||
           type == EFI_BOOT_SERVICES_DATA || type == EFI_CONVENTIONAL_MEMORY;
}

static const struct efi_memory_descriptor *descriptor_at(uint64_t offset)
{
    return (const struct efi_memory_descriptor *)(map + offset);
}

static bool read_map(const struct efi_boot_services *services, uint64_t *key)
{
    uint32_t version;
    map_bytes = sizeof map;
    return services->get_memory_map(&map_bytes, map, key, &descriptor_bytes, &version) == 0;
}

/* The first address of [base, end) that the firmware does not give away; `end`: it gives all. */
static uint64_t first_kept(uint64_t base, uint64_t end)
{
    for (uint64_t at = 0; at < map_bytes && base < end; at += descriptor_bytes) {
        const struct efi_memory_descriptor *next = descriptor_at(at);
        uint64_t next_end = next->physical_start + next->pages * PAGE_BYTES;
        if (is_given(next->type) && next->physical_start <= base && base < next_end) {
            base = next_end;
            at = -descriptor_bytes;     /* the map is in no order */
        }
    }
    return base < end ? base : end;
}

/* Below 4 GiB, as all that an image puts somewhere. */
static bool tell_if_kept(const struct efi_system_table *system, uint64_t base, uint64_t bytes)
{
    static const uint16_t digits[] = u"0123456789ABCDEF";
    uint64_t kept = first_kept(base, base + bytes);
    uint16_t number[] = u"00000000h, where this image puts something: it wants more RAM";
    if (kept == base + bytes)
        return false;
    for (uint32_t i = 0; i < 8; i++)
        number[i] = digits[kept >> (28 - 4 * i) & 0xF];
    refuse(system, u"the firmware keeps ", number);
    return true;
}

static bool has_conflict(const struct efi_system_table *system)
{
    for (uint32_t i = 0; i < image.run_count; i++)
        if (tell_if_kept(system, image.runs[i].home, image.runs[i].pages * (uint64_t)PAGE_BYTES))
            return true;
    return tell_if_kept(system, LOADER_LOW_BASE, LOADER_LOW_END - LOADER_LOW_BASE) ||
           tell_if_kept(system, image.frozen_base, image.frozen_bytes) ||
           tell_if_kept(system, image.meta_base, image.meta_bytes);
}

/* As a BIOS would tell it. */
static uint32_t e820_type(uint32_t type)
{
    return is_given(type) ? E820_RAM : type == EFI_ACPI_RECLAIM_MEMORY ? E820_ACPI :
           type == EFI_ACPI_MEMORY_NVS ? E820_NVS : E820_RESERVED;
}

static bool fill_e820(void)
{
    for (uint64_t at = 0; at < map_bytes; at += descriptor_bytes) {
        const struct efi_memory_descriptor *next = descriptor_at(at);
        uint32_t type = e820_type(next->type), count = boot->e820_count;
        struct e820_entry *last = count != 0 ? &boot->e820[count - 1] : 0;
        if (last != 0 && last->type == type && last->base + last->bytes == next->physical_start) {
            last->bytes += next->pages * PAGE_BYTES;
            continue;
        }
        if (count == BOOT_E820_ENTRIES)
            return false;
        boot->e820[boot->e820_count++] = (struct e820_entry){
            next->physical_start, next->pages * PAGE_BYTES, type, 1};
    }
    return true;
}

static const void *find_table(const struct efi_system_table *system, uint64_t low, uint64_t high)
{
    for (uint64_t i = 0; i < system->configuration_tables; i++) {
        const struct efi_configuration_table *next = &system->configuration_table[i];
        if (next->guid.low == low && next->guid.high == high)
            return next->table;
    }
    return 0;
}

/* The header as it stands beside this application, with the image's keys, into the low memory. What
 * of it is measured and signed must be what stands here. */
static bool read_header(const struct efi_boot_services *services, efi_handle self)
{
    static const struct efi_guid loaded = {EFI_LOADED_IMAGE_LOW, EFI_LOADED_IMAGE_HIGH};
    static const struct efi_guid blocks = {EFI_BLOCK_IO_LOW, EFI_BLOCK_IO_HIGH};
    const struct efi_loaded_image *own;
    struct efi_block_io *disk;
    uint8_t *to = (uint8_t *)(uint64_t)LOADER_LOW_BASE;
    if (services->handle_protocol(self, &loaded, (void **)&own) != 0 ||
        services->handle_protocol(own->device, &blocks, (void **)&disk) != 0 ||
        disk->read_blocks(disk, *disk->media, IMAGE_ESP_HEADER, sizeof image, to) != 0)
        return false;
    for (uint32_t i = 0; i < IMAGE_AUTHENTICATED_BYTES; i++)
        if (to[i] != ((const uint8_t *)&image)[i])
            return false;
    return true;
}

/* ---- in the loader's low memory ---- */

/* As loader.asm: the first 4 GiB where they are, the frozen region at HYPERVISOR_BASE. */
static void fill_tables(void)
{
    uint64_t *tables = (uint64_t *)(uint64_t)BOOT_TABLES;
    __builtin_memset(tables, 0, 8 * PAGE_BYTES);
    tables[0] = (BOOT_TABLES + 1 * PAGE_BYTES) | PRESENT;
    tables[511] = (BOOT_TABLES + 2 * PAGE_BYTES) | PRESENT;
    tables[2 * TABLE_ENTRIES + 510] = (BOOT_TABLES + 3 * PAGE_BYTES) | PRESENT;
    for (uint64_t i = 0; i < FROZEN_PAGES; i++)
        tables[3 * TABLE_ENTRIES + i] = (header->frozen_base + i * LARGE_PAGE) | PRESENT_LARGE;
    for (uint64_t i = 0; i < 4; i++)
        tables[1 * TABLE_ENTRIES + i] = (BOOT_TABLES + (4 + i) * PAGE_BYTES) | PRESENT;
    for (uint64_t i = 0; i < LOW_BYTES / LARGE_PAGE; i++)
        tables[4 * TABLE_ENTRIES + i] = i * LARGE_PAGE | PRESENT_LARGE;
}

/* Where a page of the image belongs. */
static uint64_t home_of(uint64_t page)
{
    uint64_t own = header->hypervisor_sectors * IMAGE_SECTOR_BYTES / PAGE_BYTES;
    if (page < own)
        return header->frozen_base + page * PAGE_BYTES;
    page -= own;
    const struct image_run *run = header->runs;
    for (; page >= run->pages; run++)
        page -= run->pages;
    return run->home + page * PAGE_BYTES;
}

static void copy_page(uint64_t to, uint64_t from)
{
    __builtin_memcpy((void *)to, (const void *)from, PAGE_BYTES);
}

static bool take(uint64_t page)
{
    uint8_t *bits = (uint8_t *)(uint64_t)LOADER_MOVED + page / 8, bit = (uint8_t)(1 << page % 8);
    bool is_first = !(*bits & bit);
    *bits |= bit;
    return is_first;
}

/* A page is carried to its home; one that lies there goes to its own home next. */
static void move_pages(uint64_t base)
{
    uint64_t pages = page_count(header);
    for (uint64_t first = 0; first < pages; first++) {
        if (!take(first))
            continue;
        copy_page(LOADER_CARRIED, base + first * PAGE_BYTES);
        for (uint64_t page = first;;) {
            uint64_t home = home_of(page), there = (home - base) / PAGE_BYTES;
            bool is_waiting = home >= base && there < pages && take(there);
            if (is_waiting)
                copy_page(LOADER_WAITING, home);
            copy_page(home, LOADER_CARRIED);
            if (!is_waiting)
                break;
            copy_page(LOADER_CARRIED, LOADER_WAITING);
            page = there;
        }
    }
    enter_hypervisor();
}

/* ---- */

static uint64_t read_cr4(void)
{
    uint64_t value;
    asm volatile("mov %%cr4, %0" : "=r"(value));
    return value;
}

efi_status efi_main(efi_handle self, const struct efi_system_table *system)
{
    const struct efi_boot_services *services = system->boot_services;
    uint64_t low = LOADER_LOW_BASE, pages = page_count(&image), key;
    uint64_t base = (uint64_t)&image + sizeof image;

    say(system, u"frostvisor: loading\r\n");
    if (read_cr4() & CR4_LA57)
        return refuse(system, u"the firmware uses five levels of page tables", u"");
    if (pages / 8 >= MOVED_BYTES)
        return refuse(system, u"the guest is too large to be started by UEFI", u"");
    if (!read_map(services, &key) || has_conflict(system))
        return EFI_LOAD_ERROR;
    if (base + pages * PAGE_BYTES > LOW_BYTES) {
        uint64_t lower = LOW_BYTES - 1;
        if (services->allocate_pages(EFI_ALLOCATE_MAX_ADDRESS, EFI_LOADER_DATA, pages, &lower) != 0)
            return refuse(system, u"no room for the image below 4 GiB", u"");
        __builtin_memcpy((void *)lower, (const void *)base, pages * PAGE_BYTES);
        base = lower;
    }
    if (services->allocate_pages(EFI_ALLOCATE_ADDRESS, EFI_LOADER_DATA,
                                 (LOADER_LOW_END - LOADER_LOW_BASE) / PAGE_BYTES, &low) != 0)
        return refuse(system, u"the firmware uses memory between 60000h and 90000h", u"");

    __builtin_memset((void *)low, 0, LOADER_LOW_END - LOADER_LOW_BASE);
    if (!read_header(services, self))
        return refuse(system, u"the partition that this application was started from is not its "
                              "image's", u"");
    boot->header = LOADER_LOW_BASE;
    const void *rsdp = find_table(system, EFI_ACPI_20_LOW, EFI_ACPI_20_HIGH);
    boot->rsdp = (uint32_t)(uint64_t)rsdp;
    fill_tables();
    /* This code, which is the application's first section and refers to nothing outside it. */
    const uint8_t *code = __ImageBase + PAGE_BYTES;
    __builtin_memcpy((void *)(uint64_t)LOADER_CODE, code, BOOT_INFO_BASE - LOADER_CODE);

    event_log_keep(services, rsdp, find_table(system, EFI_FINAL_LOW, EFI_FINAL_HIGH));
    if (!read_map(services, &key) || !fill_e820())
        return refuse(system, u"the firmware's memory map has too many entries", u"");
    /* Where the map has changed since, a second try with a new one is what the specification asks
     * for; nothing else may be called then. */
    if (services->exit_boot_services(self, key) != 0) {
        boot->e820_count = 0;
        if (!read_map(services, &key) || !fill_e820() ||
            services->exit_boot_services(self, key) != 0)
            return EFI_LOAD_ERROR;
    }
    event_log_finish();
    uint64_t moved = LOADER_CODE - (uint64_t)code;
    ((typeof(&leave_firmware))((uint64_t)leave_firmware + moved))(
        (void (*)(uint64_t))((uint64_t)move_pages + moved), base,
        LOADER_LOW_BASE + LOADER_STACK_OFFSET, BOOT_TABLES);
    __builtin_unreachable();
}
