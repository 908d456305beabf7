/* cipher_bench.h — measures page ciphers against each other, against a library, and against what
 * bounds them.
 *
 * All rows of a run take turns, sample by sample, so that a noisy machine is noisy for all of them
 * alike. What decides is a row's time over its floor's, never the time itself.
 */
#pragma once
#include <stddef.h>
#include <stdint.h>

enum bench_group : uint32_t {
    BENCH_SEAL,         /* a page in the cache; floor: a loop of AES-256 rounds over a page */
    BENCH_OPEN,         /* likewise */
    BENCH_SWAP,         /* one page out to DRAM and another in from DRAM; floor: the same without a
                           cipher */
    BENCH_FAULT,        /* a page fault served in user space, without a cipher */
    /* A page miss by the hypervisor's pager; floor: a copy of each page each way, and its AES
     * rounds. By what becomes of the victim: */
    BENCH_MISS_CLEAN,
    BENCH_MISS_DIRTY,
    BENCH_MISS_METADATA,    /* clean; a metadata page comes in as well, for another */
    BENCH_MISS_BLANK,       /* eight pages that were never written; floor: to erase them */
};

struct bench_row {
    enum bench_group group;
    uint32_t         is_floor;
    const char      *name;
    const char      *lack;              /* why it was not measured; NULL when it was */
    double           minimum_cycles;    /* of the time-stamp counter, for a page or a swap */
    double           quartile_cycles;   /* the lower one */
    double           median_cycles;
};

enum bench_status : uint32_t {
    BENCH_OK,
    BENCH_NO_MEMORY,
    BENCH_WRONG,        /* a cipher's page was not what the others made of it */
};

struct bench_result {
    enum bench_status status;
    const char       *wrong;            /* after BENCH_WRONG: the row's name */
    double            counter_hertz;    /* of the time-stamp counter */
    size_t            row_count;
    struct bench_row  rows[64];
};

/* What is timed. */
enum bench_subject : uint32_t {
    BENCH_CIPHER = 1,   /* seal, open and swap */
    BENCH_MISS   = 2,   /* the misses */
};

/* Takes rounds samples of each row of the subjects, and of faults. Not reentrant.
 *   subjects    enum bench_subject, more than one by OR
 *   rounds      1 .. 100000
 *   dram_bytes  of homes, for swaps; multiple of 2 MiB, at least that
 */
void bench_run(struct bench_result *result, uint32_t subjects, uint32_t rounds,
               uint64_t dram_bytes);

/* The time-stamp counter of this CPU. QEMU's emulated CPUs show their guests the same one. */
static inline uint64_t host_counter(void)
{
    return __builtin_ia32_rdtsc();
}
