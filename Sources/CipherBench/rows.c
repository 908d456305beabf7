#include "rows.h"

struct rows rows;

void rows_add(enum bench_group group, bool is_floor, const char *name, const char *lack,
              row_sample sample, const void *what)
{
    struct bench_row result = {.group = group, .is_floor = is_floor, .name = name, .lack = lack};

    rows.row[rows.count++] = (struct row){.result = result, .what = what, .sample = sample};
}
