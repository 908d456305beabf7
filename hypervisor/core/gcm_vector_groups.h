/* gcm_vector_groups.h — the inner loop: a group of GCM_WIDE vectors, half of it encrypted while
 * half a group is hashed. */
#pragma once

#include "gcm_vector_hash.h"

#define ROUNDS      14

/* What a loop over groups carries along, in registers. */
struct flow {
    const struct gcm_key *key;
    vec counter;            /* counter block of the group, byte-reversed: its first block's, less 2,
                               in every lane */
    vec first;              /* the same as AES takes it, less the first round key */
    vec pending[HALF];      /* sealing: ciphertext, not yet hashed */
    vec hash;               /* of each lane, up to the group under way */
    struct sum sum;
};

enum direction { SEAL, OPEN };

/* nonce || 32-bit big-endian 0, byte-reversed: adding to the lowest lane counts. */
INLINE __m128i counter_base(const uint8_t *nonce)
{
    uint64_t high;
    uint32_t low;

    __builtin_memcpy(&high, nonce, 8);
    __builtin_memcpy(&low, nonce + 8, 4);
    return _mm_set_epi64x((long long)__builtin_bswap64(high),
                          (long long)((uint64_t)__builtin_bswap32(low) << 32));
}

/* 32-bit words of four lanes. */
#define LANES_OF(a, b, c, d) {a, 0, 0, 0, b, 0, 0, 0, c, 0, 0, 0, d, 0, 0, 0}
#define STEP(i) {0, 0, 0, (2 + LANES * i) << 24, 0, 0, 0, (3 + LANES * i) << 24, \
                 0, 0, 0, (4 + LANES * i) << 24, 0, 0, 0, (5 + LANES * i) << 24}

/* The counters of vector i of a group, less the first round key. The message begins with counter 2,
 * so that only the group's last vector carries into the next multiple of the group's blocks: for
 * the others, an exclusive or counts.
 */
INLINE vec counter_vector(struct flow *flow, size_t i)
{
    static const _Alignas(64) uint32_t steps[GCM_WIDE - 1][16] = {STEP(0), STEP(1), STEP(2),
        STEP(3),
                                                                     STEP(4), STEP(5), STEP(6)};
    static const _Alignas(64) uint32_t group[16] = LANES_OF(N, N, N, N);
    static const _Alignas(64) uint32_t last[16] = LANES_OF(N + 2 - LANES, N + 3 - LANES,
                                                           N + 4 - LANES, N + 5 - LANES);

    if (i + 1 < GCM_WIDE)
        return vec_xor(flow->first, vec_load(steps[i]));

    vec k = vec_all(flow->key->round_keys[0]);
    vec now = vec_xor(reverse(vec_add(flow->counter, vec_load(last))), k);

    flow->counter = vec_add(flow->counter, vec_load(group));
    flow->first = vec_xor(reverse(flow->counter), k);
    return now;
}

/* The compiler may not load twice. */
INLINE vec load_once(const uint8_t *in)
{
    vec a = vec_load(in);

    __asm__ volatile("" : "+" VEC_REGISTER(a) : : "memory");
    return a;
}

/* In assembly: the compiler would take a few rounds of one vector at a time, and wait for each. */
INLINE void half_round(vec *b, const uint8_t *round_key)
{
    vec k;

    __asm__ volatile(VEC_BROADCAST " %5, %4\n\t"
                     "vaesenc %4, %0, %0\n\tvaesenc %4, %1, %1\n\t"
                     "vaesenc %4, %2, %2\n\tvaesenc %4, %3, %3"
                     : "+" VEC_REGISTER(b[0]), "+" VEC_REGISTER(b[1]), "+" VEC_REGISTER(b[2]),
                       "+" VEC_REGISTER(b[3]), "=&" VEC_REGISTER(k)
                     : "m"(*(const __m128i *)round_key));
}

/* The compiler may not put it off: it would keep its operands, and spill them. */
INLINE vec now(vec a)
{
    __asm__ volatile("" : "+" VEC_REGISTER(a));
    return a;
}

/* Half a group. powers: of what is hashed meanwhile: the input when opening, else what is pending.
 * with: one more vector that is encrypted on the way, or NULL.
 */
