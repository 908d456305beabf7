/* swap.c — a page sealed while another is opened. */
#include "gcm_vaes512.h"

#include "bytes.h"
#include "vector_cipher.h"

#pragma clang attribute push(__attribute__((target(VAES512_TARGET))), apply_to = function)
#define PAGE_BYTES  4096u
#define GROUPS      (PAGE_BYTES / GROUP_BYTES)
#define LEAD        2u      /* groups by which sealing leads: the first lines of the page wanted are
                               on their way */
#define LINE_BYTES  64u

INLINE void prefetch_group(const uint8_t *in)
{
    UNROLL for (size_t i = 0; i < GROUP_BYTES / LINE_BYTES; i++)
        _mm_prefetch((const char *)in + i * LINE_BYTES, _MM_HINT_T0);
}

/* The lengths of a page and its 16 bytes of additional data, and the mask. */
INLINE __m128i page_tag(struct flow *flow, const uint8_t *nonce)
{
    static const struct message page = {.bytes = PAGE_BYTES, .aad_bytes = 16};

    add_product(&flow->sum, vec_from(lengths(&page)), vec_all(flow->key->hash.wide.last[N]));
    return _mm_xor_si128(reverse_one(vec_fold(reduce(&flow->sum))),
                         encrypt_counter(flow->key, nonce, 1));
}

INLINE struct flow page_start(const struct gcm_key *key, const uint8_t *nonce,
                              const uint8_t *aad)
{
    return flow_start(key, nonce, reverse_one(_mm_loadu_si128((const __m128i_u *)aad)));
}

__attribute__((noinline))
static bool swap_page(const struct gcm_key *in_key, const struct gcm_key *out_key,
                      const struct vector_swap *swap)
{
    struct flow seal = page_start(out_key, swap->out_nonce, swap->out_aad);
    struct flow open = page_start(in_key, swap->in_nonce, swap->in_aad);
    uint8_t *slot = swap->slot;
    size_t lead = LEAD * GROUP_BYTES;

    for (size_t at = 0; at < PAGE_BYTES + lead; at += GROUP_BYTES) {
        if (at < PAGE_BYTES) {
            const uint8_t *powers = at + GROUP_BYTES == PAGE_BYTES
                ? out_key->hash.wide.last[0] : out_key->hash.wide.each[0];

            prefetch_group(swap->in + at);
            group_step(&seal, slot + at, swap->out + at, powers, SEAL, true, NULL);
        }
        if (at >= lead) {
            const uint8_t *powers = at + GROUP_BYTES == PAGE_BYTES + lead
                ? in_key->hash.wide.last[0] : in_key->hash.wide.each[0];

            group_step(&open, swap->in + at - lead, slot + at - lead, powers, OPEN, false, NULL);
        }
    }
    hash_pending(&seal, out_key->hash.wide.last[0]);
    _mm_storeu_si128((__m128i_u *)swap->out_tag, page_tag(&seal, swap->out_nonce));
    return is_equal(page_tag(&open, swap->in_nonce), swap->in_tag);
}

bool vaes512_swap(const struct gcm_key *in_key, const struct gcm_key *out_key,
                  const struct vector_swap *swap)
{
    bool genuine = swap_page(in_key, out_key, swap);

    vec_wipe();
    if (!genuine)
        bytes_wipe(swap->slot, PAGE_BYTES);
    return genuine;
}

#pragma clang attribute pop
