/* gcm_vector_hash.h — GHASH on vectors: products are summed, and the sum is reduced once.
 *
 *   source  RFC 8452 (AES-GCM-SIV), appendix A: how GHASH and POLYVAL relate
 */
#pragma once

#define HALF        (GCM_WIDE / 2)
#define N           (GCM_WIDE * LANES)   /* blocks in a group */
#define GROUP_BYTES (GCM_WIDE * sizeof(vec))
#define UNROLL      _Pragma("clang loop unroll(full)")
#define INLINE      static inline __attribute__((always_inline))

struct sum {
    vec lo;
    vec middle;
    vec hi;
};

/* In assembly: the compiler would load keys before the loop, and spill them. */
INLINE vec vec_all(const void *block)
{
    vec a;

    __asm__ volatile(VEC_BROADCAST " %1, %0" : "=" VEC_REGISTER(a) : "m"(*(const __m128i *)block));
    return a;
}

INLINE vec reverse(vec a)
{
    static const _Alignas(64) uint8_t order[64] = {
        15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0, 15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5,
            4, 3, 2, 1, 0,
        15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0, 15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5,
            4, 3, 2, 1, 0,
    };

    return vec_bytes(a, order);
}

/* Two vectors of ciphertext. hash: of what came before, or zero. powers: of the first; those of the
 * second follow. */
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
                     : [lo] "+x"(sum->lo), [middle] "+x"(sum->middle), [hi] "+x"(sum->hi),
                         [t] "=&x"(t)
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
    return vec_xor(vec_xor3(sum->hi, vec_down(sum->middle), vec_swap_halves(lo)),
                   vec_multiply(lo, p, 0x10));
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
INLINE __m128i multiply(const struct gcm_key *key, __m128i a)
{
    struct sum sum = sum_zero();

    add_product(&sum, vec_from(a), vec_all(key->hash.wide.last[N]));
    return vec_first(reduce(&sum));
}
