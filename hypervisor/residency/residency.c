#include "residency/residency.h"

#include "bytes.h"
#include "cpu/memory.h"
#include "cpu/vectors.h"
#include "keys/keys.h"
#include "report/panic.h"
#include "report/tracer.h"
#include "residency/memory_map.h"
#include "residency/shared.h"

#define NESTED_END      (UINT64_C(1) << 48)     /* what nested tables of four levels reach */
#define ABSENT_FRAMES   1u      /* behind the slots */
#define TABLES_MINIMUM  32u     /* four tables on the way to a page, for each page of an instruction
                                 * or so */
#define SLOTS_OF_TABLE  12u     /* for each of these, one nested-table page */
#define SLOTS_OF_IO_TABLE 16u   /* likewise, one of the IOMMU's */

extern uint8_t image_end[];     /* frostvisor.ld: the region's first free page */

struct pager pager;
static const struct image_header *header;
static struct nested_pool tables;

/* MARK: the division of the region */

static struct room divide(uint32_t slots)
{
    struct room room = {.slots = slots};
    /* More tables would stay empty. */
    uint64_t useful = header->covered_bytes / LARGE_PAGE_BYTES + TABLES_MINIMUM;
    room.table_pages = slots / SLOTS_OF_TABLE;
    if (room.table_pages < TABLES_MINIMUM)
        room.table_pages = TABLES_MINIMUM;
    if (room.table_pages > useful)
        room.table_pages = (uint32_t)useful;
    if (memory_map.c_bit != 0)
        room.io_table_pages = slots / SLOTS_OF_IO_TABLE;
    if (room.io_table_pages > useful)
        room.io_table_pages = (uint32_t)useful;
    room.io_tables = (uint64_t)room.table_pages * PAGE_BYTES;
    room.notes = room.io_tables + (uint64_t)room.io_table_pages * PAGE_BYTES;
    room.slot_table = room.notes + nested_note_bytes(room.table_pages);
    room.bucket_table = room.slot_table + slots * sizeof(struct slot);
    room.frames = room.bucket_table + pager_bucket_count(slots) * sizeof(slot_t);
    room.frames = (room.frames + PAGE_BYTES - 1) & ~(uint64_t)(PAGE_BYTES - 1);
    room.slots_base = frozen_hpa(image_end + room.frames);
    return room;
}

static struct room make_room(void)
{
    uint64_t bytes = header->frozen_bytes - ((uint64_t)image_end - HYPERVISOR_BASE);
    uint32_t slots = (uint32_t)(bytes / PAGE_BYTES);
    if (header->slot_limit != 0 && slots > header->slot_limit)
        slots = header->slot_limit;
    while (slots >= IMAGE_SLOTS_MINIMUM) {
        struct room room = divide(slots);
        if (room.frames + (uint64_t)(slots + ABSENT_FRAMES) * PAGE_BYTES <= bytes)
            return room;
        slots--;
    }
    panic_because(PANIC_NO_ROOM, slots, (const char *[]){", slots", 0});
}

/* MARK: what the pager asks of the machine */

static void *dram(void *, uint64_t home)
{
    return memory_dram(home);
}

static bool is_ram(void *, uint32_t index)
{
    return memory_map_kind((uint64_t)index * PAGE_BYTES) == MEMORY_RAM;
}

static void map(void *, slot_t slot, bool is_ahead)
{
    nested_map(slot);
    if (is_ahead)
        tracer_count(COUNT_AHEAD, 0);
}

static void page_event(void *, enum pager_event event, page_id page, enum page_state state,
                       uint64_t cycles)
{
    enum { SEALED = PAGE_SEALED + 1, DROPPED };     /* behind what an opened page may have been */
    static const struct { enum trace_kind kind; uint8_t page, metadata; } events[] = {
        [PAGE_BLANK] = {TRACE_OPEN, COUNT_OPEN_BLANK, COUNT_META_BLANK},
        [PAGE_IMAGED] = {TRACE_OPEN, COUNT_OPEN_IMAGED, COUNT_META_OPEN},
        [PAGE_SEALED] = {TRACE_OPEN, COUNT_OPEN_SEALED, COUNT_META_OPEN},
        [SEALED] = {TRACE_SEAL, COUNT_SEAL, COUNT_META_SEAL},
        [DROPPED] = {TRACE_DROP, COUNT_DROP, COUNT_META_DROP},
    };
    uint32_t level = page_level(page), detail = event == PAGER_OPENED ? (uint32_t)state : 0;
    uint32_t which =
        event == PAGER_OPENED ? (uint32_t)state : event == PAGER_SEALED ? SEALED : DROPPED;
    tracer_count(level == 0 ? events[which].page : events[which].metadata, cycles);
    tracer_event(events[which].kind, (uint8_t)level, detail, page_index(page), cycles);
}

static const struct pager_ops ops = {
    .dram = dram, .is_ram = is_ram, .take_back = shared_take_back, .map = map,
    .unmap = nested_unmap, .take_use = nested_take_use,
    .cipher_begins = vectors_save, .cipher_ends = vectors_restore, .event = page_event,
};

