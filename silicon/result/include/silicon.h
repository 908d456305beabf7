/* silicon.h — the result of the silicon image, as text that survives a photograph: the program
 * writes it, frost silicon reads it.
 *
 *   == frost silicon 1 ==
 *   NN NAME OUTCOME VALUES CCCC     lines of the table below, in its order
 *   == end NN XXXXXXXX ==
 *
 * Numbers are hexadecimal: NN the line's number from 00 on, at the end how many there are; CCCC the
 * low half of the CRC-32 of all before it, without the space; XXXXXXXX the CRC-32 of all lines,
 * each without its checksum and with a line feed. What begins otherwise is not the result's. A
 * checksum finds what was misread; it is no signature.
 */
#pragma once
#include <stddef.h>
#include <stdint.h>

#define SILICON_BEGIN      "== frost silicon 1 =="
#define SILICON_END        "== end "
#define SILICON_DONE       "done, page by page"    /* a note behind it: emulators stop there */
#define SILICON_LINES      192u     /* the most of a result */
#define SILICON_LINE_BYTES 79u      /* the most of a line: a row of the screen has 80 */
#define SILICON_VALUES     8u

enum silicon_outcome : uint32_t {
    SILICON_OK,         /* the values are what its fields say */
    SILICON_FAULT,      /* an exception ended it: vector, error code, address of the instruction */
    SILICON_HUNG,       /* the watchdog ended it */
    SILICON_ABSENT,     /* this machine does not offer what it needs */
    SILICON_UNBUILT,    /* the program has no such experiment yet */
    SILICON_OUTCOMES,
};

enum silicon_row : uint32_t {
    ROW_CPU, ROW_LEAF, ROW_BRAND, ROW_CLOCK, ROW_BOOT, ROW_MSR,
    ROW_GUARD_FAULT, ROW_GUARD_HANG,
    ROW_LATENCY, ROW_MISSES,
    ROW_INVD, ROW_THRASH,
    ROW_CLFLUSH, ROW_NTSTORE, ROW_CLDEMOTE, ROW_UCALIAS, ROW_REPMOVS, ROW_CODE,
    ROW_CD_READ, ROW_CD_WRITE, ROW_CD_LATE, ROW_CD_TIME,
    ROW_CAT, ROW_SMI, ROW_SMI_INVD,
    ROW_EPT, ROW_MISSPATH,
    SILICON_ROWS,
};

struct silicon_line {
    const char *name;
    const char *fields;     /* of SILICON_OK, words with a space between them */
    uint32_t    most;       /* such lines; all others stand once */
    const char *about;      /* what is done */
    const char *lack;       /* ABSENT, UNBUILT: why */
};

/* 0 from SILICON_ROWS on. */
const struct silicon_line *silicon_line(uint32_t row);
/* The word that stands for it; 0 from SILICON_OUTCOMES on. */
const char *silicon_outcome_word(uint32_t outcome);
/* How many values a line of this outcome has. */
uint32_t silicon_value_count(const struct silicon_line *line, uint32_t outcome);
