/* gcm.h — AES-256-GCM with 96-bit nonces and 128-bit tags. Source: NIST SP 800-38D, FIPS 197. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define GCM_KEY_BYTES    32u
#define GCM_NONCE_BYTES  12u
#define GCM_TAG_BYTES    16u
#define GCM_BLOCK_BYTES  16u
#define GCM_POWERS       128u    /* of the AES-NI kernel; a multiple of 8 */
#define GCM_WIDE         8u      /* vectors of the wide kernels that share one reduction */
#define GCM_LANES_MAX    4u      /* blocks in the widest vector */

enum gcm_cipher : uint32_t { GCM_ANY = 0, GCM_AESNI = 1, GCM_VAES256 = 2, GCM_VAES512 = 3 };

struct gcm_kernel;

/* Everything secret that the kernels need, as memory operands: round keys and powers of the hash
 * key. Best aligned to 64 bytes. */
struct gcm_key {
    _Alignas(16) uint8_t round_keys[15][16];
    const struct gcm_kernel *kernel;            /* that it was expanded for */
    uint64_t reserved;
    union gcm_hash_key {
        struct {
            uint8_t powers[GCM_POWERS][16];     /* H^1 and so on, in the form the kernel multiplies
                                                 * with */
            uint8_t halves[GCM_POWERS][16];     /* high ^ low of each power, for Karatsuba */
        } narrow;
        struct {                                /* n = GCM_WIDE * lanes */
            /* Vector i: H^(n - lanes i), in every lane. */
            uint8_t each[GCM_WIDE * GCM_LANES_MAX][16];
            uint8_t last[GCM_WIDE * GCM_LANES_MAX + 1][16];     /* H^(n + 1) .. H^1 */
        } wide;
    } hash;
};

/* One way to compute it. The calls are those below. */
struct gcm_kernel {
    const char     *name;
    enum gcm_cipher id;
    uint32_t        ebx, ecx;       /* what it needs of CPUID's leaf 7 */
    uint32_t        state;          /* XCR0 while it works; 0: XMM registers in legacy encodings,
                                     * which leave all else alone */
    void (*expand)(struct gcm_key *key, const uint8_t raw[GCM_KEY_BYTES]);
    void (*seal)(const struct gcm_key *key, const uint8_t nonce[GCM_NONCE_BYTES], const void *aad,
                 size_t aad_bytes, const void *in, void *out, size_t bytes,
                 uint8_t tag[GCM_TAG_BYTES]);
    bool (*open)(const struct gcm_key *key, const uint8_t nonce[GCM_NONCE_BYTES], const void *aad,
                 size_t aad_bytes, const void *in, void *out, size_t bytes,
                 const uint8_t tag[GCM_TAG_BYTES]);
};
extern const struct gcm_kernel gcm_aesni, gcm_vaes256, gcm_vaes512;

/* The widest kernel (GCM_ANY), or the one named, if the CPU has its instructions and the registers
 * that it needs are on in XCR0; else NULL. */
const struct gcm_kernel *gcm_kernel_find(enum gcm_cipher wanted);

void gcm_key_expand(const struct gcm_kernel *kernel, struct gcm_key *key,
                    const uint8_t raw[GCM_KEY_BYTES]);

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
