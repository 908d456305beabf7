/* start.c — the story: check, freeze, unlock, launch, loop. */
#include "bytes.h"
#include "descriptors.h"
#include "engine/nested.h"
#include "exits.h"
#include "freeze.h"
#include "guest_memory.h"
#include "guest_msr.h"
#include "keys.h"
#include "memory.h"
#include "panic.h"
#include "platform.h"
#include "registers.h"
#include "serial.h"
#include "state.h"
#include "tracer.h"

#define POOL_MINIMUM    32u     /* four tables on the way to a page, for each page of an instruction or so */
#define POOL_SHARE      12u     /* one nested-table page for so many slots */
#define LARGE_BYTES     UINT64_C(0x200000)

extern uint8_t image_end[];     /* frostvisor.ld: the region's first free page */

struct guest guest;
struct pager pager;
struct image_header header;
const struct engine *engine;
static struct boot_info boot;

/* How the rest of the region is divided. */
struct room {
    uint32_t pool_pages, slots;
    uint64_t pool_notes, slot_table, bucket_table, frames;     /* offsets from image_end */
};

static uint64_t page_up(uint64_t bytes)
{
    return (bytes + PAGE_BYTES - 1) & ~(uint64_t)(PAGE_BYTES - 1);
}

static struct room divide(uint32_t slots)
{
    struct room room = {.slots = slots};
    uint64_t useful = header.covered_bytes / LARGE_BYTES + POOL_MINIMUM;    /* more tables would stay empty */
    room.pool_pages = slots / POOL_SHARE < POOL_MINIMUM ? POOL_MINIMUM : slots / POOL_SHARE;
    if (room.pool_pages > useful)
        room.pool_pages = (uint32_t)useful;
    room.pool_notes = (uint64_t)room.pool_pages * PAGE_BYTES;
    room.slot_table = room.pool_notes + nested_note_bytes(room.pool_pages);
    room.bucket_table = room.slot_table + slots * sizeof(struct slot);
    room.frames = page_up(room.bucket_table + pager_bucket_count(slots) * sizeof(slot_t));
    return room;
}

static struct room make_room(void)
{
    uint64_t bytes = header.frozen_bytes - ((uint64_t)image_end - HYPERVISOR_BASE);
    uint32_t slots = (uint32_t)(bytes / PAGE_BYTES);
    if (header.slot_limit != 0 && slots > header.slot_limit)
        slots = header.slot_limit;
    while (slots >= IMAGE_SLOTS_MINIMUM) {
        struct room room = divide(slots);
        if (room.frames + (uint64_t)slots * PAGE_BYTES <= bytes)
            return room;
        slots--;
    }
    panic(PANIC_NO_ROOM, slots);
}

static void *window(void *context, uint64_t home)
{
    (void)context;
    return memory_dram(home);
}

static struct page_use unmap(void *context, slot_t slot)
{
    (void)context;
    return nested_unmap(slot);
}

static bool accessed(void *context, slot_t slot)
{
    (void)context;
    return nested_accessed(slot);
}

static void page_event(void *context, enum pager_event event, page_id page, enum page_state state, uint64_t cycles)
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
    uint32_t which = event == PAGER_OPENED ? (uint32_t)state : event == PAGER_SEALED ? SEALED : DROPPED;
    (void)context;
    tracer_count(level == 0 ? events[which].page : events[which].metadata, cycles);
    tracer_event(events[which].kind, (uint8_t)level, detail, page_index(page), cycles);
}

static const struct pager_ops pager_ops = {.dram = window, .unmap = unmap, .accessed = accessed, .event = page_event};

/* The header is not authenticated yet: what is computed with these must not wrap, overlap, or leave our tables. */
static bool has_sane_addresses(void)
{
    uint64_t frozen_end = header.frozen_base + header.frozen_bytes, meta_end = header.meta_base + header.meta_bytes;
    uint64_t all = header.frozen_base | header.frozen_bytes | header.meta_base | header.covered_bytes;
    return all % PAGE_BYTES == 0 && header.frozen_base >= BIT(20) && header.frozen_base < BIT(32) &&
           header.frozen_bytes > (uint64_t)image_end - HYPERVISOR_BASE && header.frozen_bytes <= FROZEN_BYTES_MAX &&
           header.covered_bytes != 0 && header.covered_bytes <= BIT(40) && header.meta_base >= BIT(20) &&
           header.meta_base <= BIT(40) && (frozen_end <= header.meta_base || meta_end <= header.frozen_base);
}

static void read_header(uint64_t boot_info)
{
    boot = *(const struct boot_info *)boot_info;
    header = *(const struct image_header *)(uint64_t)boot.header;
    if (crc32(0, &header, offsetof(struct image_header, checksum)) != header.checksum ||
        __builtin_memcmp(header.magic, IMAGE_MAGIC, sizeof header.magic) != 0 || header.version != IMAGE_VERSION ||
        header.run_count > IMAGE_RUNS || !has_sane_addresses() ||
        page_geometry_make(header.covered_bytes, header.meta_base).meta_bytes != header.meta_bytes)
        panic(PANIC_HEADER, header.version);
}

static const struct engine *const engines[] = {&svm, &vmx};
#define ENGINES (sizeof engines / sizeof engines[0])

