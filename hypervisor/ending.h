/* ending.h — how a guest ends: secrets are erased and the trace is closed before the machine goes down. */
#pragma once
#include <stdint.h>

#include "trace.h"

/* Erases secrets, sends the last records, then stops the CPU. */
[[noreturn]] void ending(enum trace_ending ending, uint64_t value);

/* The guest is about to write `value` to a port: if that powers the machine down or resets it, ends the run and
 * does it. Otherwise returns what may be written: A20 stays open. */
uint32_t ending_watch_port(uint16_t port, uint32_t width, uint32_t value);
