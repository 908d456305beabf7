/* run.c — all rows in turn, round after round; then what was the least, and what the median. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cipher.h"
#include "groups.h"
#include "rows.h"

static const struct cipher *const ciphers[] = {
    &cipher_aesni, &cipher_vaes256, &cipher_vaes512, &cipher_openssl, &cipher_libgcrypt};
#define CIPHERS (sizeof ciphers / sizeof ciphers[0])

static double seconds_now(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static int by_size(const void *a, const void *b)
{
    uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;

    return (left > right) - (left < right);
}

static const uint8_t raw[KEY_BYTES] = "a key that everybody may know..";

/* Starts all of them even after one has failed: bench_run() stops all. */
static bool ciphers_start(void)
{
    bool started = true;

    for (size_t i = 0; i < CIPHERS; i++)
        started &= ciphers[i]->lack() != NULL || ciphers[i]->start(raw);
    swaps_set_key(raw);
    return started;
}

static bool subjects_start(uint32_t subjects, uint64_t dram_bytes)
{
    return (!(subjects & BENCH_CIPHER) ||
            (ciphers_start() && pages_start() && swaps_start(dram_bytes))) &&
           (!(subjects & BENCH_MISS) || misses_start(raw));
}

static void subjects_stop(uint32_t subjects)
{
    if (subjects & BENCH_CIPHER) {
        swaps_stop();
        pages_stop();
        for (size_t i = 0; i < CIPHERS; i++)
            ciphers[i]->stop();
    }
    if (subjects & BENCH_MISS)
        misses_stop();
}

static bool take_samples(uint32_t rounds)
{
    for (size_t i = 0; i < rows.count; i++) {
        rows.row[i].cycles = malloc(rounds * sizeof(uint64_t));
        if (rows.row[i].cycles == NULL)
            return false;
    }
    for (uint32_t round = 0; round < rounds; round++)
        for (size_t i = 0; i < rows.count; i++) {
            struct row *row = &rows.row[i];

            if (row->result.lack == NULL)
                row->cycles[round] = row->sample(row->what);
        }
    return true;
}

static void fill(struct bench_result *result, uint32_t rounds)
{
    result->row_count = rows.count;
    for (size_t i = 0; i < rows.count; i++) {
        struct row *row = &rows.row[i];

        if (row->result.lack == NULL) {
            qsort(row->cycles, rounds, sizeof(uint64_t), by_size);
            row->result.minimum_cycles = (double)row->cycles[0];
            row->result.quartile_cycles = (double)row->cycles[rounds / 4];
            row->result.median_cycles = (double)row->cycles[rounds / 2];
        }
        result->rows[i] = row->result;
    }
}

static void measure(struct bench_result *result, uint32_t rounds)
{
    double seconds = seconds_now();
    uint64_t cycles = cycles_now();

    if (!take_samples(rounds)) {
        result->status = BENCH_NO_MEMORY;
        return;
    }
    result->counter_hertz = (double)(cycles_now() - cycles) / (seconds_now() - seconds);
    if (rows.wrong != NULL) {
        result->status = BENCH_WRONG;
        result->wrong = rows.wrong;
        return;
    }
    fill(result, rounds);
}

void bench_run(struct bench_result *result, uint32_t subjects, uint32_t rounds, uint64_t dram_bytes)
{
    memset(result, 0, sizeof *result);
    memset(&rows, 0, sizeof rows);
    if (!subjects_start(subjects, dram_bytes)) {
        result->status = BENCH_NO_MEMORY;
    } else {
        faults_start();
        measure(result, rounds);
        faults_stop();
    }
    subjects_stop(subjects);
    for (size_t i = 0; i < rows.count; i++)
        free(rows.row[i].cycles);
}
