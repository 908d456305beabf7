/* moves.h — all vector registers of a width from and to memory. moves.asm */
#pragma once

void xmm_load(const void *from);
void xmm_store(void *to);
void ymm_load(const void *from);
void ymm_store(void *to);
void zmm_load(const void *from);
void zmm_store(void *to);

/* Opmasks: 8 of 8 bytes. */
void masks_load(const void *from);
void masks_store(void *to);
