/* gcm_aesni.c — the AES-NI and PCLMULQDQ kernel: eight blocks at a time.
 *
 * Eight AES states fill half of the registers, the three sums of the hash, a round key and temporaries the rest, so
 * round keys and hash powers are memory operands. Nothing may be spilled: ci/ looks for vector stores to the stack.
 *
 * The last round yields the output at once: its round key is XORed with the input first. Thus a ciphertext block
 * is read once, or never read back, and goes from its register into the hash.
 */
#include "gcm_kernel.h"

#pragma clang attribute push(__attribute__((target("aes,pclmul,ssse3,sse4.1"))), apply_to = function)

#define UNROLL _Pragma("clang loop unroll(full)")

struct wide {
    __m128i block[GCM_WIDE];
};

/* The compiler may neither load a block twice nor move a load of key material out of the loop. */
static inline __m128i load_once(const uint8_t *in)
{
    __m128i block = gcm_load(in);

    __asm__ volatile("" : "+x"(block) : : "memory");
    return block;
}

/* Ends the life of all temporaries: left alone, the compiler multiplies later, and spills what it must keep. */
static inline struct gcm_product settle(struct gcm_product sum)
{
    __asm__ volatile("" : "+x"(sum.lo), "+x"(sum.middle), "+x"(sum.hi));
    return sum;
}

static inline void wide_round(struct wide *wide, const uint8_t *round_key)
{
    __m128i *b = wide->block;
    __m128i k;

    __asm__ volatile(
        "movdqa %[from], %[k]\n\t"
        "aesenc %[k], %0\n\taesenc %[k], %1\n\taesenc %[k], %2\n\taesenc %[k], %3\n\t"
        "aesenc %[k], %4\n\taesenc %[k], %5\n\taesenc %[k], %6\n\taesenc %[k], %7"
        : "+x"(b[0]), "+x"(b[1]), "+x"(b[2]), "+x"(b[3]), "+x"(b[4]), "+x"(b[5]), "+x"(b[6]), "+x"(b[7]),
          [k] "=&x"(k)
        : [from] "m"(*(const __m128i *)round_key));
}

static inline struct wide wide_start(const struct gcm_key *key, __m128i counter)
{
    struct wide wide;
    __m128i round_key = gcm_load(key->round_keys[0]);

    UNROLL for (int i = 0; i < GCM_WIDE; i++) {
        wide.block[i] = _mm_xor_si128(gcm_reverse(counter), round_key);
        counter = _mm_add_epi32(counter, _mm_set_epi32(0, 0, 0, 1));
    }
    return wide;
}

static inline __m128i wide_step(const struct gcm_key *key, __m128i hash, __m128i counter, const uint8_t *in,
                                uint8_t *out, bool opening)
{
    struct wide wide = wide_start(key, counter);
    struct gcm_product sum = gcm_product_zero();

    UNROLL for (int round = 1; round < GCM_ROUNDS; round++)
        wide_round(&wide, key->round_keys[round]);

    UNROLL for (size_t i = 0; i < GCM_WIDE; i++) {
        __m128i input = load_once(in + 16 * i);
        __m128i last = _mm_xor_si128(input, gcm_load(key->round_keys[GCM_ROUNDS]));
        __m128i output = _mm_aesenclast_si128(wide.block[i], last);
        __m128i hashed = gcm_reverse(opening ? input : output);

        _mm_storeu_si128((__m128i_u *)(out + 16 * i), output);
        if (i == 0)
            hashed = _mm_xor_si128(hashed, hash);
        sum = settle(gcm_multiply_add_power(key, sum, hashed, GCM_WIDE - i));
    }
    return gcm_reduce(sum);
}

static inline __m128i run(const struct gcm_key *key, __m128i hash, const uint8_t *nonce, const uint8_t *in,
                          uint8_t *out, size_t blocks, bool opening)
{
    /* Counter 1 masks the tag. */
    __m128i counter = _mm_add_epi32(gcm_counter_base(nonce), _mm_set_epi32(0, 0, 0, 2));

    for (; blocks >= GCM_WIDE; blocks -= GCM_WIDE) {
        hash = wide_step(key, hash, counter, in, out, opening);
        counter = _mm_add_epi32(counter, _mm_set_epi32(0, 0, 0, GCM_WIDE));
        in += 16 * GCM_WIDE;
        out += 16 * GCM_WIDE;
    }
    for (; blocks > 0; blocks--) {
        __m128i input = load_once(in);
        __m128i output = _mm_xor_si128(input, gcm_encrypt_block(key, gcm_reverse(counter)));

        _mm_storeu_si128((__m128i_u *)out, output);
        hash = gcm_absorb(key, hash, gcm_reverse(opening ? input : output));
        counter = _mm_add_epi32(counter, _mm_set_epi32(0, 0, 0, 1));
        in += 16;
        out += 16;
    }
    return hash;
}

__m128i gcm_aesni_seal(const struct gcm_key *key, __m128i hash, const uint8_t *nonce, const uint8_t *in,
                       uint8_t *out, size_t blocks)
{
    return run(key, hash, nonce, in, out, blocks, false);
}

__m128i gcm_aesni_open(const struct gcm_key *key, __m128i hash, const uint8_t *nonce, const uint8_t *in,
                       uint8_t *out, size_t blocks)
{
    return run(key, hash, nonce, in, out, blocks, true);
}

#pragma clang attribute pop
