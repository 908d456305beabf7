#define _GNU_SOURCE
#include "touches.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pager_view.h"
#include "plugin_base.h"
#include "touch_record.h"
#include "walk.h"

#define WINDOW       64u
#define TRANSLATIONS 64u        /* that are used without a walk; power of two. Few: a CPU forgets
                                   them at each eviction */

/* When a page was kept last, in touches kept; 0: never. */
struct kept {
    uint64_t at, as_written;
};

static struct {
    FILE        *file;
    struct kept *pages;
    uint64_t     page_count;
    uint64_t     count;
    uint64_t     last_frame;    /* the same again, and no more written than before: nothing new */
    bool         last_is_store;
} touches;

static struct { uint64_t page, generation; } walked[TRANSLATIONS];

static struct image_header read_header(const char *path)
{
    struct image_header header;
    FILE *image = fopen(path, "re");

    if (!image || fseek(image, IMAGE_HEADER_LBA * IMAGE_SECTOR_BYTES, SEEK_SET) != 0
        || fread(&header, sizeof header, 1, image) != 1)
        give_up("cannot read the image %s", path);
    fclose(image);
    return header;
}

void touches_start(void)
{
    char path[4096];

    if (!machine.set.touched_image)
        return;
    struct image_header  image = read_header(machine.set.touched_image);
    struct touch_header  header = {
        .magic = TOUCH_MAGIC, .version = TOUCH_VERSION, .window = WINDOW,
        .covered_bytes = image.covered_bytes, .run_count = image.run_count };

    memcpy(header.runs, image.runs, sizeof header.runs);
    touches.page_count = image.covered_bytes / FRAME_BYTES;
    touches.pages = calloc(touches.page_count, sizeof *touches.pages);
    snprintf(path, sizeof path, "%s/touches.bin", machine.set.record);
    touches.file = fopen(path, "we");
    if (!touches.pages || !touches.file || fwrite(&header, sizeof header, 1, touches.file) != 1)
        give_up("cannot create %s: %s", path, strerror(errno));
    touches.last_frame = NOWHERE;
}

static bool is_recent(uint64_t at)
{
    return at != 0 && touches.count - at < WINDOW;
}

static void note(uint64_t address, bool is_store)
{
    uint64_t frame = address >> FRAME_SHIFT;

    if (frame == touches.last_frame && is_store <= touches.last_is_store)
        return;
    touches.last_frame = frame;
    touches.last_is_store = is_store;

    page_id page = pager_view_page_at(address);
    if (page >= touches.page_count)
        return;                 /* a device's, or ROM */
    struct kept *kept = &touches.pages[page];
    if (is_store ? is_recent(kept->as_written) : is_recent(kept->at))
        return;
    uint32_t touch = page | (is_store ? TOUCH_WRITE : 0);
    kept->at = ++touches.count;
    if (is_store)
        kept->as_written = touches.count;
    if (fwrite(&touch, sizeof touch, 1, touches.file) != 1)
        give_up("cannot write to touches.bin: %s", strerror(errno));
}

static void note_walked(uint64_t address)
{
    note(address, true);
}

void touches_note(uint64_t linear, uint64_t address, bool is_store)
{
    uint64_t page = linear >> FRAME_SHIFT;

    if (!touches.file)
        return;
    if (walked[page % TRANSLATIONS].page != page
        || walked[page % TRANSLATIONS].generation != machine.generation) {
        walked[page % TRANSLATIONS].page = page;
        walked[page % TRANSLATIONS].generation = machine.generation;
        walk_guest_tables(linear, note_walked);
    }
    note(address, is_store);
}

void touches_end(void)
{
    if (touches.file && fclose(touches.file) != 0)
        give_up("cannot write to touches.bin: %s", strerror(errno));
}
