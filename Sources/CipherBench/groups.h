/* groups.h — each group adds its rows at its start, and frees what it took at its end. false: no
 * memory. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

/* pages.c: BENCH_SEAL and BENCH_OPEN. */
bool pages_start(void);
void pages_stop(void);

/* swaps.c: BENCH_SWAP. */
bool swaps_start(uint64_t dram_bytes);
void swaps_set_key(const uint8_t raw[32]);
void swaps_stop(void);

/* misses.c: BENCH_MISS_... */
bool misses_start(const uint8_t raw[32]);
void misses_stop(void);

/* faults.c: BENCH_FAULT. Without memory its rows say so. */
void faults_start(void);
void faults_stop(void);
