/* bytes.h — the few memory helpers that the freestanding core needs. */
#pragma once
#include <stddef.h>
#include <stdint.h>

/* Zeroes memory; the compiler may not drop it. */
void bytes_wipe(void *memory, size_t bytes);

/* Zeroes the KiB of stack below the caller's frame: dead frames of what it called, into which the
 * compiler may have spilled words of its keys. */
void bytes_wipe_frames(void);

/* CRC-32 (IEEE 802.3, reflected, as in zlib); start with crc = 0, chain by passing the previous
 * result. */
uint32_t crc32(uint32_t crc, const void *data, size_t bytes);
