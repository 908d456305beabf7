#include "residency/memory_map.h"

#include "cpu/registers.h"
#include "report/panic.h"

struct memory_map memory_map;

static uint64_t page_down(uint64_t address)
{
    return address & ~(uint64_t)(PAGE_BYTES - 1);
}

static void add_ram(uint64_t base, uint64_t end)
{
    base = page_down(base + PAGE_BYTES - 1);
    end = page_down(end);
    for (uint32_t i = 0; i < memory_map.hidden_ranges && base < end; i++) {
        struct memory_range hidden = memory_map.hidden[i];
        if (!memory_overlaps(hidden, base, end))
            continue;
        if (base < hidden.base)
            add_ram(base, hidden.base);
        base = hidden.end;
    }
    if (base >= end)
        return;
    if (memory_map.ram_ranges == MEMORY_RAM_RANGES)
        panic(PANIC_MEMORY_MAP, base);

    uint32_t at = memory_map.ram_ranges++;
    for (; at > 0 && memory_map.ram[at - 1].base > base; at--)
        memory_map.ram[at] = memory_map.ram[at - 1];
    memory_map.ram[at] = (struct memory_range){base, end};
}

static void hide(uint64_t base, uint64_t end)
{
    memory_map.hidden[memory_map.hidden_ranges++] = (struct memory_range){base, end};
}

/* None of these accesses memory by itself. */
const struct memory_range memory_display = {MEMORY_LOW_END, ROM_BASE};
const struct memory_range memory_apics[MEMORY_APICS] = {
    {IO_APIC, IO_APIC + PAGE_BYTES},
    {LOCAL_APIC, LOCAL_APIC + PAGE_BYTES},      /* its base stays (guest/msr.c) */
};

static void add_firmware(uint64_t base, uint64_t end)
{
    if (memory_map.firmware_ranges == MEMORY_FIRMWARE)
        panic(PANIC_MEMORY_MAP, base);
    memory_map.firmware[memory_map.firmware_ranges++] = (struct memory_range){base, end};
}

/* Nested tables of four levels reach 48 bits. */
static uint64_t highest_c_bit(void)
{
    uint64_t bits = physical_address_bits();
    return BIT((bits < 48 ? bits : 48) - 1);
}

/* Does any address of the range bear the bit, or lie beyond the highest? */
static bool bears(struct memory_range range, uint64_t bit)
{
    return (range.base & bit) != 0 || (range.base & ~(bit - 1)) + bit < range.end ||
           range.end > 2 * highest_c_bit();
}

/* The highest bit that no address of RAM or of a device bears: firmware may have put devices into
 * the last of the addresses. */
static void place_c_bit(void)
{
    memory_map.c_bit = highest_c_bit();
    for (uint32_t i = 0; i < memory_map.window_ranges && memory_map.c_bit >= BIT(32);) {
        if (!bears(memory_map.windows[i], memory_map.c_bit)) {
            i++;
            continue;
        }
        memory_map.c_bit >>= 1;
        i = 0;
    }
    if (memory_map.c_bit < memory_map.ram_end || memory_map.c_bit < BIT(32))
        panic_because(PANIC_MEMORY_MAP, memory_map.c_bit,
                      (const char *[]){": RAM and devices leave no address bit for the C-bit", 0});
}

void memory_map_add_window(uint64_t base, uint64_t end)
{
    if (memory_map.window_ranges == MEMORY_WINDOWS)
        panic(PANIC_MEMORY_MAP, base);
    memory_map.windows[memory_map.window_ranges++] =
        (struct memory_range){page_down(base), page_down(end + PAGE_BYTES - 1)};
    if (memory_map.c_bit != 0)
        place_c_bit();
}

uint32_t memory_map_narrowed(void)
{
    return memory_map.c_bit != highest_c_bit()
        ? 0 : (uint32_t)(physical_address_bits() - (uint64_t)__builtin_ctzll(memory_map.c_bit));
}

/* Does the firmware keep its tables there? It says so of ACPI's; of what else it reserves the part
 * does that follows RAM or such tables, and the rest are devices. */
static bool is_tables(const struct boot_info *boot, const struct e820_entry *entry)
{
    if (entry->type == E820_ACPI || entry->type == E820_NVS)
        return true;
    for (uint32_t i = 0; i < boot->e820_count && entry->type == E820_RESERVED; i++) {
        const struct e820_entry *other = &boot->e820[i];
        if (other->type != E820_RESERVED && other->base + other->bytes == entry->base)
            return true;
    }
    return false;
}

static void require_ram(const struct boot_info *boot, uint64_t base, uint64_t end)
{
    for (uint32_t i = 0; i < boot->e820_count; i++) {
        const struct e820_entry *entry = &boot->e820[i];
        if (entry->type == E820_RAM && entry->base <= base && end <= entry->base + entry->bytes)
            return;
    }
    panic(PANIC_MEMORY_MAP, base);
}

void memory_map_start(const struct image_header *header, const struct boot_info *boot)
{
    uint64_t frozen_end = header->frozen_base + header->frozen_bytes;
    uint64_t meta_end = header->meta_base + header->meta_bytes;
    memory_map.ram_end = header->covered_bytes;
    if (header->devices == DEVICES_SHARED)
        place_c_bit();
    require_ram(boot, header->frozen_base, frozen_end);
    require_ram(boot, header->meta_base, meta_end);

    hide(header->frozen_base, frozen_end);
    hide(header->meta_base, meta_end);
    /* RAM that the image does not cover stays out of the guest's reach. */
    for (uint32_t i = 0; i < boot->e820_count; i++) {
        const struct e820_entry *entry = &boot->e820[i];
        uint64_t base = page_down(entry->base);
        uint64_t end = page_down(entry->base + entry->bytes + PAGE_BYTES - 1);
        if (base < header->covered_bytes)
            base = header->covered_bytes;
        if (entry->type == E820_RAM && base < end)
            hide(base, end);
    }

    add_firmware(ROM_BASE, ROM_END);
    add_ram(0, MEMORY_LOW_END);    /* the firmware's low pages too: its data goes through the
                                    * pager */
    for (uint32_t i = 0; i < boot->e820_count; i++) {
        const struct e820_entry *entry = &boot->e820[i];
        uint64_t end = entry->base + entry->bytes;
        if (entry->type == E820_RAM && end > MEMORY_LOW_END)
            add_ram(entry->base < MEMORY_LOW_END ? MEMORY_LOW_END : entry->base, end);
        else if (is_tables(boot, entry) && entry->base > MEMORY_LOW_END &&
                 end <= header->covered_bytes)
            add_firmware(page_down(entry->base), page_down(end + PAGE_BYTES - 1));
    }
    for (uint32_t i = 0; i < header->run_count; i++) {
        uint64_t home = header->runs[i].home;
        uint64_t end = home + (uint64_t)header->runs[i].pages * PAGE_BYTES;
        if (!memory_overlaps(memory_map.hidden[1], home, end) && memory_map_range_end(home) < end)
            panic(PANIC_MEMORY_MAP, home);
    }
}

uint64_t memory_map_range_end(uint64_t gpa)
{
    const struct memory_range *range =
        memory_find(memory_map.ram, memory_map.ram_ranges, gpa, gpa + 1);
    return range != 0 ? range->end : 0;
}

uint64_t memory_map_ram_bytes(void)
{
    uint64_t bytes = 0;
    for (uint32_t i = 0; i < memory_map.ram_ranges; i++)
        bytes += memory_map.ram[i].end - memory_map.ram[i].base;
    return bytes;
}
