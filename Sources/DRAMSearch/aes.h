/* aes.h — parts of AES in plain C. Private to the searches. A word is a column, its first byte
 * lowest. */
#pragma once
#include <stdint.h>

extern const uint8_t aes_sbox[256];

static inline uint32_t aes_rotated(uint32_t word) { return word >> 8 | word << 24; }

static inline uint32_t aes_substituted(uint32_t word)
{
    return aes_sbox[word & 0xFF] | (uint32_t)aes_sbox[word >> 8 & 0xFF] << 8 |
           (uint32_t)aes_sbox[word >> 16 & 0xFF] << 16 | (uint32_t)aes_sbox[word >> 24] << 24;
}

/* Each byte times x in GF(2^8). */
static inline uint32_t aes_doubled(uint32_t word)
{
    return (word & 0x7F7F7F7F) << 1 ^ (word >> 7 & 0x01010101) * 0x1B;
}

uint32_t aes_mixed(uint32_t word);              /* MixColumns of one column */
uint32_t aes_unmixed(uint32_t word);            /* InvMixColumns */

/* round_keys: 4 words each; one more than there are rounds. */
void aes_encrypt(const uint32_t *round_keys, uint32_t count, uint32_t block[4]);
