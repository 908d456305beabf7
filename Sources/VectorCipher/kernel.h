/* kernel.h — AES-256-GCM on vectors of LANES blocks. vaes256.c and vaes512.c include it: they say what a vector is.
 *
 * As in gcm_aesni.c, AES works on some blocks while others are hashed, keys are memory operands, and nothing is
 * spilled. Each lane keeps a hash of its own, reduced once in VECTOR_WIDE vectors. Only the last group multiplies
 * lane by lane with different powers; then the lanes' sum is the hash.
 *
 *   source  RFC 8452 (AES-GCM-SIV), appendix A: how GHASH and POLYVAL relate
 */
#include "bytes.h"

#define ROUNDS      14
#define HALF        (VECTOR_WIDE / 2)
#define N           (VECTOR_WIDE * LANES)   /* blocks in a group */
#define GROUP_BYTES (VECTOR_WIDE * sizeof(vec))
#define UNROLL      _Pragma("clang loop unroll(full)")
#define INLINE      static inline __attribute__((always_inline))

struct sum {
    vec lo;
    vec middle;
    vec hi;
};

/* What a loop over groups carries along, in registers. */
struct flow {
    const struct vector_key *key;
    vec counter;            /* counter block of the group, byte-reversed: its first block's, less 2, in every lane */
    vec first;              /* the same as AES takes it, less the first round key */
    vec pending[HALF];      /* sealing: ciphertext, not yet hashed */
    vec hash;               /* of each lane, up to the group under way */
    struct sum sum;
};

enum direction { SEAL, OPEN };

struct message {
    const uint8_t *nonce;
    const uint8_t *in;
    uint8_t *out;
    size_t bytes;
    size_t aad_bytes;
};

/* In assembly: the compiler would load keys before the loop, and spill them. */
INLINE vec vec_all(const void *block)
{
    vec a;

    __asm__ volatile(VEC_BROADCAST " %1, %0" : "=" VEC_REGISTER(a) : "m"(*(const __m128i *)block));
    return a;
}

/* The compiler may not load twice. */
INLINE vec load_once(const uint8_t *in)
{
    vec a = vec_load(in);

    __asm__ volatile("" : "+" VEC_REGISTER(a) : : "memory");
    return a;
}

INLINE vec reverse(vec a)
{
    static const _Alignas(64) uint8_t order[64] = {
        15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0, 15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0,
        15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0, 15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0,
    };

    return vec_bytes(a, order);
}

/* Two vectors of ciphertext. hash: of what came before, or zero. powers: of the first; those of the second follow. */
#if LANES == 4
INLINE void hash_two(struct sum *sum, vec hash, vec a, vec b, const uint8_t *powers)
{
    a = vec_xor(reverse(a), hash);
    b = reverse(b);

    vec g = vec_load(powers), h = vec_load(powers + sizeof(vec));

    sum->lo = vec_xor3(sum->lo, vec_multiply(a, g, 0x00), vec_multiply(b, h, 0x00));
    sum->middle = vec_xor3(sum->middle, vec_multiply(a, g, 0x01), vec_multiply(a, g, 0x10));
    sum->middle = vec_xor3(sum->middle, vec_multiply(b, h, 0x01), vec_multiply(b, h, 0x10));
    sum->hi = vec_xor3(sum->hi, vec_multiply(a, g, 0x11), vec_multiply(b, h, 0x11));
}
#else
/* Sixteen registers only: one temporary must do, hence assembly. */
INLINE void hash_one(struct sum *sum, vec a, const uint8_t *powers)
{
    vec t;

    __asm__ volatile("vpclmulqdq $0x00, %[h], %[a], %[t]\n\tvpxor %[t], %[lo], %[lo]\n\t"
                     "vpclmulqdq $0x11, %[h], %[a], %[t]\n\tvpxor %[t], %[hi], %[hi]\n\t"
                     "vpclmulqdq $0x01, %[h], %[a], %[t]\n\tvpxor %[t], %[middle], %[middle]\n\t"
                     "vpclmulqdq $0x10, %[h], %[a], %[t]\n\tvpxor %[t], %[middle], %[middle]"
                     : [lo] "+x"(sum->lo), [middle] "+x"(sum->middle), [hi] "+x"(sum->hi), [t] "=&x"(t)
                     : [a] "x"(a), [h] "m"(*(const vec *)powers));
}

INLINE void hash_two(struct sum *sum, vec hash, vec a, vec b, const uint8_t *powers)
{
    hash_one(sum, vec_xor(reverse(a), hash), powers);
    hash_one(sum, reverse(b), powers + sizeof(vec));
}
#endif

INLINE vec reduce(const struct sum *sum)
{
    static const uint64_t polynomial[2] = {1, 0xC200000000000000};
    vec p = vec_all(polynomial);
    vec lo = vec_xor(sum->lo, vec_up(sum->middle));

    lo = vec_xor(vec_swap_halves(lo), vec_multiply(lo, p, 0x10));
    return vec_xor(vec_xor3(sum->hi, vec_down(sum->middle), vec_swap_halves(lo)), vec_multiply(lo, p, 0x10));
}

