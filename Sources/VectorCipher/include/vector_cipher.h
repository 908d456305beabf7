/* vector_cipher.h — the fused swap, for the host: a page sealed while another is opened. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "gcm.h"

/* A page on its way in and one on its way out, through one slot. */
struct vector_swap {
    void          *slot;        /* 4096 bytes, 64-byte aligned: the victim before, the page wanted
                                   after */
    const uint8_t *in;          /* home of the page wanted, 64-byte aligned */
    uint8_t       *out;         /* home of the victim, likewise; written past the cache */
    const uint8_t *in_nonce;    /* GCM_NONCE_BYTES */
    const uint8_t *out_nonce;
    const uint8_t *in_aad;      /* 16 bytes */
    const uint8_t *out_aad;
    const uint8_t *in_tag;      /* GCM_TAG_BYTES */
    uint8_t       *out_tag;
};

/* Seals the victim and opens the page wanted in one pass, each under its own key, expanded for
 * gcm_vaes512.
 *   returns   false when in_tag does not verify; the slot is zeroed then, the victim sealed all the
 *   same
 */
[[nodiscard]] bool vaes512_swap(const struct gcm_key *in_key, const struct gcm_key *out_key,
                                const struct vector_swap *swap);
