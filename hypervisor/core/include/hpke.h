/* hpke.h — opens a message that was sealed to a public key: HPKE (RFC 9180), base mode, with
 * DHKEM(X25519, HKDF-SHA256), HKDF-SHA256 and AES-256-GCM. One message for a key. */
#pragma once
#include "gcm.h"
#include "kdf.h"
#include "x25519.h"

/* All working state, in one place that the caller owns. Best aligned as its first member. */
struct hpke {
    struct gcm_key gcm;
    struct hmac    hmac;
    struct x25519  x25519;
    uint8_t private_key[X25519_BYTES];      /* the caller's to fill, by random numbers */
    uint8_t public_key[X25519_BYTES];
    uint8_t secret[SHA256_BYTES];           /* of Diffie-Hellman, and what it becomes */
    uint8_t context[1 + 2 * SHA256_BYTES];
    uint8_t key[GCM_KEY_BYTES];
    uint8_t nonce[SHA256_BYTES];            /* of which its first GCM_NONCE_BYTES are taken */
};

/* public_key from private_key. */
void hpke_make_public(struct hpke *hpke);

#define HPKE_EXTRA_BYTES (X25519_BYTES + GCM_TAG_BYTES)

/* message: the sender's encapsulated key, ciphertext, tag; HPKE_EXTRA_BYTES longer than what goes
 * to out, which is a multiple of 16. Returns false, with nothing of it in out, where it was not
 * sealed to this key with this info and this aad. *hpke is wiped before returning, the private key
 * too. */
[[nodiscard]] bool hpke_open(struct hpke *hpke, const struct gcm_kernel *kernel, const void *info,
                             size_t info_bytes, const void *aad, size_t aad_bytes,
                             const uint8_t *message, size_t message_bytes, void *out);