INLINE struct sum sum_zero(void)
{
    return (struct sum){vec_zero(), vec_zero(), vec_zero()};
}

INLINE void add_product(struct sum *sum, vec a, vec h)
{
    sum->lo = vec_xor(sum->lo, vec_multiply(a, h, 0x00));
    sum->middle = vec_xor3(sum->middle, vec_multiply(a, h, 0x01), vec_multiply(a, h, 0x10));
    sum->hi = vec_xor(sum->hi, vec_multiply(a, h, 0x11));
}

/* Times H. */
INLINE __m128i multiply(const struct vector_key *key, __m128i a)
{
    struct sum sum = sum_zero();

    add_product(&sum, vec_from(a), vec_all(key->last[N]));
    return vec_first(reduce(&sum));
}

INLINE vec encrypt(const struct vector_key *key, vec a)
{
    a = vec_xor(a, vec_all(key->round_keys[0]));
    UNROLL for (size_t round = 1; round < ROUNDS; round++) {
        a = vec_aesenc(a, vec_all(key->round_keys[round]));
        __asm__ volatile("" : "+" VEC_REGISTER(a));     /* else all keys are loaded first, and spilled */
    }
    return vec_aesenclast(a, vec_all(key->round_keys[ROUNDS]));
}

/* 32-bit words of four lanes. */
#define LANES_OF(a, b, c, d) {a, 0, 0, 0, b, 0, 0, 0, c, 0, 0, 0, d, 0, 0, 0}
#define STEP(i) {0, 0, 0, (2 + LANES * i) << 24, 0, 0, 0, (3 + LANES * i) << 24, \
                 0, 0, 0, (4 + LANES * i) << 24, 0, 0, 0, (5 + LANES * i) << 24}

/* The counters of vector i of a group, less the first round key. The message begins with counter 2, so that only the
 * group's last vector carries into the next multiple of the group's blocks: for the others, an exclusive or counts.
 */
INLINE vec counter_vector(struct flow *flow, size_t i)
{
    static const _Alignas(64) uint32_t steps[VECTOR_WIDE - 1][16] = {STEP(0), STEP(1), STEP(2), STEP(3),
                                                                     STEP(4), STEP(5), STEP(6)};
    static const _Alignas(64) uint32_t group[16] = LANES_OF(N, N, N, N);
    static const _Alignas(64) uint32_t last[16] = LANES_OF(N + 2 - LANES, N + 3 - LANES, N + 4 - LANES, N + 5 - LANES);

    if (i + 1 < VECTOR_WIDE)
        return vec_xor(flow->first, vec_load(steps[i]));

    vec k = vec_all(flow->key->round_keys[0]);
    vec now = vec_xor(reverse(vec_add(flow->counter, vec_load(last))), k);

    flow->counter = vec_add(flow->counter, vec_load(group));
    flow->first = vec_xor(reverse(flow->counter), k);
    return now;
}

