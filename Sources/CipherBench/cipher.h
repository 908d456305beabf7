/* cipher.h — the ciphers that are measured, behind one interface: AES-256-GCM of one page. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PAGE_BYTES   4096u
#define LINE_BYTES   64u
#define KEY_BYTES    32u
#define NONCE_BYTES  12u
#define AAD_BYTES    16u
#define TAG_BYTES    16u

/* Works under the one key that start() was given. */
struct cipher {
    const char *name;
    const char *(*lack)(void);      /* why it cannot run here; NULL when it can */
    bool (*start)(const uint8_t raw[KEY_BYTES]);
    void (*stop)(void);
    void (*seal)(const uint8_t *nonce, const uint8_t *aad, const void *in, void *out, uint8_t *tag);
    bool (*open)(const uint8_t *nonce, const uint8_t *aad, const void *in, void *out,
                 const uint8_t *tag);
    bool is_variant;                /* of another cipher: no swap of its own */
};

/* ciphers.c */
extern const struct cipher cipher_aesni, cipher_aesni_fresh;
extern const struct cipher cipher_vaes256, cipher_vaes512, cipher_vaes512_fresh;
/* libraries.c */
extern const struct cipher cipher_openssl, cipher_libgcrypt;
