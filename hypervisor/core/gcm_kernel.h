/* gcm_kernel.h — the AES-NI kernel, and the arithmetic that it shares with what is around it.
 *
 * GHASH is computed as POLYVAL: blocks are byte-reversed, and the hash key was multiplied by x when
 * it was expanded. Products then need no shift, and a reduction is two multiplications by one
 * constant.
 *
 * Vectors travel in registers only. They are secret: a hash and its ciphertext give the hash key
 * away.
 *
 *   source  RFC 8452 (AES-GCM-SIV), appendix A: how GHASH and POLYVAL relate
 */
#pragma once
#include <immintrin.h>

#include "gcm.h"

#define GCM_ROUNDS 14

#pragma clang attribute push(__attribute__((target("aes,pclmul,ssse3,sse4.1"))), \
                             apply_to = function)

/* Encrypts or decrypts `blocks` blocks from counter 2 on, and hashes the ciphertext.
 *   hash      of what came before
 *   returns   hash, with the ciphertext in it
 */
__m128i gcm_aesni_seal(const struct gcm_key *key, __m128i hash, const uint8_t *nonce,
                       const uint8_t *in, uint8_t *out, size_t blocks);
__m128i gcm_aesni_open(const struct gcm_key *key, __m128i hash, const uint8_t *nonce,
                       const uint8_t *in, uint8_t *out, size_t blocks);

/* Fills in the round keys, and returns the hash key, byte-reversed and multiplied by x. Leaves key
 * material in registers. */
__m128i gcm_expand(struct gcm_key *key, const uint8_t raw[GCM_KEY_BYTES]);

/* A product before reduction: lo + middle x^64 + hi x^128. Karatsuba: lo and hi are still in
 * `middle`. */
struct gcm_product {
    __m128i lo;
    __m128i middle;
    __m128i hi;
};

static inline __m128i gcm_reverse(__m128i block)
{
    const __m128i order = _mm_set_epi8(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);

    return _mm_shuffle_epi8(block, order);
}

static inline __m128i gcm_halves(__m128i a)
{
    return _mm_xor_si128(a, _mm_shuffle_epi32(a, 0x4E));
}

static inline __m128i gcm_reduce(struct gcm_product sum)
{
    const __m128i polynomial = _mm_set_epi64x((long long)0xC200000000000000, 1);
    __m128i middle = _mm_xor_si128(sum.middle, _mm_xor_si128(sum.lo, sum.hi));
    __m128i lo = _mm_xor_si128(sum.lo, _mm_slli_si128(middle, 8));
    __m128i hi = _mm_xor_si128(sum.hi, _mm_srli_si128(middle, 8));

    lo = _mm_xor_si128(_mm_shuffle_epi32(lo, 0x4E), _mm_clmulepi64_si128(lo, polynomial, 0x10));
    lo = _mm_xor_si128(_mm_shuffle_epi32(lo, 0x4E), _mm_clmulepi64_si128(lo, polynomial, 0x10));
    return _mm_xor_si128(hi, lo);
}

static inline __m128i gcm_load(const void *bytes)
{
    return _mm_loadu_si128(bytes);
}

/* 0 .. 15 bytes, padded with zeros and byte-reversed. Always inline: in a kernel on wide vectors it
 * must have their encoding. */
static inline __attribute__((always_inline))
__m128i gcm_tail_load(const uint8_t *from, size_t bytes)
{
    unsigned __int128 block = 0;

    for (size_t i = 0; i < bytes; i++)
        block |= (unsigned __int128)from[i] << (120 - 8 * i);
    return _mm_set_epi64x((long long)(block >> 64), (long long)block);
}

/* sum + a H^power; power: 1 .. GCM_POWERS.
 *
 * In assembly, because one temporary must do: the compiler starts all three products at once, and
 * spills.
 */
static inline struct gcm_product gcm_multiply_add(const struct gcm_key *key, struct gcm_product sum,
                                                  __m128i a, size_t power)
{
    __m128i t;

    __asm__ volatile("movdqa %[a], %[t]\n\tpclmulqdq $0x00, %[h], %[t]\n\tpxor %[t], %[lo]\n\t"
                     "movdqa %[a], %[t]\n\tpclmulqdq $0x11, %[h], %[t]\n\tpxor %[t], %[hi]\n\t"
                     "pshufd $0x4E, %[a], %[t]\n\tpxor %[a], %[t]\n\t"
                     "pclmulqdq $0x00, %[halves], %[t]\n\tpxor %[t], %[middle]"
                     : [lo] "+x"(sum.lo), [middle] "+x"(sum.middle), [hi] "+x"(sum.hi), [t] "=&x"(t)
                     : [a] "x"(a), [h] "m"(*(const __m128i *)key->hash.narrow.powers[power - 1]),
                       [halves] "m"(*(const __m128i *)key->hash.narrow.halves[power - 1]));
    return sum;
}

static inline struct gcm_product gcm_product_zero(void)
{
    return (struct gcm_product){_mm_setzero_si128(), _mm_setzero_si128(), _mm_setzero_si128()};
}

/* One more block, byte-reversed, into the hash. */
static inline __m128i gcm_absorb(const struct gcm_key *key, __m128i hash, __m128i block)
{
    return gcm_reduce(gcm_multiply_add(key, gcm_product_zero(), _mm_xor_si128(hash, block), 1));
}

/* nonce || 32-bit big-endian 0, byte-reversed: adding to the lowest lane counts. */
static inline __m128i gcm_counter_base(const uint8_t *nonce)
{
    uint64_t high;
    uint32_t low;

    __builtin_memcpy(&high, nonce, 8);
    __builtin_memcpy(&low, nonce + 8, 4);
    high = __builtin_bswap64(high);
    return _mm_set_epi64x((long long)high, (long long)((uint64_t)__builtin_bswap32(low) << 32));
}

static inline __m128i gcm_encrypt_block(const struct gcm_key *key, __m128i block)
{
    block = _mm_xor_si128(block, gcm_load(key->round_keys[0]));
    for (int round = 1; round < GCM_ROUNDS; round++)
        block = _mm_aesenc_si128(block, gcm_load(key->round_keys[round]));
    return _mm_aesenclast_si128(block, gcm_load(key->round_keys[GCM_ROUNDS]));
}

#pragma clang attribute pop
