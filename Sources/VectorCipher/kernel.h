/* kernel.h — AES-256-GCM on vectors of LANES blocks. vaes256.c and vaes512.c include it: they say
 * what a vector is.
 *
 * As in gcm_aesni.c, AES works on some blocks while others are hashed, keys are memory operands,
 * and nothing is spilled. Each lane keeps a hash of its own, reduced once in VECTOR_WIDE vectors.
 * Only the last group multiplies lane by lane with different powers; then the lanes' sum is the
 * hash.
 */
#pragma once

#include "bytes.h"
#include "groups.h"

struct message {
    const uint8_t *nonce;
    const uint8_t *in;
    uint8_t *out;
    size_t bytes;
    size_t aad_bytes;
};

/* 0 .. 15 bytes, padded with zeros and byte-reversed. */
INLINE __m128i tail_load(const uint8_t *from, size_t bytes)
{
    unsigned __int128 block = 0;

    for (size_t i = 0; i < bytes; i++)
        block |= (unsigned __int128)from[i] << (120 - 8 * i);
    return _mm_set_epi64x((long long)(block >> 64), (long long)block);
}

INLINE __m128i reverse_one(__m128i a)
{
    return vec_first(reverse(vec_from(a)));
}

/* Returns the hash of the additional data before its last multiplication by H. */
__attribute__((noinline))
static __m128i hash_additional(const struct vector_key *key, const uint8_t *aad, size_t bytes)
{
    __m128i hash = _mm_setzero_si128();

    for (; bytes > 16; bytes -= 16, aad += 16)
        hash = multiply(key,
                        _mm_xor_si128(hash, reverse_one(_mm_loadu_si128((const __m128i_u *)aad))));
    if (bytes == 16)
        return _mm_xor_si128(hash, reverse_one(_mm_loadu_si128((const __m128i_u *)aad)));
    return _mm_xor_si128(hash, tail_load(aad, bytes));
}

INLINE vec encrypt(const struct vector_key *key, vec a)
{
    a = vec_xor(a, vec_all(key->round_keys[0]));
    UNROLL for (size_t round = 1; round < ROUNDS; round++) {
        a = vec_aesenc(a, vec_all(key->round_keys[round]));
        __asm__ volatile("" : "+" VEC_REGISTER(a));     /* else all keys are loaded first, and
                                                           spilled */
    }
    return vec_aesenclast(a, vec_all(key->round_keys[ROUNDS]));
}

INLINE __m128i encrypt_counter(const struct vector_key *key, const uint8_t *nonce, uint32_t counter)
{
    __m128i block = _mm_add_epi32(counter_base(nonce), _mm_cvtsi32_si128((int)counter));

    return vec_first(encrypt(key, reverse(vec_from(block))));
}

INLINE __m128i lengths(const struct message *message)
{
    return _mm_set_epi64x((long long)(message->aad_bytes * 8), (long long)(message->bytes * 8));
}

INLINE bool is_whole(const struct message *message)
{
    return message->bytes > 0 && message->bytes % GROUP_BYTES == 0;
}

/* The kernels: all whole groups, and, when nothing is left after them, the lengths. Those are one
 * block more, hence the powers of the last group are one higher. The mask of the tag is made while
 *   the last ciphertext is still hashed. hash      of the additional data, before its last
 *   multiplication by H returns   the tag when the message is whole, else the hash
 */
INLINE __m128i run(const struct vector_key *key, __m128i hash, const struct message *message,
                   enum direction direction)
{
    struct flow flow = flow_start(key, message->nonce, hash);
    const uint8_t *in = message->in, *last = key->last[is_whole(message) ? 0 : 1];
    uint8_t *out = message->out;
    size_t groups = message->bytes / GROUP_BYTES;

    if (groups == 0)
        return multiply(key, hash);
    for (; groups > 1; groups--, in += GROUP_BYTES, out += GROUP_BYTES)
        group_step(&flow, in, out, key->each[0], direction, false, NULL);

    vec one = vec_from(_mm_add_epi32(counter_base(message->nonce), _mm_cvtsi32_si128(1)));
    vec mask = vec_xor(reverse(one), vec_all(key->round_keys[0]));
    bool early = LANES == 4 && direction == OPEN;