INLINE void half_step(struct flow *flow, const uint8_t *in, uint8_t *out, const uint8_t *powers,
                      size_t first,
                      bool joins, enum direction direction, bool streams, vec *with)
{
    const struct gcm_key *key = flow->key;
    vec b[HALF], text[HALF], k;

    UNROLL for (size_t i = 0; i < HALF; i++) {
        text[i] = direction == OPEN ? load_once(in + i * sizeof(vec)) : flow->pending[i];
        b[i] = counter_vector(flow, first + i);
    }
    UNROLL for (size_t round = 1; round < ROUNDS; round++) {
        half_round(b, key->round_keys[round]);
        if (with != NULL)
            *with = now(vec_aesenc(*with, vec_all(key->round_keys[round])));
        if (round == 3 || round == 8) { /* the pair that the hash joins comes second: it may still
                                           be under way */
            size_t i = round == 3 ? 2 : 0;

            hash_two(&flow->sum, joins && i == 0 ? flow->hash : vec_zero(), text[i], text[i + 1],
                     powers + i * sizeof(vec));
        }
    }
    k = vec_all(key->round_keys[ROUNDS]);
    if (with != NULL)
        *with = now(vec_aesenclast(*with, k));
    UNROLL for (size_t i = 0; i < HALF; i++) {
        vec input = direction == OPEN ? text[i] : load_once(in + i * sizeof(vec));
        vec output = vec_aesenclast(b[i], vec_xor(input, k));

        if (streams)
            vec_stream(out + i * sizeof(vec), output);
        else
            vec_store(out + i * sizeof(vec), output);
        flow->pending[i] = output;
    }
}

INLINE void take_hash(struct flow *flow)
{
    flow->hash = reduce(&flow->sum);
    __asm__ volatile("" : "+" VEC_REGISTER(flow->hash));    /* else its last sum comes late, and
                                                               takes registers */
    flow->sum = sum_zero();
}

/* Sealing hashes half a group late, since ciphertext must exist first. */
INLINE void group_step(struct flow *flow, const uint8_t *in, uint8_t *out, const uint8_t *powers,
                       enum direction direction,
                       bool streams, vec *with)
{
    const uint8_t *each = flow->key->hash.wide.each[0];
    size_t half = HALF * sizeof(vec);

    if (direction == OPEN)
        take_hash(flow);
    half_step(flow, in, out, direction == OPEN ? powers : each + half, 0, direction == OPEN,
              direction, streams,
              NULL);
    if (direction == SEAL)
        take_hash(flow);
    half_step(flow, in + half, out + half, direction == OPEN ? powers + half : powers, HALF,
              direction == SEAL,
              direction, streams, with);
}

/* powers: of the last group. */
INLINE void hash_pending(struct flow *flow, const uint8_t *powers)
{
    UNROLL for (size_t i = 0; i < HALF; i += 2)
        hash_two(&flow->sum, vec_zero(), flow->pending[i], flow->pending[i + 1],
                 powers + (HALF + i) * sizeof(vec));
}

/* A hash that is in the sum and reduces to what it was, and nothing pending: the first step then
 * needs no case. */
INLINE struct flow flow_start(const struct gcm_key *key, const uint8_t *nonce, __m128i hash)
{
    struct flow flow;

    flow.key = key;
    flow.sum = sum_zero();
    flow.counter = vec_spread(counter_base(nonce));
    flow.first = vec_xor(reverse(flow.counter), vec_all(key->round_keys[0]));
    add_product(&flow.sum, vec_from(hash), vec_all(key->hash.wide.last[N]));
    UNROLL for (size_t i = 0; i < HALF; i++)
        flow.pending[i] = vec_zero();
    return flow;
}

struct message {
    const uint8_t *nonce;
    const uint8_t *in;
    uint8_t *out;
    size_t bytes;
    size_t aad_bytes;
};

INLINE __m128i reverse_one(__m128i a)
{
    return vec_first(reverse(vec_from(a)));
}

INLINE vec encrypt(const struct gcm_key *key, vec a)
{
    a = vec_xor(a, vec_all(key->round_keys[0]));
    UNROLL for (size_t round = 1; round < ROUNDS; round++) {
        a = vec_aesenc(a, vec_all(key->round_keys[round]));
        __asm__ volatile("" : "+" VEC_REGISTER(a));     /* else all keys are loaded first, and
                                                           spilled */
    }
    return vec_aesenclast(a, vec_all(key->round_keys[ROUNDS]));
}

INLINE __m128i encrypt_counter(const struct gcm_key *key, const uint8_t *nonce, uint32_t counter)
{
    __m128i block = _mm_add_epi32(counter_base(nonce), _mm_cvtsi32_si128((int)counter));

    return vec_first(encrypt(key, reverse(vec_from(block))));
}

INLINE __m128i lengths(const struct message *message)
{
    return _mm_set_epi64x((long long)(message->aad_bytes * 8), (long long)(message->bytes * 8));
}

INLINE bool is_equal(__m128i right, const uint8_t *tag)
{
    __m128i difference = _mm_xor_si128(right, _mm_loadu_si128((const __m128i_u *)tag));

    int is_zero = _mm_testz_si128(difference, difference);  /* a comparison takes an opmask */

    /* The compiler may not put it off until registers are erased: it would spill. */
    __asm__ volatile("" : "+r"(is_zero));
    return is_zero;
}
