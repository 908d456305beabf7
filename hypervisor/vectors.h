/* vectors.h — XMM0-15 belong to the guest all the time (VMRUN does not switch them); the cipher borrows them. */
#pragma once
#include <stdint.h>

typedef uint8_t vector_area[16][16];

void vectors_save(vector_area *area);           /* area: 16-byte aligned, in the frozen region */
void vectors_restore(const vector_area *area);
void vectors_clear(void);
