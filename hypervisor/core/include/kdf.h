/* kdf.h — SHA-256 (FIPS 180-4), HMAC (FIPS 198-1), PBKDF2 (NIST SP 800-132, RFC 8018). */
#pragma once
#include <stddef.h>
#include <stdint.h>

#define SHA256_BYTES 32u

/* All working state, secret or not, in one place that the caller owns and wipes. */
struct sha256 {
    uint32_t state[8];
    uint32_t schedule[64];
    uint8_t  block[64];
    uint64_t bytes;         /* hashed so far */
};
void sha256_start(struct sha256 *sha);
void sha256_add(struct sha256 *sha, const void *data, size_t bytes);
void sha256_finish(struct sha256 *sha, uint8_t digest[SHA256_BYTES]);

/* HMAC-SHA256: hmac_start, the message by sha256_add to `sha`, hmac_finish. The caller wipes it. */
struct hmac {
    struct sha256 sha;
    uint32_t inner[8];      /* state after the ipad block */
    uint32_t outer[8];      /* state after the opad block */
};
void hmac_start(struct hmac *hmac, const void *key, size_t key_bytes);
void hmac_finish(struct hmac *hmac, uint8_t mac[SHA256_BYTES]);

struct pbkdf2 {
    struct hmac hmac;
    uint32_t    result[8];
};
/* PBKDF2-HMAC-SHA256, one output block. `work` is wiped before returning. iterations >= 1. */
void pbkdf2_sha256(struct pbkdf2 *work, const void *passphrase, size_t passphrase_bytes,
                   const uint8_t *salt, size_t salt_bytes, uint32_t iterations,
                   uint8_t key[SHA256_BYTES]);
