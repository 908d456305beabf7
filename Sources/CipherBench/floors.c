/* floors.c — what bounds a page cipher from below: its AES rounds alone, and its memory traffic
 * alone. */
#include <immintrin.h>

#include "cipher.h"
#include "floors.h"

#define UNROLL _Pragma("clang loop unroll(full)")
#define ROUNDS 14
#define WIDE   8

static const _Alignas(16) uint8_t keys[ROUNDS][16] = {{1}, {2}, {3}, {4}, {5}, {6}, {7}, {8}, {9},
    {10}, {11}, {12}, {13}};

/* The barrier keeps the order: many blocks in flight, a round of all of them after the other. */
#define AES_LOOP(name, features, type, constraint, load, store, spread, aesenc, leave)    \
    __attribute__((target(features))) void name(const void *in, void *out)                \
    {                                                                                     \
        for (size_t at = 0; at < PAGE_BYTES; at += WIDE * sizeof(type)) {                 \
            type b[WIDE];                                                                 \
                                                                                          \
            UNROLL for (size_t i = 0; i < WIDE; i++)                                      \
                b[i] = load((const void *)((const uint8_t *)in + at + i * sizeof(type))); \
            UNROLL for (size_t round = 0; round < ROUNDS; round++) {                      \
                type k = spread(_mm_load_si128((const __m128i *)keys[round]));            \
                                                                                          \
                __asm__ volatile("" : "+" constraint(k));                                 \
                UNROLL for (size_t i = 0; i < WIDE; i++)                                  \
                    b[i] = aesenc(b[i], k);                                               \
            }                                                                             \
            UNROLL for (size_t i = 0; i < WIDE; i++)                                      \
                store((void *)((uint8_t *)out + at + i * sizeof(type)), b[i]);            \
        }                                                                                 \
        leave;                                                                            \
    }
AES_LOOP(floor_aesni, "aes,sse4.1", __m128i, "x", _mm_loadu_si128, _mm_storeu_si128, ,
         _mm_aesenc_si128, (void)0)
AES_LOOP(floor_vaes256, "avx2,vaes", __m256i, "x", _mm256_loadu_si256, _mm256_storeu_si256,
         _mm256_broadcastsi128_si256, _mm256_aesenc_epi128, _mm256_zeroupper())
AES_LOOP(floor_vaes512, "avx512f,vaes", __m512i, "v", _mm512_loadu_si512, _mm512_storeu_si512,
         _mm512_broadcast_i32x4, _mm512_aesenc_epi128, _mm256_zeroupper())

static void prefetch_page(const uint8_t *page)
{
    for (size_t at = 0; at < PAGE_BYTES; at += LINE_BYTES)
        _mm_prefetch((const char *)page + at, _MM_HINT_T0);
}

__attribute__((target("avx512f")))
void floor_copy_avx512(void *slot, const void *in, void *out)
{
    __m512i_u *middle = slot;

    prefetch_page(in);
    for (size_t i = 0; i < PAGE_BYTES / 64; i++) {
        __m512i line = _mm512_loadu_si512((const __m512i_u *)in + i);   /* before a store to the
                                                                           same offset of a page */

        _mm512_stream_si512((__m512i *)out + i, _mm512_loadu_si512(middle + i));
        _mm512_storeu_si512(middle + i, line);
    }
    _mm256_zeroupper();
}

void floor_copy_sse2(void *slot, const void *in, void *out)
{
    __m128i *middle = slot;

    prefetch_page(in);
    for (size_t i = 0; i < PAGE_BYTES / 16; i++) {
        __m128i part = _mm_load_si128((const __m128i *)in + i);

        _mm_stream_si128((__m128i *)out + i, _mm_load_si128(middle + i));
        _mm_store_si128(middle + i, part);
    }
}

void floor_copy_out(const void *slot, void *out)
{
    for (size_t i = 0; i < PAGE_BYTES / 16; i++)
        _mm_stream_si128((__m128i *)out + i, _mm_load_si128((const __m128i *)slot + i));
}

void floor_copy_in(void *slot, const void *in)
{
    prefetch_page(in);
    __builtin_memcpy(slot, in, PAGE_BYTES);
}

/* As a swap that is not fused: the page wanted is prefetched while the victim goes out. */
void floor_copy_apart(void *slot, const void *in, void *out)
{
    prefetch_page(in);
    floor_copy_out(slot, out);
    __builtin_memcpy(slot, in, PAGE_BYTES);
}
