/* input_watch.h — holds one execution of a parser to limits of memory and time, and keeps the input
 * of one that dies.
 *
 * malloc and its kin are this target's own: what the program allocates is counted, whether or not it
 * touches it. One execution at a time.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Once. `target` and `folder` must stay valid. `keeps_crash`: a signal writes the input to
 * `folder`/crash-TARGET and says so; without it that is left to libFuzzer. */
void watch_start(const char *target, const char *folder, bool keeps_crash);

/* Dies by SIGABRT, and says why, when more than `memory` bytes are held at once on top of what is
 * held now, or after `seconds` of CPU time. */
void watch_begin(const uint8_t *input, size_t bytes, size_t memory, unsigned seconds);

/* The most bytes that were held at once since the beginning. */
size_t watch_end(void);
