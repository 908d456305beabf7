/* ghash.h — what GCM derives from its key. Bit order and product as in NIST SP 800-38D, section
 * 6.3. */
#pragma once
#include <stdint.h>

/* The hash key: the encryption of the zero block. key_bytes: 16 or 32. */
void ghash_key(const uint8_t *key, uint32_t key_bytes, uint8_t h[16]);

/* x becomes x times y. */
void ghash_multiply(uint8_t x[16], const uint8_t y[16]);

/* H^1 .. H^count, 16 bytes each. */
void ghash_powers(const uint8_t h[16], uint32_t count, uint8_t *powers);
