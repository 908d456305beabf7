/* compiled alone: a private key and what it opens pass through its registers and its stack */
/* hpke.c — HPKE's receiver. The names are RFC 9180's. */
#include "hpke.h"

#include "bytes.h"

static const uint8_t kem_suite[] = {'K', 'E', 'M', 0, 0x20};
static const uint8_t hpke_suite[] = {'H', 'P', 'K', 'E', 0, 0x20, 0, 1, 0, 2};

void hpke_make_public(struct hpke *hpke)
{
    static const uint8_t base[X25519_BYTES] = {9};

    (void)!x25519_multiply(&hpke->x25519, hpke->private_key, base, hpke->public_key);
}

/* LabeledExtract (length 0; of `salt`, or of none, and `data`) and LabeledExpand to at most one
 * block (of `salt`, the key, and `data`, the info): section 4, and RFC 5869. */
static void labeled(struct hpke *hpke, const uint8_t *salt, bool is_kem, const char *label,
                    const void *data, size_t data_bytes, uint8_t length, uint8_t out[SHA256_BYTES])
{
    const uint8_t size[2] = {0, length}, first_block = 1;
    struct sha256 *sha = &hpke->hmac.sha;

    hmac_start(&hpke->hmac, salt ? salt : hpke->secret, salt ? SHA256_BYTES : 0);
    sha256_add(sha, size, length ? sizeof size : 0);
    sha256_add(sha, "HPKE-v1", 7);
    sha256_add(sha, is_kem ? kem_suite : hpke_suite, is_kem ? sizeof kem_suite : sizeof hpke_suite);
    for (; *label; label++)
        sha256_add(sha, label, 1);
    sha256_add(sha, data, data_bytes);
    sha256_add(sha, &first_block, length ? 1 : 0);
    hmac_finish(&hpke->hmac, out);
}

/* Sections 4.1, Decap, and 5.1, KeySchedule. */
static bool schedule_make(struct hpke *hpke, const uint8_t *enc, const void *info,
                          size_t info_bytes)
{
    uint8_t *secret = hpke->secret, *context = hpke->context;
    const size_t bytes = sizeof hpke->context;

    if (!x25519_multiply(&hpke->x25519, hpke->private_key, enc, secret))
        return false;
    __builtin_memcpy(context, enc, X25519_BYTES);
    __builtin_memcpy(context + X25519_BYTES, hpke->public_key, X25519_BYTES);
    labeled(hpke, NULL, true, "eae_prk", secret, X25519_BYTES, 0, secret);
    labeled(hpke, secret, true, "shared_secret", context, 2 * X25519_BYTES, SHA256_BYTES, secret);

    context[0] = 0;     /* mode_base */
    labeled(hpke, NULL, false, "psk_id_hash", NULL, 0, 0, context + 1);
    labeled(hpke, NULL, false, "info_hash", info, info_bytes, 0, context + 1 + SHA256_BYTES);
    labeled(hpke, secret, false, "secret", NULL, 0, 0, secret);
    labeled(hpke, secret, false, "key", context, bytes, GCM_KEY_BYTES, hpke->key);
    labeled(hpke, secret, false, "base_nonce", context, bytes, GCM_NONCE_BYTES, hpke->nonce);
    return true;
}

bool hpke_open(struct hpke *hpke, const struct gcm_kernel *kernel, const void *info,
               size_t info_bytes, const void *aad, size_t aad_bytes, const uint8_t *message,
               size_t message_bytes, void *out)
{
    bool right = message_bytes >= HPKE_EXTRA_BYTES && message_bytes % GCM_BLOCK_BYTES == 0 &&
                 schedule_make(hpke, message, info, info_bytes);

    if (right) {
        const uint8_t *ciphertext = message + X25519_BYTES;
        size_t bytes = message_bytes - HPKE_EXTRA_BYTES;

        gcm_key_expand(kernel, &hpke->gcm, hpke->key);
        right = gcm_open(&hpke->gcm, hpke->nonce, aad, aad_bytes, ciphertext, out, bytes,
                         ciphertext + bytes);
    }
    bytes_wipe(hpke, sizeof *hpke);
    bytes_wipe_frames();
    return right;
}