    group_step(&flow, in, out, last, direction, false, early ? &mask : NULL);
    if (!early)
        mask = vec_from(encrypt_counter(key, message->nonce, 1));

    if (direction == SEAL)
        hash_pending(&flow, last);
    if (!is_whole(message))
        return vec_fold(reduce(&flow.sum));
    add_product(&flow.sum, vec_from(lengths(message)), vec_all(key->last[N]));
    return _mm_xor_si128(reverse_one(vec_fold(reduce(&flow.sum))), vec_first(mask));
}

__attribute__((noinline))
static __m128i seal_groups(const struct vector_key *key, __m128i hash,
                           const struct message *message)
{
    return run(key, hash, message, SEAL);
}

__attribute__((noinline))
static __m128i open_groups(const struct vector_key *key, __m128i hash,
                           const struct message *message)
{
    return run(key, hash, message, OPEN);
}

/* What is left after whole groups, a block at a time; then the lengths, and the mask. Returns the
 * tag. */
__attribute__((noinline))
static __m128i finish(const struct vector_key *key, __m128i hash, const struct message *message,
                      enum direction direction)
{
    for (size_t at = message->bytes / GROUP_BYTES * GROUP_BYTES; at < message->bytes; at += 16) {
        __m128i input = _mm_loadu_si128((const __m128i_u *)(message->in + at));
        __m128i output = _mm_xor_si128(input,
                                       encrypt_counter(key, message->nonce,
                                                       (uint32_t)(2 + at / 16)));

        _mm_storeu_si128((__m128i_u *)(message->out + at), output);
        hash = multiply(key, _mm_xor_si128(hash, reverse_one(direction == OPEN ? input : output)));
    }
    hash = multiply(key, _mm_xor_si128(hash, lengths(message)));
    return _mm_xor_si128(reverse_one(hash), encrypt_counter(key, message->nonce, 1));
}

INLINE bool is_equal(__m128i right, const uint8_t *tag)
{
    return _mm_movemask_epi8(_mm_cmpeq_epi8(right,
                                            _mm_loadu_si128((const __m128i_u *)tag))) == 0xFFFF;
}

void NAME(key_expand)(struct vector_key *key, const uint8_t raw[GCM_KEY_BYTES])
{
    struct gcm_key narrow;

    gcm_key_expand(&narrow, raw);
    __builtin_memcpy(key->round_keys, narrow.round_keys, sizeof key->round_keys);
    __builtin_memcpy(key->last[N], narrow.hash_powers[0], sizeof narrow.hash_powers[0]);
    bytes_wipe(&narrow, sizeof narrow);

    __m128i power = _mm_loadu_si128((const __m128i_u *)key->last[N]);

    for (size_t i = N; i-- > 0;) {
        if (i % LANES == 0)
            for (size_t lane = 0; lane < LANES; lane++)
                _mm_storeu_si128((__m128i_u *)key->each[i + lane], power);
        power = multiply(key, power);
        _mm_storeu_si128((__m128i_u *)key->last[i], power);
    }
    vec_wipe();
}

void NAME(seal)(const struct vector_key *key, const uint8_t nonce[GCM_NONCE_BYTES], const void *aad,
                size_t aad_bytes,
                const void *in, void *out, size_t bytes, uint8_t tag[GCM_TAG_BYTES])
{
    const struct message message = {nonce, in, out, bytes, aad_bytes};
    __m128i done = seal_groups(key, hash_additional(key, aad, aad_bytes), &message);

    if (!is_whole(&message))
        done = finish(key, done, &message, SEAL);
    _mm_storeu_si128((__m128i_u *)tag, done);
    vec_wipe();
}

bool NAME(open)(const struct vector_key *key, const uint8_t nonce[GCM_NONCE_BYTES], const void *aad,
                size_t aad_bytes,
                const void *in, void *out, size_t bytes, const uint8_t tag[GCM_TAG_BYTES])
{
    const struct message message = {nonce, in, out, bytes, aad_bytes};
    __m128i right = open_groups(key, hash_additional(key, aad, aad_bytes), &message);

    if (!is_whole(&message))
        right = finish(key, right, &message, OPEN);

    bool genuine = is_equal(right, tag);

    vec_wipe();
    if (!genuine)
        bytes_wipe(out, bytes);
    return genuine;
}
