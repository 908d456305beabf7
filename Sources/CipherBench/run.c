/* run.c — all rows in turn, round after round; then what was the least, and what the median. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bench.h"

struct roster roster;

static const struct cipher *const ciphers[] = {&cipher_aesni, &cipher_vaes256, &cipher_vaes512, &cipher_openssl,
                                               &cipher_libgcrypt};
#define CIPHERS (sizeof ciphers / sizeof ciphers[0])

void roster_add(enum bench_group group, bool is_floor, const char *name, const char *lack,
                uint64_t (*sample)(const void *what), const void *what)
{
    struct bench_row row = {.group = group, .is_floor = is_floor, .name = name, .lack = lack};

    roster.contenders[roster.count++] = (struct contender){.row = row, .what = what, .sample = sample};
}

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

/* Both are given everything even if one of them fails: stop() then has something to give back. */
static bool ciphers_start(void)
{
    static const uint8_t raw[32] = "a key that everybody may know..";
    bool started = true;

    for (size_t i = 0; i < CIPHERS; i++)
        started &= ciphers[i]->lack() != NULL || ciphers[i]->start(raw);
    swaps_set_key(raw);
    return started;
}

static bool take_samples(uint32_t rounds)
{
    for (size_t i = 0; i < roster.count; i++) {
        roster.contenders[i].cycles = malloc(rounds * sizeof(uint64_t));
        if (roster.contenders[i].cycles == NULL)
            return false;
    }
    for (uint32_t round = 0; round < rounds; round++)
        for (size_t i = 0; i < roster.count; i++) {
            struct contender *contender = &roster.contenders[i];

            if (contender->row.lack == NULL)
                contender->cycles[round] = contender->sample(contender->what);
        }
    return true;
}

static void fill(struct bench_result *result, uint32_t rounds)
{
    result->row_count = roster.count;
    for (size_t i = 0; i < roster.count; i++) {
        struct contender *contender = &roster.contenders[i];

        if (contender->row.lack == NULL) {
            qsort(contender->cycles, rounds, sizeof(uint64_t), by_size);
            contender->row.minimum_cycles = (double)contender->cycles[0];
            contender->row.quartile_cycles = (double)contender->cycles[rounds / 4];
            contender->row.median_cycles = (double)contender->cycles[rounds / 2];
        }
        result->rows[i] = contender->row;
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
    if (roster.wrong != NULL) {
        result->status = BENCH_WRONG;
        result->wrong = roster.wrong;
        return;
    }
    fill(result, rounds);
}

void bench_run(struct bench_result *result, uint32_t rounds, uint64_t dram_bytes)
{
    memset(result, 0, sizeof *result);
    memset(&roster, 0, sizeof roster);
    if (!ciphers_start() || !pages_start() || !swaps_start(dram_bytes)) {
        result->status = BENCH_NO_MEMORY;
    } else {
        faults_start();
        measure(result, rounds);
        faults_stop();
    }
    swaps_stop();
    pages_stop();
    for (size_t i = 0; i < roster.count; i++)
        free(roster.contenders[i].cycles);
    for (size_t i = 0; i < CIPHERS; i++)
        ciphers[i]->stop();
}
