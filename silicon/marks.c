#include "marks.h"

void marks_write(enum mark mark, uint64_t bytes)
{
    for (uint64_t i = 0; i < bytes / LINE_BYTES; i++)
        *mark_line(REGION, i) = mark_of(mark, i);
}

void marks_read(uint64_t bytes)
{
    uint64_t lines = bytes / LINE_BYTES, all = BIT(64 - (uint32_t)__builtin_clzll(lines - 1));
    for (uint64_t i = 0; i < all; i++) {
        uint64_t line = scattered(i, all);
        if (line < lines)
            (void)*mark_line(REGION, line);
    }
}

void marks_freeze(uint64_t bytes, bool other)
{
    memory_freeze(bytes, other);
    marks_write(MARK_DRAM, bytes);
    write_back_all();
    marks_write(MARK_CACHE, bytes);
}

void marks_drop_and_count(uint64_t bytes, uint64_t *four)
{
    uint64_t lines = bytes / LINE_BYTES, kept = 0, written = 0;
    asm volatile("mfence; invd" : : : "memory");
    for (uint64_t i = 0; i < lines; i++) {
        uint64_t found = *mark_line(REGION, i);
        kept += found == mark_of(MARK_DRAM, i);
        written += found == mark_of(MARK_CACHE, i);
    }
    four[0] = lines;
    four[1] = kept;
    four[2] = written;
    four[3] = lines - kept - written;
}
