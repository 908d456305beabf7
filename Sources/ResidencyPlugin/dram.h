/* dram.h — what the memory modules hold, and the log of what reached them. */
#pragma once
#include "machine.h"

/* Creates dram-final.bin. */
void dram_start(void);
/* The cache model's listener. */
void dram_moved(void *context, const struct bus_event *event);

/* Holds all RAM against the view of DRAM, but for lines that the cache holds modified, and mends
 * the view.
 *   returns   frames compared; `unseen` counts bytes that differed where no device may write
 */
uint64_t dram_compare(uint64_t *unseen);
/* One frame of RAM, the same. Returns the bytes that differed. */
uint64_t dram_compare_frame(uint64_t address);
/* Keeps a copy of the view: from now on writes are logged with their bytes. */
void dram_begin_log(void);
/* Writes out what was joined so far. */
void dram_settle(void);
void dram_end(void);

/* Home frames that the hypervisor wrote since the last call, at most `room`; later ones stay for
 * the next call. */
size_t dram_written_homes(uint64_t *homes, size_t room);
