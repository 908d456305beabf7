/* experiments.h — what is tried, a function each. Each freezes by itself, and leaves its values
 * here: in memory that is uncacheable meanwhile. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "silicon.h"

extern uint64_t values[SILICON_VALUES];
extern uint64_t region_bytes;       /* a power of two, but for try_invd */

/* inventory.c: the rows up to ROW_MSR. */
void inventory_report(uint64_t cache_bytes, uint64_t largest);

bool has_clflush(void);
bool has_cldemote(void);
/* The firmware's memory map has OTHER for us. */
bool has_other(void);

void measure_latency(void);
bool has_misses(void);
void measure_misses(void);

void try_invd(void);
void try_thrash(void);
void try_clflush(void);
void try_ntstore(void);
void try_cldemote(void);
void try_ucalias(void);
void try_repmovs(void);
void try_code(void);

void try_cd_read(void);
void try_cd_write(void);
void try_cd_late(void);
void measure_cd(void);

bool has_cat(void);
void try_cat(void);
void cat_end(void);                 /* as the firmware had it, whatever became of try_cat */

bool has_smi(void);
void try_smi(void);
void try_smi_invd(void);
