#include "page_class.h"

#include <math.h>
#include <stdbool.h>

#define PAGE_SIZE 4096u

static bool is_printable(uint8_t byte)
{
    return (byte >= 0x20 && byte <= 0x7E) || byte == '\t' || byte == '\n' || byte == '\r';
}

static void count_bytes(const uint8_t *bytes, size_t count, uint32_t histogram[256])
{
    for (size_t i = 0; i < count; i++)
        histogram[bytes[i]]++;
}

static double entropy_of(const uint32_t histogram[256], size_t count)
{
    double sum = 0;

    for (uint32_t value = 0; value < 256; value++)
        if (histogram[value] > 0)
            sum += histogram[value] * log2(histogram[value]);
    return count == 0 ? 0 : log2((double)count) - sum / (double)count;
}

double page_entropy(const void *bytes, size_t count)
{
    uint32_t histogram[256] = { 0 };

    count_bytes(bytes, count, histogram);
    return entropy_of(histogram, count);
}

enum page_look page_look_of(const void *page)
{
    uint32_t histogram[256] = { 0 }, printable = 0;
    const uint8_t *bytes = page;

    count_bytes(bytes, PAGE_SIZE, histogram);
    if (histogram[bytes[0]] == PAGE_SIZE)
        return LOOK_BLANK;
    if (entropy_of(histogram, PAGE_SIZE) >= ENTROPY_RANDOM)
        return LOOK_RANDOM;
    for (uint32_t value = 0; value < 256; value++)
        printable += is_printable((uint8_t)value) ? histogram[value] : 0;
    return printable >= PAGE_SIZE / 4 * 3 ? LOOK_TEXT : LOOK_STRUCTURED;
}

size_t strings_find(const void *buffer, size_t bytes, size_t shortest, struct string_find *finds,
                    size_t room)
{
    const uint8_t *start = buffer;
    size_t found = 0, run = 0;

    for (size_t at = 0; at <= bytes; at++) {
        if (at < bytes && is_printable(start[at])) {
            run++;
            continue;
        }
        if (run >= shortest) {
            if (found < room)
                finds[found] = (struct string_find){ at - run, run };
            found++;
        }
        run = 0;
    }
    return found;
}
