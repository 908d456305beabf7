/* gcm.h — AES-256-GCM with 96-bit nonces and 128-bit tags. Source: NIST SP 800-38D, FIPS 197. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define GCM_KEY_BYTES    32u
#define GCM_NONCE_BYTES  12u
#define GCM_TAG_BYTES    16u
#define GCM_BLOCK_BYTES  16u
#define GCM_POWERS       128u    /* a multiple of 8 */

/* Everything secret that the kernels need, as memory operands: round keys and powers of the hash
 * key. */
struct gcm_key {
    _Alignas(16) uint8_t round_keys[15][16];
    uint8_t hash_powers[GCM_POWERS][16];    /* H^1 and so on, in the form the kernel multiplies
                                             * with */
    uint8_t hash_halves[GCM_POWERS][16];    /* high ^ low of each power, for Karatsuba */
};

/* True when this CPU can run the kernels (AES-NI, PCLMULQDQ, SSSE3, SSE4.1). */
bool gcm_supported(void);

void gcm_key_expand(struct gcm_key *key, const uint8_t raw[GCM_KEY_BYTES]);

/* bytes: multiple of 16, may be 0; aad_bytes: any, 0 .. 2^16. in and out: the same, or disjoint.
 * Any alignment. Each byte of in is read once, each byte of out written once. Neither leaves key
 * material on the stack.
 */
void gcm_seal(const struct gcm_key *key, const uint8_t nonce[GCM_NONCE_BYTES], const void *aad,
              size_t aad_bytes, const void *in, void *out, size_t bytes,
              uint8_t tag[GCM_TAG_BYTES]);

/* Returns false, with out zeroed, when the tag does not verify. */
[[nodiscard]] bool gcm_open(const struct gcm_key *key, const uint8_t nonce[GCM_NONCE_BYTES],
                            const void *aad, size_t aad_bytes, const void *in, void *out,
                            size_t bytes, const uint8_t tag[GCM_TAG_BYTES]);
