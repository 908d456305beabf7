/* vector_moves.h — all vector registers of a width to and from memory. In C these would be the only
 * vector code outside the cipher. vector_moves.asm
 *
 * XCR0 must have the registers on: ymm_ and zmm_ need XCR0_AVX, zmm_ XCR0_AVX512. Memory is aligned
 * to the registers' width. */
#pragma once

#define ZMM_COUNT 32u
#define ZMM_BYTES 64u

void xmm_save(void *to);
void xmm_restore(const void *from);
void xmm_clear(void);
void ymm_save(void *to);
void ymm_restore(const void *from);
void ymm_clear(void);
void zmm_save(void *to);
void zmm_restore(const void *from);
void zmm_clear(void);
