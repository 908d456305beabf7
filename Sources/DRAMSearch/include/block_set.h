/* block_set.h — many millions of 16-byte blocks, looked up at every byte of a buffer.
 *
 * Exact: the blocks themselves are kept, in 26 bytes each. A look-up costs one bit in a filter of
 * 16 bits a block; one in some twenty goes on to the table.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BLOCK_BYTES 16u

struct block_set;

/* With room for `capacity` different blocks. NULL: no memory. */
struct block_set *block_set_create(size_t capacity);
void              block_set_destroy(struct block_set *set);
size_t            block_set_count(const struct block_set *set);

/* A block that is found in any memory and proves nothing: fewer than eight different byte values
 * (padding, small numbers, no-operations), two equal halves, or bytes that count up or down. */
bool block_is_trivial(const uint8_t block[BLOCK_BYTES]);

enum block_added : uint8_t { BLOCK_NEW, BLOCK_PRESENT, BLOCK_NO_ROOM };
enum block_added block_set_add(struct block_set *set, const uint8_t block[BLOCK_BYTES]);

/* Adds each block of the buffer that lies at a multiple of 16 and is not trivial. False: no room
 * for all. */
bool block_set_add_all(struct block_set *set, const void *buffer, size_t bytes);

/* Forgets each block that stands at any byte of the buffer; returns how many. Their room is not
 * used again. */
size_t block_set_remove_all(struct block_set *set, const void *buffer, size_t bytes);

/* Offsets, at any alignment and ascending, where one of the blocks stands. Returns how many there
 * are, which may be more than `room`. */
size_t block_set_find(const struct block_set *set, const void *buffer, size_t bytes,
                      uint64_t *offsets, size_t room);

/* Adds the block at each multiple of `stride`, trivial ones too, and tells the offsets of those
 * that had been there already: ciphertext that was seen before. `is_full` is set when a block found
 * no room. */
size_t block_set_find_repeats(struct block_set *set, const void *buffer, size_t bytes,
                              size_t stride,
                              uint64_t *offsets, size_t room, bool *is_full);
