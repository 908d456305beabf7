/* compiled alone: keys and plaintext pass through its registers and its stack */
/* gcm_aesni.c — the AES-NI and PCLMULQDQ kernel: eight blocks in flight, GCM_POWERS to a reduction.
 *
 * Four pairs of blocks go round, each a quarter of the rounds behind the one before it. At every
 * step one pair is finished, hashed, and replaced by the next: AES and carry-less multiplication
 * always have work beside each other. Eight states, two blocks to hash, three sums, a counter and
 * one temporary fill the sixteen registers, so round keys and hash powers are memory operands.
 * Nothing may be spilled: the stack would then hold key material.
 *
 * The last round yields the output at once: its round key is XORed with the input first. Thus a
 * block of DRAM is read once, or never read back, and goes from its register into the hash.
 */
#include "gcm_kernel.h"

#pragma clang attribute push(__attribute__((target("aes,pclmul,ssse3,sse4.1"))), \
                             apply_to = function)

#define UNROLL _Pragma("clang loop unroll(full)")
#define PAIRS  4u
#define EIGHT  (2 * PAIRS)

/* `opening` and what selects rounds are to be constants in all of the kernel. */
#define INLINE static inline __attribute__((always_inline))

struct pair {
    __m128i block[2];
};

/* What the loop carries along, in registers. */
struct flow {
    const struct gcm_key *key;
    const uint8_t *in;
    uint8_t *out;
    uint32_t count;             /* multiple of eight */
    __m128i counter;            /* block with that count, XORed with the first round key */
    struct pair pair[PAIRS];
    __m128i hash;               /* joins the next block that is hashed */
    struct gcm_product sum;
};

/* The compiler may neither load a block twice nor move a load of key material out of the loop. */
INLINE __m128i load_once(const uint8_t *in)
{
    __m128i block = gcm_load(in);

    __asm__ volatile("" : "+x"(block) : : "memory");
    return block;
}

/* gcm_reverse, with the order in memory. */
INLINE __m128i reverse(__m128i block)
{
    static const _Alignas(16) uint8_t order[16] = {
        15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0};

    __asm__ volatile("pshufb %1, %0" : "+x"(block) : "m"(order));
    return block;
}

INLINE void count_eight(struct flow *flow)
{
    uint32_t word;

    flow->count += EIGHT;
    __builtin_memcpy(&word, flow->key->round_keys[0] + 12, sizeof word);
    int last = (int)(__builtin_bswap32(flow->count) ^ word);
    flow->counter = _mm_insert_epi32(flow->counter, last, 3);
}

/* The message begins with counter 2 (1 masks the tag): of eight blocks, the last two carry into the
 * next eight. */
INLINE void start(struct flow *flow, size_t p)
{
    if (p == PAIRS - 1)
        count_eight(flow);
    UNROLL for (size_t i = 0; i < 2; i++) {
        int low = (int)(2 + 2 * p + i) % (int)EIGHT;

        flow->pair[p].block[i] = _mm_xor_si128(flow->counter, _mm_set_epi32(low << 24, 0, 0, 0));
    }
}

INLINE void encrypt_round(struct pair *pair, const uint8_t *round_key)
{
    __m128i k;

    __asm__ volatile("movdqa %[from], %[k]\n\taesenc %[k], %0\n\taesenc %[k], %1"
                     : "+x"(pair->block[0]), "+x"(pair->block[1]), [k] "=&x"(k)
                     : [from] "m"(*(const __m128i *)round_key));
}

/* Returns the ciphertext, byte-reversed. */
INLINE struct pair finish(struct flow *flow, size_t p, bool opening)
{
    struct pair text;

    UNROLL for (size_t i = 0; i < 2; i++) {
        __m128i input = load_once(flow->in + 16 * (2 * p + i));
        __m128i last = _mm_xor_si128(input, gcm_load(flow->key->round_keys[GCM_ROUNDS]));
        __m128i output = _mm_aesenclast_si128(flow->pair[p].block[i], last);

        _mm_storeu_si128((__m128i_u *)(flow->out + 16 * (2 * p + i)), output);
        text.block[i] = reverse(opening ? input : output);
        if (p == 0 && i == 0) {
            text.block[0] = _mm_xor_si128(text.block[0], flow->hash);
            __asm__ volatile("" : "+x"(text.block[0]));     /* now: the hash's register is needed */
        }
    }
    return text;
}

