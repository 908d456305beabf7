/* vectors.h — XMM0-15 belong to the guest all the time (VMRUN does not switch them); the cipher borrows them. */
#pragma once

void vectors_save(void);
void vectors_restore(void);

/* Erases the registers, whether the guest's or the cipher's are in them, and what was saved. */
void vectors_clear(void);
