/* compiled alone: keys and plaintext pass through its registers and its stack */
/* gcm_narrow.c — AES-256-GCM around the AES-NI kernel: keys, additional data, tags. */
#include "bytes.h"
#include "gcm_kernel.h"

#pragma clang attribute push(__attribute__((target("aes,pclmul,ssse3,sse4.1"))), \
                             apply_to = function)

/* The last act of every public function: neither keys nor hashes nor plaintext stay behind in
 * registers. */
static inline void wipe_registers(void)
{
    __asm__ volatile(
        "pxor %%xmm0, %%xmm0\n\tpxor %%xmm1, %%xmm1\n\tpxor %%xmm2, %%xmm2\n\t"
        "pxor %%xmm3, %%xmm3\n\tpxor %%xmm4, %%xmm4\n\tpxor %%xmm5, %%xmm5\n\t"
        "pxor %%xmm6, %%xmm6\n\tpxor %%xmm7, %%xmm7\n\tpxor %%xmm8, %%xmm8\n\t"
        "pxor %%xmm9, %%xmm9\n\tpxor %%xmm10, %%xmm10\n\tpxor %%xmm11, %%xmm11\n\t"
        "pxor %%xmm12, %%xmm12\n\tpxor %%xmm13, %%xmm13\n\tpxor %%xmm14, %%xmm14\n\t"
        "pxor %%xmm15, %%xmm15"
        : : : "memory", "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8",
          "xmm9", "xmm10", "xmm11", "xmm12", "xmm13", "xmm14", "xmm15");
}

/* a ^ a << 32 ^ a << 64 ^ a << 96 ^ word */
static inline __m128i next_round_key(__m128i a, __m128i word)
{
    a = _mm_xor_si128(a, _mm_slli_si128(a, 4));
    a = _mm_xor_si128(a, _mm_slli_si128(a, 8));
    return _mm_xor_si128(a, word);
}

/* AESENCLAST of four equal columns is SubWord of each, XORed with the round constant: FIPS 197,
 * 5.2. */
static inline void expand_round_keys(struct gcm_key *key, const uint8_t *raw)
{
    const __m128i rotate_last_word = _mm_set1_epi32(0x0C0F0E0D);
    __m128i constant = _mm_set1_epi32(1);
    __m128i even = gcm_load(raw);
    __m128i odd = gcm_load(raw + 16);
    __m128i *round_keys = (__m128i *)key->round_keys;

    round_keys[0] = even;
    round_keys[1] = odd;
    for (int i = 2; i <= GCM_ROUNDS; i += 2) {
        __m128i words = _mm_shuffle_epi8(odd, rotate_last_word);

        even = next_round_key(even, _mm_aesenclast_si128(words, constant));
        round_keys[i] = even;
        constant = _mm_slli_epi32(constant, 1);
        if (i == GCM_ROUNDS)
            break;
        words = _mm_shuffle_epi32(even, 0xFF);
        odd = next_round_key(odd, _mm_aesenclast_si128(words, _mm_setzero_si128()));
        round_keys[i + 1] = odd;
    }
}

static inline __m128i multiply_by_x(__m128i a)
{
    const __m128i polynomial = _mm_set_epi64x((long long)0xC200000000000000, 1);
    __m128i carry = _mm_shuffle_epi32(_mm_srai_epi32(a, 31), 0xFF);
    __m128i doubled = _mm_or_si128(_mm_slli_epi64(a, 1), _mm_slli_si128(_mm_srli_epi64(a, 63), 8));

    return _mm_xor_si128(doubled, _mm_and_si128(carry, polynomial));
}

__m128i gcm_expand(struct gcm_key *key, const uint8_t raw[GCM_KEY_BYTES])
{
    expand_round_keys(key, raw);
    return multiply_by_x(gcm_reverse(gcm_encrypt_block(key, _mm_setzero_si128())));
}

static void narrow_expand(struct gcm_key *key, const uint8_t raw[GCM_KEY_BYTES])
{
    __m128i power = gcm_expand(key, raw);

    for (size_t i = 0; i < GCM_POWERS; i++) {
        _mm_storeu_si128((__m128i_u *)key->hash.narrow.powers[i], power);
        _mm_storeu_si128((__m128i_u *)key->hash.narrow.halves[i], gcm_halves(power));
        power = gcm_absorb(key, power, _mm_setzero_si128());
    }
    wipe_registers();
}

/* This and finish_tag are not inline, so that nothing of them lives, and is spilled, across the
 * kernel. */
__attribute__((noinline))
static __m128i hash_additional(const struct gcm_key *key, const uint8_t *aad, size_t bytes)
{
    __m128i hash = _mm_setzero_si128();

    for (; bytes >= 16; bytes -= 16, aad += 16)
        hash = gcm_absorb(key, hash, gcm_reverse(gcm_load(aad)));
    if (bytes > 0)
        hash = gcm_absorb(key, hash, gcm_tail_load(aad, bytes));
    return hash;
}

__attribute__((noinline))
static __m128i finish_tag(const struct gcm_key *key, __m128i hash, const uint8_t *nonce,
                          size_t aad_bytes, size_t bytes)
{
    __m128i bits = _mm_set_epi64x((long long)(aad_bytes * 8), (long long)(bytes * 8));
    __m128i first = _mm_add_epi32(gcm_counter_base(nonce), _mm_set_epi32(0, 0, 0, 1));

    hash = gcm_reverse(gcm_absorb(key, hash, bits));
    return _mm_xor_si128(hash, gcm_encrypt_block(key, gcm_reverse(first)));
}

static void narrow_seal(const struct gcm_key *key, const uint8_t nonce[GCM_NONCE_BYTES],
                        const void *aad, size_t aad_bytes, const void *in, void *out, size_t bytes,
                        uint8_t tag[GCM_TAG_BYTES])
{
    __m128i hash = hash_additional(key, aad, aad_bytes);

    hash = gcm_aesni_seal(key, hash, nonce, in, out, bytes / GCM_BLOCK_BYTES);
    _mm_storeu_si128((__m128i_u *)tag, finish_tag(key, hash, nonce, aad_bytes, bytes));
    wipe_registers();
}

static bool narrow_open(const struct gcm_key *key, const uint8_t nonce[GCM_NONCE_BYTES],
                        const void *aad, size_t aad_bytes, const void *in, void *out, size_t bytes,
                        const uint8_t tag[GCM_TAG_BYTES])
{
    __m128i hash = hash_additional(key, aad, aad_bytes);

    hash = gcm_aesni_open(key, hash, nonce, in, out, bytes / GCM_BLOCK_BYTES);

    __m128i right = finish_tag(key, hash, nonce, aad_bytes, bytes);
    bool genuine = _mm_movemask_epi8(_mm_cmpeq_epi8(right, gcm_load(tag))) == 0xFFFF;

    wipe_registers();
    if (!genuine)
        bytes_wipe(out, bytes);
    return genuine;
}

#pragma clang attribute pop

const struct gcm_kernel gcm_aesni = {
    .name = "aesni", .id = GCM_AESNI,
    .expand = narrow_expand, .seal = narrow_seal, .open = narrow_open,
};
