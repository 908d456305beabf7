/* rows.h — the rows of a benchmark: what each measures, and its samples. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cipher_bench.h"

/* The cycles of one page, or of one swap. */
typedef uint64_t (*row_sample)(const void *what);

struct row {
    struct bench_row result;
    const void      *what;          /* for sample(): a cipher, a floor */
    row_sample       sample;
    uint64_t        *cycles;        /* one a round */
};

struct rows {
    struct row  row[64];
    size_t      count;
    const char *wrong;              /* the name of a row whose cipher failed a check; else NULL */
};
extern struct rows rows;

void rows_add(enum bench_group group, bool is_floor, const char *name, const char *lack,
              row_sample sample, const void *what);

/* Serialised on both sides: Intel SDM vol 2 (325383), RDTSC. */
static inline uint64_t cycles_now(void)
{
    __builtin_ia32_lfence();
    uint64_t now = __builtin_ia32_rdtsc();
    __builtin_ia32_lfence();
    return now;
}