static void erase(void *owner)
{
    struct pager *pages = owner;
    bytes_wipe(pages->frames, (uint64_t)(pages->slot_count + ABSENT_FRAMES) * PAGE_BYTES);
    bytes_wipe(tables.tables, (uint64_t)tables.pages * PAGE_BYTES);
}

struct room residency_start(const struct image_header *image)
{
    header = image;
    struct room room = make_room();
    pager = (struct pager){
        .geometry = page_geometry_make(header->covered_bytes, header->meta_base),
        .root = header->root, .image_key = keys_image, .session_key = keys_session,
        .slots = (struct slot *)(image_end + room.slot_table),
        .buckets = (slot_t *)(image_end + room.bucket_table),
        .frames = image_end + room.frames, .slot_count = room.slots, .ops = &ops,
    };
    tables = (struct nested_pool){
        .tables = image_end, .notes = (struct nested_note *)(image_end + room.notes),
        .pages = room.table_pages, .slots = pager.slots, .frames = pager.frames,
        .absent = pager.frames + (uint64_t)room.slots * PAGE_BYTES,
    };
    pager_use_policy(&pager, (enum image_policy)header->policy, false);
    pager_start(&pager);
    wipe_also(erase, &pager);
    return room;
}

void residency_start_tables(const struct nested_format *format)
{
    nested_start(format, &tables);
    pager_use_policy(&pager, (enum image_policy)header->policy, format->keeps_use);
}

/* MARK: what the guest asks of the pager */

static void require(enum pager_status status)
{
    if (status == PAGER_TAMPERED)
        panic_page(page_index(pager.failed), page_level(pager.failed));
    if (status == PAGER_NO_VICTIM)
        panic_because(PANIC_NO_ROOM, pager.slot_count, (const char *[]){", slots", 0});
    if (status == PAGER_COUNTER_USED_UP)
        panic(PANIC_COUNTER, pager.counter);
    if (status != PAGER_OK)
        panic(PANIC_STATE, status);
}

enum trace_counter residency_miss(uint64_t gpa, uint32_t *flags)
{
    bool was_resident;
    enum memory_kind kind = memory_map_kind(gpa);

    if (gpa >= NESTED_END)
        panic(PANIC_STRAY, gpa);
    if (kind == MEMORY_DEVICE || kind == MEMORY_WATCHED) {
        nested_map_device(gpa, kind == MEMORY_WATCHED);
        *flags |= MISS_DEVICE;
        return COUNT_DEVICE_MISS;
    }
    if (kind == MEMORY_ABSENT) {
        nested_map_absent(gpa);
        *flags |= MISS_ABSENT;
        return COUNT_ABSENT_MISS;
    }
    require(pager_serve(&pager, (uint32_t)(gpa / PAGE_BYTES), &was_resident));
    *flags |= was_resident ? MISS_SOFT : 0u;
    return was_resident ? COUNT_SOFT_MISS : COUNT_MISS;
}

bool residency_share(uint64_t gpa)
{
    bool was_shared;
    require(pager_share(&pager, (uint32_t)(gpa / PAGE_BYTES), &was_shared));
    return !was_shared;
}

void residency_unmap(uint64_t gpa)
{
    slot_t slot = pager_find(&pager, page_make(0, gpa / PAGE_BYTES));
    if (slot != SLOT_NONE)
        pager.slots[slot].flags |= nested_unmap(0, slot);
}

void *residency_page(uint64_t gpa, bool will_write)
{
    slot_t slot = SLOT_NONE;
    require(pager_fetch(&pager, (uint32_t)(gpa / PAGE_BYTES), will_write, &slot));
    return pager_frame(&pager, slot);
}

/* Is the page part of the image, or was it the loader's? */
static bool is_taken(uint64_t gpa)
{
    if (gpa >= LOADER_LOW_BASE && gpa < LOADER_LOW_END)
        return true;
    for (uint32_t i = 0; i < header->run_count; i++) {
        uint64_t offset = gpa - header->runs[i].home;       /* wraps below it */
        if (offset < (uint64_t)header->runs[i].pages * PAGE_BYTES)
            return true;
    }
    return false;
}

static void adopt(uint64_t base, uint64_t end)
{
    slot_t slot;
    for (uint64_t gpa = base; gpa < end; gpa += PAGE_BYTES)
        if (!is_taken(gpa))
            require(pager_adopt(&pager, (uint32_t)(gpa / PAGE_BYTES), &slot));
}

void residency_adopt_firmware(void)
{
    adopt(0, MEMORY_LOW_END);
    for (uint64_t gpa = ROM_BASE; gpa < ROM_END; gpa += PAGE_BYTES) {
        void *page = residency_page(gpa, true);
        __builtin_memcpy(page, memory_dram(gpa), PAGE_BYTES);
    }
    for (uint32_t i = 1; i < memory_map.firmware_ranges; i++)       /* behind the ROMs */
        adopt(memory_map.firmware[i].base, memory_map.firmware[i].end);
}
