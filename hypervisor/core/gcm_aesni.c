/* gcm_aesni.c — the AES-NI and PCLMULQDQ kernel: four blocks in flight, eight to a reduction.
 *
 * While AES works on four blocks, the four before them are hashed: the two units overlap. Four states, four
 * hashed blocks, three sums, a round key and temporaries fill the sixteen registers, so round keys and hash
 * powers are memory operands. Nothing may be spilled: the stack would then hold key material.
 *
 * The last round yields the output at once: its round key is XORed with the input first. Thus a block of DRAM is
 * read once, or never read back, and goes from its register into the hash.
 */
#include "gcm_kernel.h"

#pragma clang attribute push(__attribute__((target("aes,pclmul,ssse3,sse4.1"))), apply_to = function)

#define UNROLL _Pragma("clang loop unroll(full)")
#define HALF   (GCM_WIDE / 2)

/* `opening` and `power` are to be constants in all of the kernel. */
#define INLINE static inline __attribute__((always_inline))

struct half {
    __m128i block[HALF];
};

/* What a loop over halves carries along, in registers. */
struct flow {
    const struct gcm_key *key;
    __m128i counter;
    struct half pending;        /* ciphertext, byte-reversed, not yet hashed */
    struct gcm_product sum;
};

/* The compiler may neither load a block twice nor move a load of key material out of the loop. */
INLINE __m128i load_once(const uint8_t *in)
{
    __m128i block = gcm_load(in);

    __asm__ volatile("" : "+x"(block) : : "memory");
    return block;
}

INLINE __m128i count(__m128i *counter)
{
    __m128i now = gcm_reverse(*counter);

    *counter = _mm_add_epi32(*counter, _mm_set_epi32(0, 0, 0, 1));
    return now;
}

INLINE void half_round(struct half *half, const uint8_t *round_key)
{
    __m128i *b = half->block;
    __m128i k;

    __asm__ volatile("movdqa %[from], %[k]\n\t"
                     "aesenc %[k], %0\n\taesenc %[k], %1\n\taesenc %[k], %2\n\taesenc %[k], %3"
                     : "+x"(b[0]), "+x"(b[1]), "+x"(b[2]), "+x"(b[3]), [k] "=&x"(k)
                     : [from] "m"(*(const __m128i *)round_key));
}

/* power: that of the first pending block. */
INLINE void hash_pending(struct flow *flow, size_t i, size_t power)
{
    flow->sum = gcm_multiply_add(flow->key, flow->sum, flow->pending.block[i], power - i);
}

/* power: as above; 0 when nothing is pending yet. */
INLINE void half_step(struct flow *flow, size_t power, const uint8_t *in, uint8_t *out,
                             bool opening)
{
    const struct gcm_key *key = flow->key;
    struct half half;

    UNROLL for (size_t i = 0; i < HALF; i++)
        half.block[i] = _mm_xor_si128(count(&flow->counter), gcm_load(key->round_keys[0]));
    UNROLL for (size_t round = 1; round < GCM_ROUNDS; round++) {
        half_round(&half, key->round_keys[round]);
        if (power != 0 && round % 3 == 0)
            hash_pending(flow, round / 3 - 1, power);
    }
    UNROLL for (size_t i = 0; i < HALF; i++) {
        __m128i input = load_once(in + 16 * i);
        __m128i last = _mm_xor_si128(input, gcm_load(key->round_keys[GCM_ROUNDS]));
        __m128i output = _mm_aesenclast_si128(half.block[i], last);

        _mm_storeu_si128((__m128i_u *)(out + 16 * i), output);
        flow->pending.block[i] = gcm_reverse(opening ? input : output);
    }
}

/* The hash so far joins the first block of the next sum. */
INLINE void begin_sum(struct flow *flow, __m128i hash)
{
    flow->sum = gcm_product_zero();
    flow->pending.block[0] = _mm_xor_si128(flow->pending.block[0], hash);
}

/* groups: of GCM_WIDE blocks, at least one. */
INLINE __m128i run_wide(struct flow *flow, __m128i hash, const uint8_t *in, uint8_t *out,
                               size_t groups, bool opening)
{
    half_step(flow, 0, in, out, opening);
    for (;;) {
        begin_sum(flow, hash);
        half_step(flow, GCM_WIDE, in + 16 * HALF, out + 16 * HALF, opening);
        if (--groups == 0)
            break;
        in += 16 * GCM_WIDE;
        out += 16 * GCM_WIDE;
        half_step(flow, HALF, in, out, opening);
        hash = gcm_reduce(flow->sum);
    }
    UNROLL for (size_t i = 0; i < HALF; i++)
        hash_pending(flow, i, HALF);
    return gcm_reduce(flow->sum);
}

INLINE __m128i run(const struct gcm_key *key, __m128i hash, const uint8_t *nonce, const uint8_t *in,
                          uint8_t *out, size_t blocks, bool opening)
{
    struct flow flow = {.key = key};
    size_t wide = blocks / GCM_WIDE * GCM_WIDE;

    /* Counter 1 masks the tag. */
    flow.counter = _mm_add_epi32(gcm_counter_base(nonce), _mm_set_epi32(0, 0, 0, 2));
    if (wide != 0)
        hash = run_wide(&flow, hash, in, out, wide / GCM_WIDE, opening);
    for (size_t i = wide; i < blocks; i++) {
        __m128i input = load_once(in + 16 * i);
        __m128i output = _mm_xor_si128(input, gcm_encrypt_block(key, count(&flow.counter)));

        _mm_storeu_si128((__m128i_u *)(out + 16 * i), output);
        hash = gcm_absorb(key, hash, gcm_reverse(opening ? input : output));
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
