/* needles.h — known byte strings, at any alignment, whole or decayed. */
#pragma once
#include <stddef.h>
#include <stdint.h>

#include "decay.h"

#define NEEDLE_BYTES_MIN 8u

struct needle {
    const void *bytes;
    size_t      count;      /* NEEDLE_BYTES_MIN or more */
};

struct needle_find {
    uint64_t offset;        /* in the buffer that was searched */
    uint32_t needle;        /* index in what needles_create was given */
    uint32_t flipped;       /* bits that have decayed */
};

struct needles;

/* Copies the needles. NULL: no memory, or a needle is too short. */
struct needles *needles_create(const struct needle *list, size_t count, struct decay decay);
void            needles_destroy(struct needles *needles);

/* Fills `finds` in ascending order of offset and returns how many there are, which may be more than
 * `room`. Without decay the time does not depend on the number of needles; with decay it grows with
 * it. */
size_t needles_find(const struct needles *needles, const void *buffer, size_t bytes,
                    struct needle_find *finds,
                    size_t room);
