#include "record.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "plugin_base.h"

#define BUFFER_BYTES (1u << 20)

static struct {
    int      descriptor;
    uint64_t bytes;
    uint8_t  buffer[BUFFER_BYTES];
    size_t   buffered;
} residency_log;

int record_create(const char *name)
{
    char path[4096];

    snprintf(path, sizeof path, "%s/%s", machine.set.record, name);
    int descriptor = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (descriptor < 0)
        give_up("cannot create %s: %s", path, strerror(errno));
    return descriptor;
}

static void write_all(int descriptor, const void *bytes, size_t count)
{
    const uint8_t *at = bytes;

    while (count > 0) {
        ssize_t written = write(descriptor, at, count);
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            give_up("cannot write to %s: %s", machine.set.record, strerror(errno));
        at += written;
        count -= (size_t)written;
    }
}

static void write_out(void)
{
    write_all(residency_log.descriptor, residency_log.buffer, residency_log.buffered);
    residency_log.buffered = 0;
}

void record_append_bytes(const void *bytes, size_t count)
{
    if (residency_log.buffered + count > BUFFER_BYTES)
        write_out();
    memcpy(residency_log.buffer + residency_log.buffered, bytes, count);
    residency_log.buffered += count;
    residency_log.bytes += count;
}

uint64_t record_bytes(void)
{
    return residency_log.bytes;
}

void record_append(enum residency_kind kind, void *record, size_t bytes)
{
    struct residency_record *head = record;

    *head = (struct residency_record){ kind, (uint32_t)bytes, machine.instructions };
    record_append_bytes(record, bytes);
}

void record_file(const char *name, const void *bytes, size_t count)
{
    int descriptor = record_create(name);

    write_all(descriptor, bytes, count);
    close(descriptor);
}

void record_start(void)
{
    const struct settings *set = &machine.set;
    struct residency_header header = {
        .magic = RESIDENCY_MAGIC, .version = RESIDENCY_VERSION, .header_bytes = sizeof header,
        .ram_bytes = set->ram_bytes, .low_ram_bytes = machine.low_ram_bytes,
        .region_base = set->region_base, .region_bytes = set->region_bytes,
        .text_bytes = set->text_bytes, .seed = set->seed, .vendor = set->vendor,
        .line_bytes = set->geometry.line_bytes, .sets = set->geometry.sets,
        .ways = set->geometry.ways, .slices = set->geometry.slices,
        .index = set->geometry.index, .replacement = set->geometry.replacement };

    if (set->preset)
        snprintf(header.preset, sizeof header.preset, "%s", set->preset);
    residency_log.descriptor = record_create("residency.log");
    record_append_bytes(&header, sizeof header);
}

void record_end(void)
{
    record_append(RESIDENCY_END, &machine.totals, sizeof machine.totals);
    write_out();
    close(residency_log.descriptor);
}
