/* floors.h — what bounds a page cipher from below: its AES rounds alone, and its memory traffic
 * alone. */
#pragma once

/* AES rounds over a page. */
void floor_aesni(const void *in, void *out);
void floor_vaes256(const void *in, void *out);
void floor_vaes512(const void *in, void *out);

/* A page from `slot` out to DRAM and another from DRAM into it, without a cipher. */
void floor_copy_avx512(void *slot, const void *in, void *out);
void floor_copy_sse2(void *slot, const void *in, void *out);
/* Out first and in afterwards, as a swap that is not fused. */
void floor_copy_apart(void *slot, const void *in, void *out);
void floor_copy_out(const void *slot, void *out);
void floor_copy_in(void *slot, const void *in);
