#ifdef LIBFUZZER
#include "input_coverage.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define UNCOUNTED __attribute__((no_sanitize("coverage")))

/* libFuzzer holds a counter against its place: the table must not grow. */
enum { PIECE = 8, PIECES_OF_TABLE = 2048, PIECES_OF_PROGRAM = 1 << 16 };

/* As the compiler lays them out: where the code is, and flags. */
struct place {
    uintptr_t code, flags;
};

typedef uint64_t vector __attribute__((vector_size(16), aligned(1), may_alias));

static _Alignas(4096) uint8_t table[PIECES_OF_TABLE * PIECE];
static _Alignas(4096) struct place table_places[PIECES_OF_TABLE * PIECE];
static uint16_t table_piece[PIECES_OF_PROGRAM]; /* 0: none yet */
static unsigned pieces = 1;

static uint8_t            *counters;
static size_t              count;
static const struct place *places;

extern void __real___sanitizer_cov_8bit_counters_init(uint8_t *, uint8_t *);
extern void __real___sanitizer_cov_pcs_init(const uintptr_t *, const uintptr_t *);

/* Each file of the program names all counters of the program. */
UNCOUNTED void __wrap___sanitizer_cov_8bit_counters_init(uint8_t *start, uint8_t *end)
{
    if (counters)
        return;
    counters = start;
    count = (size_t)(end - start);
    __real___sanitizer_cov_8bit_counters_init(table, table + sizeof table);
}

UNCOUNTED void __wrap___sanitizer_cov_pcs_init(const uintptr_t *start, const uintptr_t *end)
{
    (void)end;
    if (places)
        return;
    places = (const struct place *)start;
    __real___sanitizer_cov_pcs_init((const uintptr_t *)table_places,
                                    (const uintptr_t *)(table_places + sizeof table));
}

UNCOUNTED void coverage_drop(void)
{
    memset(counters, 0, count);
}

UNCOUNTED static void gather_piece(size_t piece)
{
    size_t from = piece * PIECE, bytes = count - from < PIECE ? count - from : PIECE;
    if (!table_piece[piece]) {
        if (pieces == PIECES_OF_TABLE) {
            fputs("fuzz-inputs: PIECES_OF_TABLE is too small\n", stderr);
            abort();
        }
        memcpy(&table_places[pieces * PIECE], &places[from], bytes * sizeof *places);
        table_piece[piece] = (uint16_t)pieces++;
    }
    memcpy(&table[table_piece[piece] * PIECE], &counters[from], bytes);
    memset(&counters[from], 0, bytes);
}

UNCOUNTED void coverage_gather(void)
{
    if (count > (size_t)PIECES_OF_PROGRAM * PIECE) {
        fputs("fuzz-inputs: PIECES_OF_PROGRAM is too small\n", stderr);
        abort();
    }
    /* Most of it is empty. */
    enum { STEP = 256 };
    size_t at = 0;
    for (; at + STEP <= count; at += STEP) {
        const vector *step = (const vector *)&counters[at];
        vector        any = step[0];
        for (size_t i = 1; i < STEP / sizeof any; i++)
            any |= step[i];
        if (!(any[0] | any[1]))
            continue;
        for (size_t i = 0; i < STEP; i += PIECE) {
            uint64_t piece;
            memcpy(&piece, &counters[at + i], sizeof piece);
            if (piece)
                gather_piece((at + i) / PIECE);
        }
    }
    for (; at < count; at += PIECE)
        gather_piece(at / PIECE);
}
#endif
