#define _GNU_SOURCE
#include "dram.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "plugin_base.h"
#include "record.h"
#include "shared_pages.h"

#define RUN_BYTES    (1u << 16)
#define HOMES        4096u

/* A transfer that grows as long as its neighbours follow. */
struct run {
    struct residency_transfer transfer;
    uint8_t                   bytes[RUN_BYTES];     /* of writes */
};

static struct {
    uint8_t   *view;                /* dram-final.bin, mapped */
    int        view_descriptor;
    bool       is_logging;
    struct run write, read;
    uint64_t   homes[HOMES];
    size_t     home_count;
} dram;

void dram_start(void)
{
    dram.view_descriptor = record_create("dram-final.bin");
    if (ftruncate(dram.view_descriptor, (off_t)machine.set.ram_bytes) != 0)
        give_up("cannot size the view of DRAM: %s", strerror(errno));
    dram.view = mmap(NULL, machine.set.ram_bytes, PROT_READ | PROT_WRITE, MAP_SHARED,
                     dram.view_descriptor, 0);
    if (dram.view == MAP_FAILED)
        give_up("cannot map the view of DRAM: %s", strerror(errno));
}

static void settle(struct run *run)
{
    struct residency_transfer *transfer = &run->transfer;

    if (transfer->bytes == 0)
        return;
    bool   has_bytes = transfer->record.kind == RESIDENCY_WRITE;
    size_t padded = has_bytes ? (transfer->bytes + 7) & ~7u : 0;
    transfer->record.bytes = (uint32_t)(sizeof *transfer + padded);
    if (record_bytes() + transfer->record.bytes > machine.set.log_limit) {
        machine.totals.is_truncated |= has_bytes;
    } else {
        memset(run->bytes + transfer->bytes, 0,
               padded > transfer->bytes ? padded - transfer->bytes : 0);
        record_append_bytes(transfer, sizeof *transfer);
        record_append_bytes(run->bytes, padded);
    }
    transfer->bytes = 0;
}

void dram_settle(void)
{
    settle(&dram.read);
    settle(&dram.write);
}

static bool follows(const struct residency_transfer *last, const struct residency_transfer *next)
{
    return last->bytes != 0 && last->address + last->bytes == next->address
        && last->bytes + next->bytes <= RUN_BYTES && last->kind == next->kind
            && last->rule == next->rule
        && last->access == next->access && last->type == next->type && last->mode == next->mode;
}

static void note_home(uint64_t address)
{
    uint64_t home = address & ~(uint64_t)(FRAME_BYTES - 1);

    if (machine.is_guest || in_region(home))
        return;
    if (dram.home_count > 0 && dram.homes[dram.home_count - 1] == home)
        return;
    if (dram.home_count == HOMES)
        give_up("more than %u frames of DRAM were written between two entries of the guest", HOMES);
    dram.homes[dram.home_count++] = home;
}

size_t dram_written_homes(uint64_t *homes, size_t room)
{
    size_t count = dram.home_count < room ? dram.home_count : room;

    memcpy(homes, dram.homes, count * sizeof *homes);
    memmove(dram.homes, dram.homes + count, (dram.home_count - count) * sizeof *homes);
    dram.home_count -= count;
    return count;
}

static void join(struct run *run, const struct residency_transfer *next, uint64_t offset)
{
    struct residency_transfer *transfer = &run->transfer;

    if (!follows(transfer, next)) {
        settle(run);
        *transfer = *next;
        transfer->record.instant = machine.instructions;
        transfer->bytes = 0;
    }
    if (next->record.kind == RESIDENCY_WRITE)
        memcpy(run->bytes + transfer->bytes, dram.view + offset, next->bytes);
    transfer->bytes += next->bytes;
    transfer->last_instant = machine.instructions;
}

/* The bytes are in RAM already: callbacks come after the store. RAM is read once, for the view: a
 * device may write a shared page at any time. */
