/* vector_cipher.h — AES-256-GCM for CPUs with VAES and VPCLMULQDQ: what gcm.h offers, two or four
 * blocks to a register.
 *
 * For the host. The hypervisor runs the AES-NI kernel only: docs/design/cipher.md says why.
 *
 *   source  NIST SP 800-38D, FIPS 197; Intel SDM vol 2 (325383), VAESENC and VPCLMULQDQ
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gcm.h"

#define VECTOR_WIDE       8u    /* vectors that share one reduction */
#define VECTOR_LANES_MAX  4u    /* blocks in the widest vector */

/* Best aligned to 64 bytes. As gcm_key, with the powers of the hash key lane by lane; n =
 * VECTOR_WIDE * lanes. */
struct vector_key {
    /* Vector i: H^(n - lanes i), in every lane. */
    uint8_t each[VECTOR_WIDE * VECTOR_LANES_MAX][16];
    uint8_t last[VECTOR_WIDE * VECTOR_LANES_MAX + 1][16];           /* H^(n + 1) .. H^1 */
    uint8_t round_keys[15][16];
};

/* A page on its way in and one on its way out, through one slot. */
struct vector_swap {
    void          *slot;        /* 4096 bytes, 64-byte aligned: the victim before, the page wanted
                                   after */
    const uint8_t *in;          /* home of the page wanted, 64-byte aligned */
    uint8_t       *out;         /* home of the victim, likewise; written past the cache */
    const uint8_t *in_nonce;    /* GCM_NONCE_BYTES */
    const uint8_t *out_nonce;
    const uint8_t *in_aad;      /* 16 bytes */
    const uint8_t *out_aad;
    const uint8_t *in_tag;      /* GCM_TAG_BYTES */
    uint8_t       *out_tag;
};

/* CPUID's feature bits, and XCR0: the system must save the wide registers. */
bool vaes256_supported(void);
bool vaes512_supported(void);

/* Calls as in gcm.h, contracts included. */
void vaes256_key_expand(struct vector_key *key, const uint8_t raw[GCM_KEY_BYTES]);
void vaes256_seal(const struct vector_key *key, const uint8_t nonce[GCM_NONCE_BYTES],
                  const void *aad,
                  size_t aad_bytes, const void *in, void *out, size_t bytes,
                      uint8_t tag[GCM_TAG_BYTES]);
[[nodiscard]] bool vaes256_open(const struct vector_key *key, const uint8_t nonce[GCM_NONCE_BYTES],
                                const void *aad,
                                size_t aad_bytes, const void *in, void *out, size_t bytes,
                                const uint8_t tag[GCM_TAG_BYTES]);

void vaes512_key_expand(struct vector_key *key, const uint8_t raw[GCM_KEY_BYTES]);
void vaes512_seal(const struct vector_key *key, const uint8_t nonce[GCM_NONCE_BYTES],
                  const void *aad,
                  size_t aad_bytes, const void *in, void *out, size_t bytes,
                      uint8_t tag[GCM_TAG_BYTES]);
[[nodiscard]] bool vaes512_open(const struct vector_key *key, const uint8_t nonce[GCM_NONCE_BYTES],
                                const void *aad,
                                size_t aad_bytes, const void *in, void *out, size_t bytes,
                                const uint8_t tag[GCM_TAG_BYTES]);

/* Seals the victim and opens the page wanted in one pass, each under its own key.
 *   returns   false when in_tag does not verify; the slot is zeroed then, the victim sealed all the
 *   same
 */
[[nodiscard]] bool vaes512_swap(const struct vector_key *in_key, const struct vector_key *out_key,
                                const struct vector_swap *swap);