/* Pair p is finished and replaced, and all pairs go a quarter further. power: of the first of the
 * eight blocks. */
INLINE void step(struct flow *flow, size_t p, size_t power, bool finishing, bool starting,
                 bool opening)
{
    /* of each quarter */
    static const size_t first_round[PAIRS + 1] = {1, 5, 8, 11, GCM_ROUNDS};
    struct pair text;

    if (finishing)
        text = finish(flow, p, opening);
    if (starting)
        start(flow, p);
    UNROLL for (size_t i = 0; i < 4; i++) {
        UNROLL for (size_t q = 0; q < PAIRS; q++) {
            size_t quarter = (p + PAIRS - q) % PAIRS, round = first_round[quarter] + i;

            if ((q <= p ? starting : finishing) && round < first_round[quarter + 1])
                encrypt_round(&flow->pair[q], flow->key->round_keys[round]);
        }
        if (finishing && (i == 1 || i == 2))
            flow->sum = gcm_multiply_add(flow->key, flow->sum, text.block[i - 1],
                                         power - (2 * p + i - 1));
    }
}

INLINE void eight_blocks(struct flow *flow, size_t power, bool finishing, bool starting,
                         bool opening)
{
    UNROLL for (size_t p = 0; p < PAIRS; p++)
        step(flow, p, power, finishing, starting, opening);
}

/* eights: how many times eight blocks. With none, keystream is made for nothing. */
INLINE __m128i run_eights(struct flow *flow, size_t eights, bool opening)
{
    eight_blocks(flow, 0, false, true, opening);
    while (eights-- > 0) {
        size_t power = (eights % (GCM_POWERS / EIGHT) + 1) * EIGHT;

        if (eights > 0)
            eight_blocks(flow, power, true, true, opening);
        else
            eight_blocks(flow, power, true, false, opening);
        flow->in += 16 * EIGHT;
        flow->out += 16 * EIGHT;
        flow->hash = _mm_setzero_si128();
        if (power == EIGHT) {
            flow->hash = gcm_reduce(flow->sum);
            flow->sum = gcm_product_zero();
        }
    }
    return flow->hash;
}

/* Not inline, so that it takes no register from the loop above. */
__attribute__((noinline))
static __m128i run_singles(const struct gcm_key *key, __m128i hash, __m128i counter,
                           const uint8_t *in, uint8_t *out, size_t blocks, bool opening)
{
    for (; blocks > 0; blocks--, in += 16, out += 16) {
        __m128i input = load_once(in);
        __m128i output = _mm_xor_si128(input, gcm_encrypt_block(key, gcm_reverse(counter)));

        _mm_storeu_si128((__m128i_u *)out, output);
        hash = gcm_absorb(key, hash, gcm_reverse(opening ? input : output));
        counter = _mm_add_epi32(counter, _mm_set_epi32(0, 0, 0, 1));
    }
    return hash;
}

INLINE __m128i run(const struct gcm_key *key, __m128i hash, const uint8_t *nonce, const uint8_t *in,
                   uint8_t *out, size_t blocks, bool opening)
{
    struct flow flow = {.key = key, .in = in, .out = out, .hash = hash, .sum = gcm_product_zero()};
    size_t eights = blocks / EIGHT, done = eights * EIGHT;

    flow.counter = _mm_xor_si128(reverse(gcm_counter_base(nonce)), gcm_load(key->round_keys[0]));
    hash = run_eights(&flow, eights, opening);

    __m128i counter = _mm_add_epi32(gcm_counter_base(nonce), _mm_cvtsi32_si128((int)(2 + done)));

    return run_singles(key, hash, counter, in + 16 * done, out + 16 * done, blocks - done, opening);
}

__m128i gcm_aesni_seal(const struct gcm_key *key, __m128i hash, const uint8_t *nonce,
                       const uint8_t *in, uint8_t *out, size_t blocks)
{
    return run(key, hash, nonce, in, out, blocks, false);
}

__m128i gcm_aesni_open(const struct gcm_key *key, __m128i hash, const uint8_t *nonce,
                       const uint8_t *in, uint8_t *out, size_t blocks)
{
    return run(key, hash, nonce, in, out, blocks, true);
}

#pragma clang attribute pop