void dram_moved(void *context, const struct bus_event *event)
{
    uint64_t offset = offset_of_address(event->address);
    bool     is_write = event->kind == BUS_WRITE_BACK || event->kind == BUS_WRITE;

    (void)context;
    if (offset == NOWHERE || event->kind >= BUS_DROP)
        return;
    if (is_write)
        memcpy(dram.view + offset, machine.ram + offset, event->bytes);
    if (!dram.is_logging)
        return;
    struct residency_transfer transfer = {
        .record.kind = is_write ? RESIDENCY_WRITE : RESIDENCY_READ, .address = event->address,
        .rip = event->tag, .bytes = event->bytes, .kind = event->kind, .rule = event->rule,
        .access = event->access, .type = event->type,
            .mode = machine.is_guest ? MODE_GUEST : MODE_HOST };
    join(is_write ? &dram.write : &dram.read, &transfer, offset);
    if (is_write)
        note_home(event->address);
}

static void unseen(uint64_t offset, uint32_t bytes)
{
    struct residency_transfer transfer = {
        .record.kind = RESIDENCY_WRITE, .address = address_of_offset(offset), .rip = NOWHERE,
            .bytes = bytes, .kind = BUS_WRITE,
        .mode = shared_pages_hold(address_of_offset(offset)) ? MODE_DEVICE : MODE_UNSEEN };

    memcpy(dram.view + offset, machine.ram + offset, bytes);
    if (dram.is_logging)
        join(&dram.write, &transfer, offset);
}

static uint64_t compare_frame(uint64_t offset)
{
    uint32_t line_bytes = machine.set.geometry.line_bytes;
    uint64_t differ = 0;

    for (uint64_t at = offset; at < offset + FRAME_BYTES; at += line_bytes) {
        if (memcmp(dram.view + at, machine.ram + at, line_bytes) == 0
            || cache_line_state(machine.cache, address_of_offset(at)) == LINE_MODIFIED)
            continue;
        unseen(at, line_bytes);
        differ += line_bytes;
    }
    return differ;
}

uint64_t dram_compare_frame(uint64_t address)
{
    return compare_frame(offset_of_address(address) & ~(uint64_t)(FRAME_BYTES - 1));
}

/* The end of the extent with data that begins at or after `*from`; holes in both files read as
 * zeroes alike. */
static uint64_t next_data(int descriptor, uint64_t *from)
{
    off_t start = lseek(descriptor, (off_t)*from, SEEK_DATA);

    if (start < 0) {
        *from = machine.set.ram_bytes;
        return machine.set.ram_bytes;
    }
    *from = (uint64_t)start & ~(uint64_t)(FRAME_BYTES - 1);
    off_t end = lseek(descriptor, start, SEEK_HOLE);
    return end < 0 ? machine.set.ram_bytes : (uint64_t)end;
}

uint64_t dram_compare(uint64_t *unseen_bytes)
{
    uint64_t frames = 0;

    *unseen_bytes = 0;
    for (uint64_t at = 0; at < machine.set.ram_bytes; ) {
        uint64_t in_ram = at, in_view = at;
        uint64_t ram_end = next_data(machine.ram_descriptor, &in_ram);
        uint64_t view_end = next_data(dram.view_descriptor, &in_view);
        uint64_t start = in_ram < in_view ? in_ram : in_view;
        uint64_t end = in_ram < in_view ? ram_end : view_end;
        for (at = start; at < end; at += FRAME_BYTES, frames++)
            if (memcmp(dram.view + at, machine.ram + at, FRAME_BYTES) != 0) {
                uint64_t differ = compare_frame(at);
                *unseen_bytes += shared_pages_hold(address_of_offset(at)) ? 0 : differ;
            }
    }
    return frames;
}

void dram_begin_log(void)
{
    int base = record_create("dram-base.bin");

    if (ftruncate(base, (off_t)machine.set.ram_bytes) != 0)
        give_up("cannot size dram-base.bin: %s", strerror(errno));
    for (uint64_t at = 0; at < machine.set.ram_bytes; ) {
        uint64_t end = next_data(dram.view_descriptor, &at);
        for (; at < end; at += FRAME_BYTES)
            if (pwrite(base, dram.view + at, FRAME_BYTES, (off_t)at) != FRAME_BYTES)
                give_up("cannot write dram-base.bin: %s", strerror(errno));
    }
    close(base);
    dram.is_logging = true;
}

void dram_end(void)
{
    dram_settle();
    munmap(dram.view, machine.set.ram_bytes);
    close(dram.view_descriptor);
}
