/* ciphers.c — our own kernels. */
#include "cipher.h"
#include "bytes.h"
#include "gcm.h"

static uint8_t raw_key[GCM_KEY_BYTES];
static _Alignas(64) struct gcm_key aesni_key, vaes256_key, vaes512_key;

static const char *aesni_lack(void)
{
    return gcm_kernel_find(GCM_AESNI) ? NULL : "this CPU has no AES-NI or no PCLMULQDQ";
}

static const char *vaes256_lack(void)
{
    return gcm_kernel_find(GCM_VAES256)
        ? NULL : "this CPU has no VAES, VPCLMULQDQ or AVX2, or its system does not save YMM";
}

static const char *vaes512_lack(void)
{
    return gcm_kernel_find(GCM_VAES512)
        ? NULL : "this CPU has no VAES, VPCLMULQDQ or AVX-512, or its system does not save ZMM";
}

static bool aesni_start(const uint8_t raw[32])
{
    __builtin_memmove(raw_key, raw, sizeof raw_key);
    gcm_key_expand(&gcm_aesni, &aesni_key, raw);
    return true;
}

static bool vaes256_start(const uint8_t raw[32])
{
    gcm_key_expand(&gcm_vaes256, &vaes256_key, raw);
    return true;
}

static bool vaes512_start(const uint8_t raw[32])
{
    __builtin_memmove(raw_key, raw, sizeof raw_key);
    gcm_key_expand(&gcm_vaes512, &vaes512_key, raw);
    return true;
}

static void stop(void)
{
    bytes_wipe(raw_key, sizeof raw_key);
    bytes_wipe(&aesni_key, sizeof aesni_key);
    bytes_wipe(&vaes256_key, sizeof vaes256_key);
    bytes_wipe(&vaes512_key, sizeof vaes512_key);
}

#define CALLS(name, key)                                                                           \
    static void name##_page_seal(const uint8_t *nonce, const uint8_t *aad, const void *in,         \
                                 void *out, uint8_t *tag)                                          \
    {                                                                                              \
        gcm_seal(&key, nonce, aad, AAD_BYTES, in, out, PAGE_BYTES, tag);                           \
    }                                                                                              \
    static bool name##_page_open(const uint8_t *nonce, const uint8_t *aad, const void *in,         \
                                 void *out, const uint8_t *tag)                                    \
    {                                                                                              \
        return gcm_open(&key, nonce, aad, AAD_BYTES, in, out, PAGE_BYTES, tag);                    \
    }
CALLS(aesni, aesni_key)
CALLS(vaes256, vaes256_key)
CALLS(vaes512, vaes512_key)

/* As with keys in registers only: every page makes the round keys and the hash powers anew. */
#define FRESH_CALLS(name)                                                                          \
    static void name##_fresh_seal(const uint8_t *nonce, const uint8_t *aad, const void *in,        \
                                  void *out, uint8_t *tag)                                         \
    {                                                                                              \
        name##_start(raw_key);                                                                     \
        name##_page_seal(nonce, aad, in, out, tag);                                                \
    }                                                                                              \
    static bool name##_fresh_open(const uint8_t *nonce, const uint8_t *aad, const void *in,        \
                                  void *out, const uint8_t *tag)                                   \
    {                                                                                              \
        name##_start(raw_key);                                                                     \
        return name##_page_open(nonce, aad, in, out, tag);                                         \
    }
FRESH_CALLS(aesni)
FRESH_CALLS(vaes512)

const struct cipher cipher_aesni = {"AES-NI", aesni_lack, aesni_start, stop, aesni_page_seal,
    aesni_page_open, false};
const struct cipher cipher_vaes256 = {"VAES-256", vaes256_lack, vaes256_start, stop,
    vaes256_page_seal, vaes256_page_open, false};
const struct cipher cipher_vaes512 = {"VAES-512", vaes512_lack, vaes512_start, stop,
    vaes512_page_seal, vaes512_page_open, false};
const struct cipher cipher_aesni_fresh = {
    "AES-NI, keys made anew", aesni_lack, aesni_start, stop, aesni_fresh_seal, aesni_fresh_open,
        true};
const struct cipher cipher_vaes512_fresh = {
    "VAES-512, keys made anew", vaes512_lack, vaes512_start, stop, vaes512_fresh_seal,
        vaes512_fresh_open, true};