static void choose_engine(void)
{
    if (!gcm_supported() || !keys_random_supported())
        panic(PANIC_NO_CIPHER, cpuid(1, 0).ecx);
    const char *reasons[4 * ENGINES + 1] = {0};
    for (uint32_t i = 0; i < ENGINES; i++) {
        bool is_allowed = header.engine == ENGINE_ANY || header.engine == engines[i]->id;
        const char *lack = is_allowed ? engines[i]->lack() : "the image does not allow it";
        if (lack == 0) {
            engine = engines[i];
            return;
        }
        reasons[4 * i] = i == 0 ? ": " : "; ";
        reasons[4 * i + 1] = engines[i]->name;
        reasons[4 * i + 2] = ": ";
        reasons[4 * i + 3] = lack;
    }
    panic_because(PANIC_NO_ENGINE, header.engine, reasons);
}

/* The loader's memory becomes the guest's, blank: nothing of it may be left in DRAM. */
static void erase_loader(void)
{
    for (uint64_t at = LOADER_LOW_BASE; at < LOADER_LOW_END; at += PAGE_BYTES)
        bytes_wipe(memory_dram(at), PAGE_BYTES);
}

static void start_pager(const struct room *room)
{
    pager.geometry = page_geometry_make(header.covered_bytes, header.meta_base);
    pager.root = header.root;
    pager.image_key = keys_image;
    pager.session_key = keys_session;
    pager.slots = (struct slot *)(image_end + room->slot_table);
    pager.buckets = (slot_t *)(image_end + room->bucket_table);
    pager.frames = image_end + room->frames;
    pager.slot_count = room->slots;
    pager.ahead = 1;
    pager.policy = header.policy == POLICY_FIFO ? pager_policy_fifo : pager_policy_clock;
    pager.ops = &pager_ops;
    pager_start(&pager);
}

static void tell_facts(const struct room *room)
{
    uint64_t ram = 0;
    for (uint32_t i = 0; i < guest.ram_ranges; i++)
        ram += guest.ram[i].end - guest.ram[i].base;
    tracer_fact(FACT_ENGINE, engine->id);
    tracer_fact(FACT_RAM_BYTES, ram);
    tracer_fact(FACT_FROZEN_BASE, header.frozen_base);
    tracer_fact(FACT_FROZEN_BYTES, header.frozen_bytes);
    tracer_fact(FACT_SLOTS_BASE, frozen_hpa(image_end + room->frames));
    tracer_fact(FACT_SLOTS, room->slots);
    tracer_fact(FACT_TABLE_PAGES, room->pool_pages);
    tracer_fact(FACT_META_BASE, header.meta_base);
    tracer_fact(FACT_META_BYTES, header.meta_bytes);
    tracer_fact(FACT_POLICY, header.policy);
    tracer_fact(FACT_TRACE_EVERY, header.trace_every);
    tracer_fact(FACT_TEXT_BYTES, (uint64_t)image_end - HYPERVISOR_BASE);
}

/* The guest's first registers. */
static void greet(void)
{
    guest.regs.rip = header.entry;
    guest.regs.rsp = header.stack;
    guest.regs.rsi = header.rsi;
    guest.regs.rdi = guest_memory_range_end(0x100000);
    guest.regs.rbx = guest.pm1a_control;
    guest.regs.rdx = boot.drive;
}

[[noreturn]] void start(uint64_t boot_info);
void start(uint64_t boot_info)
{
    serial_start(COM1);
    tracer_start(0);
    descriptors_start();
    write_cr0((read_cr0() | CR0_MP | CR0_NE) & ~(CR0_EM | CR0_TS));
    write_cr4(read_cr4() | CR4_OSFXSR | CR4_OSXMMEXCPT);

    read_header(boot_info);
    tracer_start(header.trace_every);
    tracer_fact(FACT_FORMAT, TRACE_FORMAT);
    choose_engine();
    guest.pm1a_control = platform_pm1a_control();
    guest_memory_start(&boot);
    guest_msr_start();

    platform_stop_dma();    /* before there is anything to read */
    memory_start(header.frozen_base, header.frozen_bytes, header.freeze != FREEZE_WINDOW);
    uint64_t cycles = freeze((enum image_freeze)header.freeze, header.frozen_base, header.frozen_bytes);
    tracer_add((struct trace_record){.kind = TRACE_FREEZE, .detail = header.freeze, .cycles = cycles,
                                     .value = header.frozen_bytes});
    erase_loader();         /* after the freeze has written the caches back: no stale line may land on the zeroes */
    struct room room = make_room();
    tell_facts(&room);

    keys_unlock_image();
    keys_make_session();
    start_pager(&room);
    engine->prepare(&header, image_end, room.pool_pages, image_end + room.pool_notes);
    if (header.policy == POLICY_GCLOCK_AHEAD && nested_keeps_use()) {
        pager.patience = PAGER_PATIENCE;
        pager.ahead = PAGER_AHEAD;
    }
    guest_memory_adopt_low();
    if (header.e820_gpa != 0)
        guest_memory_fill_e820(header.e820_gpa, &boot);
    greet();
    tracer_add((struct trace_record){.kind = TRACE_LAUNCH});
    tracer_send();      /* whoever watches learns now that the guest runs */

    for (;;) {
        struct exit exit = engine->run();
        exit_handle(&exit);
        tracer_drain();
    }
}
