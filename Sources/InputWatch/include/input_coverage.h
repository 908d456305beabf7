/* input_coverage.h — what the program covers, told to libFuzzer in a small table.
 *
 * libFuzzer clears and goes through the counters of the whole program at each execution: 80,000 and
 * more, of which a parser touches some hundreds. It gets a table instead, in which only pieces of
 * the counters stand that were touched at least once; what it learns is the same. The program is
 * linked with --wrap of both functions by which it would name its counters to libFuzzer.
 */
#pragma once
#include <stddef.h>
#include <stdint.h>

/* Forgets what was covered since the last execution: a mutator is a part of the program. */
void coverage_drop(void);

/* At the end of an execution: moves what it covered to libFuzzer's table. */
void coverage_gather(void);

/* libFuzzer's own. Of `bytes` at `input`, with room for `most`, makes others; returns how many. */
size_t LLVMFuzzerMutate(uint8_t *input, size_t bytes, size_t most);
