/* page_class.h — what a piece of memory looks like by its bytes alone. */
#pragma once
#include <stddef.h>
#include <stdint.h>

enum page_look : uint8_t {
    LOOK_BLANK,             /* one byte value throughout */
    LOOK_RANDOM,            /* ciphertext, or something compressed: bytes alone cannot tell them
                               apart */
    LOOK_TEXT,              /* three bytes in four are printable ASCII */
    LOOK_STRUCTURED,        /* code, tables, numbers */
};

/* Bits a byte, 0 to 8, of the histogram. 4096 random bytes give 7.955, give or take 0.004. */
double page_entropy(const void *bytes, size_t count);

/* At this entropy of 4096 bytes and above they look random. */
#define ENTROPY_RANDOM 7.9

/* Of 4096 bytes. */
enum page_look page_look_of(const void *page);

struct string_find {
    uint64_t offset;
    uint64_t bytes;
};

/* Runs of at least `shortest` printable ASCII characters (20h to 7Eh, tab, line feed, carriage
 * return). In random bytes each place begins one of n with probability 0.62 (0.383)^n. Returns how
 * many, which may be more than `room`. */
size_t strings_find(const void *buffer, size_t bytes, size_t shortest, struct string_find *finds,
                    size_t room);
