/* key_schedules.h — expanded AES keys in memory, at any place and of any program.
 *
 * An expanded key is redundant: each of its words follows from earlier ones, three in four by
 * exclusive-or alone. So nothing needs to be known of the key, and decayed bits can be told and
 * mended.
 *
 * source  FIPS 197, section 5.2; Halderman et al., "Lest We Remember" (2008), section 6; the
 *         published tool aeskeyfind searches by the same idea
 */
#pragma once
#include <stddef.h>
#include <stdint.h>

#include "decay.h"

/* How the round keys lie in memory. The bits of a value: 1, each 32-bit word's bytes are reversed
 * (portable C on a little-endian CPU); 2, the last round key comes first (for decryption); 4, all
 * but the outer two went through InvMixColumns, AESIMC (the equivalent inverse cipher: FIPS 197,
 * section 5.3.5). */
enum key_layout : uint32_t {
    KEY_FORWARD          = 0,       /* as FIPS 197 numbers them */
    KEY_FORWARD_SWAPPED  = 1,
    KEY_REVERSED         = 2,
    KEY_REVERSED_SWAPPED = 3,
    KEY_INVERSE          = 6,
    KEY_INVERSE_SWAPPED  = 7,
};
#define KEY_LAYOUT_SWAPPED  1u
#define KEY_LAYOUT_REVERSED 2u
#define KEY_LAYOUT_INVERSE  4u

#define KEY_SCHEDULE_BYTES_MAX 240u

/* Of AES-128 (key_bytes 16) 176, of AES-256 (32) 240. */
static inline size_t key_schedule_bytes(uint32_t key_bytes) { return key_bytes == 16 ? 176 : 240; }

void key_schedule_expand(const uint8_t *key, uint32_t key_bytes, enum key_layout layout,
                         uint8_t *schedule);

struct key_find {
    uint64_t        offset;
    uint32_t        key_bytes;      /* 16 or 32 */
    enum key_layout layout;
    uint32_t        is_recovered;   /* 0: a schedule, but too decayed for `key` and `flipped` */
    uint32_t        flipped;        /* bits of it that have decayed */
    uint8_t         key[32];
};

/* Schedules of AES-128 and AES-256 at any alignment, ascending by offset; returns how many there
 * are, which may be more than `room`. */
size_t key_schedules_find(struct decay decay, const void *buffer, size_t bytes,
                          struct key_find *finds, size_t room);