/* In assembly: the compiler would take a few rounds of one vector at a time, and wait for each. */
INLINE void half_round(vec *b, const uint8_t *round_key)
{
    vec k;

    __asm__ volatile(VEC_BROADCAST " %5, %4\n\t"
                     "vaesenc %4, %0, %0\n\tvaesenc %4, %1, %1\n\tvaesenc %4, %2, %2\n\tvaesenc %4, %3, %3"
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

/* Half a group. powers: of what is hashed meanwhile: the input when opening, else what is pending. with: one more
 * vector that is encrypted on the way, or NULL.
 */
INLINE void half_step(struct flow *flow, const uint8_t *in, uint8_t *out, const uint8_t *powers, size_t first,
                      bool joins, enum direction direction, bool streams, vec *with)
{
    const struct vector_key *key = flow->key;
    vec b[HALF], text[HALF], k;

    UNROLL for (size_t i = 0; i < HALF; i++) {
        text[i] = direction == OPEN ? load_once(in + i * sizeof(vec)) : flow->pending[i];
        b[i] = counter_vector(flow, first + i);
    }
    UNROLL for (size_t round = 1; round < ROUNDS; round++) {
        half_round(b, key->round_keys[round]);
        if (with != NULL)
            *with = now(vec_aesenc(*with, vec_all(key->round_keys[round])));
        if (round == 3 || round == 8) { /* the pair that the hash joins comes second: it may still be under way */
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
    __asm__ volatile("" : "+" VEC_REGISTER(flow->hash));    /* else its last sum comes late, and takes registers */
    flow->sum = sum_zero();
}

/* Sealing hashes half a group late, since ciphertext must exist first. */
INLINE void group_step(struct flow *flow, const uint8_t *in, uint8_t *out, const uint8_t *powers, enum direction direction,
                       bool streams, vec *with)
{
    const uint8_t *each = flow->key->each[0];
    size_t half = HALF * sizeof(vec);

    if (direction == OPEN)
        take_hash(flow);
    half_step(flow, in, out, direction == OPEN ? powers : each + half, 0, direction == OPEN, direction, streams,
              NULL);
    if (direction == SEAL)
        take_hash(flow);
    half_step(flow, in + half, out + half, direction == OPEN ? powers + half : powers, HALF, direction == SEAL,
              direction, streams, with);
}

/* powers: of the last group. */
INLINE void hash_pending(struct flow *flow, const uint8_t *powers)
{
    UNROLL for (size_t i = 0; i < HALF; i += 2)
        hash_two(&flow->sum, vec_zero(), flow->pending[i], flow->pending[i + 1], powers + (HALF + i) * sizeof(vec));
}

/* nonce || 32-bit big-endian 0, byte-reversed: adding to the lowest lane counts. */
INLINE __m128i counter_base(const uint8_t *nonce)
{
    uint64_t high;
    uint32_t low;

    __builtin_memcpy(&high, nonce, 8);
    __builtin_memcpy(&low, nonce + 8, 4);
    return _mm_set_epi64x((long long)__builtin_bswap64(high), (long long)((uint64_t)__builtin_bswap32(low) << 32));
}

/* A hash that is in the sum and reduces to what it was, and nothing pending: the first step then needs no case. */
INLINE struct flow flow_start(const struct vector_key *key, const uint8_t *nonce, __m128i hash)
{
    struct flow flow;

    flow.key = key;
    flow.sum = sum_zero();
    flow.counter = vec_spread(counter_base(nonce));
    flow.first = vec_xor(reverse(flow.counter), vec_all(key->round_keys[0]));
    add_product(&flow.sum, vec_from(hash), vec_all(key->last[N]));
    UNROLL for (size_t i = 0; i < HALF; i++)
        flow.pending[i] = vec_zero();
    return flow;
}

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
        hash = multiply(key, _mm_xor_si128(hash, reverse_one(_mm_loadu_si128((const __m128i_u *)aad))));
    if (bytes == 16)
        return _mm_xor_si128(hash, reverse_one(_mm_loadu_si128((const __m128i_u *)aad)));
    return _mm_xor_si128(hash, tail_load(aad, bytes));
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

/* The kernels: all whole groups, and, when nothing is left after them, the lengths. Those are one block more, hence the
 * powers of the last group are one higher. The mask of the tag is made while the last ciphertext is still hashed.
 *   hash      of the additional data, before its last multiplication by H
 *   returns   the tag when the message is whole, else the hash
 */
INLINE __m128i run(const struct vector_key *key, __m128i hash, const struct message *message, enum direction direction)
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
static __m128i seal_groups(const struct vector_key *key, __m128i hash, const struct message *message)
{
    return run(key, hash, message, SEAL);
}

__attribute__((noinline))
static __m128i open_groups(const struct vector_key *key, __m128i hash, const struct message *message)
{
    return run(key, hash, message, OPEN);
}

/* What is left after whole groups, a block at a time; then the lengths, and the mask. Returns the tag. */
__attribute__((noinline))
static __m128i finish(const struct vector_key *key, __m128i hash, const struct message *message,
                      enum direction direction)
{
    for (size_t at = message->bytes / GROUP_BYTES * GROUP_BYTES; at < message->bytes; at += 16) {
        __m128i input = _mm_loadu_si128((const __m128i_u *)(message->in + at));
        __m128i output = _mm_xor_si128(input, encrypt_counter(key, message->nonce, (uint32_t)(2 + at / 16)));

        _mm_storeu_si128((__m128i_u *)(message->out + at), output);
        hash = multiply(key, _mm_xor_si128(hash, reverse_one(direction == OPEN ? input : output)));
    }
    hash = multiply(key, _mm_xor_si128(hash, lengths(message)));
    return _mm_xor_si128(reverse_one(hash), encrypt_counter(key, message->nonce, 1));
}

INLINE bool is_equal(__m128i right, const uint8_t *tag)
{
    return _mm_movemask_epi8(_mm_cmpeq_epi8(right, _mm_loadu_si128((const __m128i_u *)tag))) == 0xFFFF;
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

void NAME(seal)(const struct vector_key *key, const uint8_t nonce[GCM_NONCE_BYTES], const void *aad, size_t aad_bytes,
                const void *in, void *out, size_t bytes, uint8_t tag[GCM_TAG_BYTES])
{
    const struct message message = {nonce, in, out, bytes, aad_bytes};
    __m128i done = seal_groups(key, hash_additional(key, aad, aad_bytes), &message);

    if (!is_whole(&message))
        done = finish(key, done, &message, SEAL);
    _mm_storeu_si128((__m128i_u *)tag, done);
    vec_wipe();
}

bool NAME(open)(const struct vector_key *key, const uint8_t nonce[GCM_NONCE_BYTES], const void *aad, size_t aad_bytes,
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
