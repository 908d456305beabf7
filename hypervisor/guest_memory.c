#include "guest_memory.h"

#include "engine/nested.h"
#include "memory.h"
#include "panic.h"
#include "registers.h"
#include "state.h"
#include "tracer.h"
#include "vectors.h"

#define NESTED_BITS 48u         /* what nested tables of four levels reach */
#define LOW_RAM_END 0xA0000u    /* above: VGA, option ROMs, BIOS */

/* Linux boot protocol (Documentation/arch/x86/zero-page): e820_entries and e820_table in boot_params. */
#define BOOT_PARAMS_E820_ENTRIES 0x1E8u
#define BOOT_PARAMS_E820_TABLE   0x2D0u
#define BOOT_PARAMS_E820_MAX     128u
#define BOOT_PARAMS_E820_BYTES   20u

static bool overlaps(struct memory_range range, uint64_t base, uint64_t end)
{
    return base < range.end && range.base < end;
}

static void add_ram(uint64_t base, uint64_t end)
{
    base = (base + PAGE_BYTES - 1) & ~(uint64_t)(PAGE_BYTES - 1);
    end &= ~(uint64_t)(PAGE_BYTES - 1);
    for (uint32_t i = 0; i < guest.hidden_ranges && base < end; i++) {
        struct memory_range hidden = guest.hidden[i];
        if (!overlaps(hidden, base, end))
            continue;
        if (base < hidden.base)
            add_ram(base, hidden.base);
        base = hidden.end;
    }
    if (base >= end)
        return;
    if (guest.ram_ranges == GUEST_RANGES)
        panic(PANIC_MEMORY_MAP, base);

    uint32_t at = guest.ram_ranges++;
    for (; at > 0 && guest.ram[at - 1].base > base; at--)
        guest.ram[at] = guest.ram[at - 1];
    guest.ram[at] = (struct memory_range){base, end};
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

void guest_memory_start(const struct boot_info *boot)
{
    uint64_t frozen_end = header.frozen_base + header.frozen_bytes;
    require_ram(boot, header.frozen_base, frozen_end);
    require_ram(boot, header.meta_base, header.meta_base + header.meta_bytes);

    uint64_t address_bits = cpuid(0x80000008, 0).eax & 0xFF;
    guest.physical_end = BIT(address_bits < NESTED_BITS ? address_bits : NESTED_BITS);
    guest.hidden[0] = (struct memory_range){header.frozen_base, frozen_end};
    guest.hidden[1] = (struct memory_range){header.meta_base, header.meta_base + header.meta_bytes};
    guest.hidden_ranges = 2;
    /* RAM that the image does not cover stays out of the guest's reach; devices between do not. */
    for (uint32_t i = 0; i < boot->e820_count; i++) {
        const struct e820_entry *entry = &boot->e820[i];
        uint64_t base = entry->base & ~(uint64_t)(PAGE_BYTES - 1);
        uint64_t end = (entry->base + entry->bytes + PAGE_BYTES - 1) & ~(uint64_t)(PAGE_BYTES - 1);
        if (base < header.covered_bytes)
            base = header.covered_bytes;
        if (entry->type == E820_RAM && base < end)
            guest.hidden[guest.hidden_ranges++] = (struct memory_range){base, end};
    }

    add_ram(0, LOW_RAM_END);    /* the firmware's own low pages too: its data goes through the pager as well */
    for (uint32_t i = 0; i < boot->e820_count; i++) {
        const struct e820_entry *entry = &boot->e820[i];
        uint64_t end = entry->base + entry->bytes;
        if (entry->type == E820_RAM && end > LOW_RAM_END)
            add_ram(entry->base < LOW_RAM_END ? LOW_RAM_END : entry->base, end);
    }
    for (uint32_t i = 0; i < header.run_count; i++) {
        uint64_t home = header.runs[i].home;
        uint64_t end = home + (uint64_t)header.runs[i].pages * PAGE_BYTES;
        if (!overlaps(guest.hidden[1], home, end) && guest_memory_range_end(home) < end)
            panic(PANIC_MEMORY_MAP, home);
    }
}

enum memory_kind guest_memory_kind(uint64_t gpa)
{
    for (uint32_t i = 0; i < guest.ram_ranges; i++)
        if (overlaps(guest.ram[i], gpa, gpa + 1))
            return MEMORY_RAM;
    for (uint32_t i = 0; i < guest.hidden_ranges; i++)
        if (overlaps(guest.hidden[i], gpa, gpa + 1))
            return MEMORY_STRAY;
    return gpa < guest.physical_end ? MEMORY_DEVICE : MEMORY_STRAY;
}

bool guest_memory_all_device(uint64_t base, uint64_t bytes)
{
    for (uint32_t i = 0; i < guest.ram_ranges; i++)
        if (overlaps(guest.ram[i], base, base + bytes))
            return false;
    for (uint32_t i = 0; i < guest.hidden_ranges; i++)
        if (overlaps(guest.hidden[i], base, base + bytes))
            return false;
    return base + bytes <= guest.physical_end;
}

uint64_t guest_memory_range_end(uint64_t gpa)
{
    for (uint32_t i = 0; i < guest.ram_ranges; i++)
        if (overlaps(guest.ram[i], gpa, gpa + 1))
            return guest.ram[i].end;
    return 0;
}

static slot_t require_slot(enum pager_status status, slot_t slot)
{
    switch (status) {
    case PAGER_OK:
        return slot;
    case PAGER_TAMPERED:
        panic_page(page_index(pager.failed), page_level(pager.failed));
    case PAGER_NO_VICTIM:
        panic(PANIC_NO_ROOM, pager.slot_count);
    case PAGER_COUNTER_USED_UP:
        panic(PANIC_COUNTER, pager.counter);
    }
    panic(PANIC_STATE, status);
}

slot_t guest_memory_open(uint64_t gpa)
{
    slot_t slot;
    vectors_save();
    enum pager_status status = pager_open(&pager, (uint32_t)(gpa / PAGE_BYTES), &slot);
    vectors_restore();
    return require_slot(status, slot);
}

void *guest_memory_page(uint64_t gpa, bool will_write)
{
    slot_t slot = pager_find(&pager, page_make(0, gpa / PAGE_BYTES));
    if (slot == SLOT_NONE)
        slot = guest_memory_open(gpa);
    pager_note_use(&pager, slot, (struct page_use){.accessed = true, .dirty = will_write});
    return pager_frame(&pager, slot);
}

void guest_memory_ahead(uint64_t gpa)
{
    uint32_t missed = (uint32_t)(gpa / PAGE_BYTES), first = missed & ~(pager.ahead - 1);

    if (pager.ahead == 1 || !pager_is_blank(&pager, pager.newcomer))
        return;
    vectors_save();
    for (uint32_t index = first; index < first + pager.ahead; index++) {
        uint64_t neighbour = (uint64_t)index * PAGE_BYTES;
        slot_t slot = SLOT_NONE;
        if (guest_memory_kind(neighbour) == MEMORY_RAM)
            (void)require_slot(pager_ahead(&pager, index, &slot), slot);
        if (slot == SLOT_NONE)
            continue;
        nested_map(neighbour, slot);
        tracer_count(COUNT_AHEAD, 0);
    }
    vectors_restore();
}

void guest_memory_adopt_low(void)
{
    for (uint64_t gpa = 0; gpa < LOW_RAM_END; gpa += PAGE_BYTES) {
        bool imaged = false;
        for (uint32_t i = 0; i < header.run_count; i++) {
            struct memory_range run = {header.runs[i].home,
                                       header.runs[i].home + (uint64_t)header.runs[i].pages * PAGE_BYTES};
            imaged |= overlaps(run, gpa, gpa + 1);
        }
        if (imaged || (gpa >= LOADER_LOW_BASE && gpa < LOADER_LOW_END))
            continue;
        slot_t slot = SLOT_NONE;
        (void)require_slot(pager_adopt(&pager, (uint32_t)(gpa / PAGE_BYTES), &slot), slot);
    }
}

static void put_e820(uint8_t *table, uint32_t *count, uint64_t base, uint64_t end, uint32_t type)
{
    if (base >= end || *count == BOOT_PARAMS_E820_MAX)
        return;
    struct __attribute__((packed)) { uint64_t base, bytes; uint32_t type; } entry = {base, end - base, type};
    static_assert(sizeof entry == BOOT_PARAMS_E820_BYTES);
    __builtin_memcpy(table + *count * sizeof entry, &entry, sizeof entry);
    (*count)++;
}

void guest_memory_fill_e820(uint64_t boot_params, const struct boot_info *boot)
{
    uint8_t *page = guest_memory_page(boot_params, true);
    uint8_t *table = page + BOOT_PARAMS_E820_TABLE;
    uint32_t count = 0;

    for (uint32_t i = 0; i < guest.ram_ranges; i++) {
        struct memory_range range = guest.ram[i];
        for (uint32_t j = 0; j < boot->e820_count; j++) {   /* only where the firmware gives it away too */
            const struct e820_entry *given = &boot->e820[j];
            uint64_t end = given->base + given->bytes;
            if (given->type == E820_RAM)
                put_e820(table, &count, given->base > range.base ? given->base : range.base,
                         end < range.end ? end : range.end, E820_RAM);
        }
    }
    for (uint32_t i = 0; i < boot->e820_count; i++)
        if (boot->e820[i].type != E820_RAM)
            put_e820(table, &count, boot->e820[i].base, boot->e820[i].base + boot->e820[i].bytes,
                     boot->e820[i].type);
    page[BOOT_PARAMS_E820_ENTRIES] = (uint8_t)count;
}

/* One entry of a guest page table, or of any guest memory: RAM through the pager, ROM as it is. */
static bool read_physical(uint64_t gpa, void *to, size_t bytes)
{
    const uint8_t *page;
    switch (guest_memory_kind(gpa)) {
    case MEMORY_RAM:
        page = guest_memory_page(gpa, false);
        break;
    case MEMORY_DEVICE:
        page = memory_dram(gpa & ~(uint64_t)(PAGE_BYTES - 1));
        break;
    case MEMORY_STRAY:
    default:
        return false;
    }
    __builtin_memcpy(to, page + gpa % PAGE_BYTES, bytes);
    return true;
}

/* Guest-linear to guest-physical: no paging, or 2 to 5 levels. APM vol 2, chapter 5. */
static bool translate(const struct guest_mode *mode, uint64_t linear, uint64_t *gpa)
{
    if (!(mode->cr0 & CR0_PG)) {
        *gpa = linear;
        return true;
    }
    bool wide = mode->cr4 & CR4_PAE;    /* 8-byte entries */
    uint32_t levels = !wide ? 2 : !(mode->efer & EFER_LMA) ? 3 : mode->cr4 & CR4_LA57 ? 5 : 4;
    uint32_t index_bits = wide ? 9 : 10;
    uint64_t table = mode->cr3 & (levels == 3 ? FIELD(31, 5) : PTE_FRAME);

    for (uint32_t level = levels; level > 0; level--) {
        uint32_t shift = 12 + index_bits * (level - 1);
        uint64_t index = linear >> shift & (BIT(index_bits) - 1);
        if (levels == 3 && level == 3)
            index &= 3;
        uint64_t entry = 0;
        if (!read_physical(table + index * (wide ? 8 : 4), &entry, wide ? 8 : 4) || !(entry & PTE_P))
            return false;
        bool has_large = wide ? level < levels || levels > 3 : mode->cr4 & CR4_PSE;
        if (level == 1 || (level < 4 && has_large && (entry & PTE_PS))) {
            uint64_t offset = linear & (BIT(shift) - 1);
            uint64_t frame = entry & PTE_FRAME;
            if (!wide && level == 2)    /* PSE: bits 20:13 of a 4 MiB entry are address bits 39:32 */
                frame |= (entry & FIELD(20, 13)) << 19;
            *gpa = (frame & ~(BIT(shift) - 1)) | offset;
            return true;
        }
        table = entry & PTE_FRAME;
    }
    return false;
}

size_t guest_memory_fetch(const struct guest_mode *mode, uint64_t linear, uint8_t *code, size_t bytes)
{
    size_t done = 0;
    while (done < bytes) {
        uint64_t at = linear + done, gpa;
        if (!mode->code_long)
            at &= UINT32_MAX;
        size_t chunk = PAGE_BYTES - at % PAGE_BYTES;
        if (chunk > bytes - done)
            chunk = bytes - done;
        if (!translate(mode, at, &gpa) || !read_physical(gpa, code + done, chunk))
            break;
        done += chunk;
    }
    return done;
}
