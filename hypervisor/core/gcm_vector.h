/* gcm_vector.h — AES-256-GCM on vectors of LANES blocks. gcm_vaes256.c and gcm_vaes512.c include
 * it, and say what a vector is.
 *
 * As in gcm_aesni.c, AES works on some blocks while others are hashed, keys are memory operands,
 * and nothing is spilled. Each lane keeps a hash of its own, reduced once in GCM_WIDE vectors.
 * Only the last group multiplies lane by lane with different powers; then the lanes' sum is the
 * hash.
 */
#pragma once

#include "bytes.h"
#include "gcm_vector_groups.h"

/* Returns the hash of the additional data before its last multiplication by H. */
__attribute__((noinline))
static __m128i hash_additional(const struct gcm_key *key, const uint8_t *aad, size_t bytes)
{
    __m128i hash = _mm_setzero_si128();

    for (; bytes > 16; bytes -= 16, aad += 16)
        hash = multiply(key,
                        _mm_xor_si128(hash, reverse_one(_mm_loadu_si128((const __m128i_u *)aad))));
    if (bytes == 16)
        return _mm_xor_si128(hash, reverse_one(_mm_loadu_si128((const __m128i_u *)aad)));
    return _mm_xor_si128(hash, gcm_tail_load(aad, bytes));
}

INLINE bool is_whole(const struct message *message)
{
    return message->bytes > 0 && message->bytes % GROUP_BYTES == 0;
}

/* The kernels: all whole groups, and, when nothing is left after them, the lengths. Those are one
 * block more, hence the powers of the last group are one higher. The mask of the tag is made while
 * the last ciphertext is still hashed.
 *   hash      of the additional data, before its last multiplication by H
 *   returns   the tag when the message is whole, else the hash
 */
INLINE __m128i run(const struct gcm_key *key, __m128i hash, const struct message *message,
                   enum direction direction)
{
    struct flow flow = flow_start(key, message->nonce, hash);
    const uint8_t *in = message->in, *last = key->hash.wide.last[is_whole(message) ? 0 : 1];
    uint8_t *out = message->out;
    size_t groups = message->bytes / GROUP_BYTES;

    if (groups == 0)
        return multiply(key, hash);
    for (; groups > 1; groups--, in += GROUP_BYTES, out += GROUP_BYTES)
        group_step(&flow, in, out, key->hash.wide.each[0], direction, false, NULL);

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
    add_product(&flow.sum, vec_from(lengths(message)), vec_all(key->hash.wide.last[N]));
    return _mm_xor_si128(reverse_one(vec_fold(reduce(&flow.sum))), vec_first(mask));
}

__attribute__((noinline))
static __m128i seal_groups(const struct gcm_key *key, __m128i hash,
                           const struct message *message)
{
    return run(key, hash, message, SEAL);
}

__attribute__((noinline))
static __m128i open_groups(const struct gcm_key *key, __m128i hash,
                           const struct message *message)
{
    return run(key, hash, message, OPEN);
}

/* What is left after whole groups, a block at a time; then the lengths, and the mask. Returns the
 * tag. */
__attribute__((noinline))
static __m128i finish(const struct gcm_key *key, __m128i hash, const struct message *message,
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

static void NAME(expand)(struct gcm_key *key, const uint8_t raw[GCM_KEY_BYTES])
{
    __m128i power = gcm_expand(key, raw);

    _mm_storeu_si128((__m128i_u *)key->hash.wide.last[N], power);
    for (size_t i = N; i-- > 0;) {
        if (i % LANES == 0)
            for (size_t lane = 0; lane < LANES; lane++)
                _mm_storeu_si128((__m128i_u *)key->hash.wide.each[i + lane], power);
        power = multiply(key, power);
        _mm_storeu_si128((__m128i_u *)key->hash.wide.last[i], power);
    }
    vec_wipe();
}

static void NAME(seal)(const struct gcm_key *key, const uint8_t nonce[GCM_NONCE_BYTES],
                       const void *aad, size_t aad_bytes, const void *in, void *out, size_t bytes,
                       uint8_t tag[GCM_TAG_BYTES])
{
    const struct message message = {nonce, in, out, bytes, aad_bytes};
    __m128i done = seal_groups(key, hash_additional(key, aad, aad_bytes), &message);

    if (!is_whole(&message))
        done = finish(key, done, &message, SEAL);
    _mm_storeu_si128((__m128i_u *)tag, done);
    vec_wipe();
}

static bool NAME(open)(const struct gcm_key *key, const uint8_t nonce[GCM_NONCE_BYTES],
                       const void *aad, size_t aad_bytes, const void *in, void *out, size_t bytes,
                       const uint8_t tag[GCM_TAG_BYTES])
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
