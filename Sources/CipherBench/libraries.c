/* libraries.c — the system's AES-256-GCM: OpenSSL's libcrypto and libgcrypt, contexts and keys kept
 * between pages. */
#include <gcrypt.h>
#include <openssl/evp.h>

#include "cipher.h"

static EVP_CIPHER_CTX *seal_context, *open_context;
static gcry_cipher_hd_t gcrypt_handle;

static const char *no_lack(void)
{
    return NULL;
}

static bool openssl_start(const uint8_t raw[32])
{
    seal_context = EVP_CIPHER_CTX_new();
    open_context = EVP_CIPHER_CTX_new();
    return seal_context != NULL && open_context != NULL &&
           EVP_EncryptInit_ex(seal_context, EVP_aes_256_gcm(), NULL, raw, NULL) == 1 &&
           EVP_DecryptInit_ex(open_context, EVP_aes_256_gcm(), NULL, raw, NULL) == 1;
}

static void openssl_stop(void)
{
    EVP_CIPHER_CTX_free(seal_context);
    EVP_CIPHER_CTX_free(open_context);
}

static void openssl_seal(const uint8_t *nonce, const uint8_t *aad, const void *in, void *out,
                         uint8_t *tag)
{
    int bytes;

    EVP_EncryptInit_ex(seal_context, NULL, NULL, NULL, nonce);
    EVP_EncryptUpdate(seal_context, NULL, &bytes, aad, AAD_BYTES);
    EVP_EncryptUpdate(seal_context, out, &bytes, in, PAGE_BYTES);
    EVP_EncryptFinal_ex(seal_context, NULL, &bytes);
    EVP_CIPHER_CTX_ctrl(seal_context, EVP_CTRL_AEAD_GET_TAG, TAG_BYTES, tag);
}

static bool openssl_open(const uint8_t *nonce, const uint8_t *aad, const void *in, void *out,
                         const uint8_t *tag)
{
    uint8_t last[16];
    int bytes;

    EVP_DecryptInit_ex(open_context, NULL, NULL, NULL, nonce);
    EVP_DecryptUpdate(open_context, NULL, &bytes, aad, AAD_BYTES);
    EVP_DecryptUpdate(open_context, out, &bytes, in, PAGE_BYTES);
    EVP_CIPHER_CTX_ctrl(open_context, EVP_CTRL_AEAD_SET_TAG, TAG_BYTES, (void *)(uintptr_t)tag);
    return EVP_DecryptFinal_ex(open_context, last, &bytes) == 1;
}

static bool gcrypt_start(const uint8_t raw[32])
{
    if (!gcry_control(GCRYCTL_INITIALIZATION_FINISHED_P)) {
        gcry_check_version(NULL);
        gcry_control(GCRYCTL_DISABLE_SECMEM, 0);
        gcry_control(GCRYCTL_INITIALIZATION_FINISHED, 0);
    }
    return gcry_cipher_open(&gcrypt_handle, GCRY_CIPHER_AES256, GCRY_CIPHER_MODE_GCM, 0) == 0 &&
           gcry_cipher_setkey(gcrypt_handle, raw, 32) == 0;
}

static void gcrypt_stop(void)
{
    gcry_cipher_close(gcrypt_handle);
}

static void gcrypt_seal(const uint8_t *nonce, const uint8_t *aad, const void *in, void *out,
                        uint8_t *tag)
{
    gcry_cipher_setiv(gcrypt_handle, nonce, NONCE_BYTES);
    gcry_cipher_authenticate(gcrypt_handle, aad, AAD_BYTES);
    gcry_cipher_encrypt(gcrypt_handle, out, PAGE_BYTES, in, PAGE_BYTES);
    gcry_cipher_gettag(gcrypt_handle, tag, TAG_BYTES);
}

static bool gcrypt_open(const uint8_t *nonce, const uint8_t *aad, const void *in, void *out,
                        const uint8_t *tag)
{
    gcry_cipher_setiv(gcrypt_handle, nonce, NONCE_BYTES);
    gcry_cipher_authenticate(gcrypt_handle, aad, AAD_BYTES);
    gcry_cipher_decrypt(gcrypt_handle, out, PAGE_BYTES, in, PAGE_BYTES);
    return gcry_cipher_checktag(gcrypt_handle, tag, TAG_BYTES) == 0;
}

const struct cipher cipher_openssl = {
    "OpenSSL", no_lack, openssl_start, openssl_stop, openssl_seal, openssl_open, false};
const struct cipher cipher_libgcrypt = {
    "libgcrypt", no_lack, gcrypt_start, gcrypt_stop, gcrypt_seal, gcrypt_open, false};
