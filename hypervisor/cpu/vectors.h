/* vectors.h — XMM0-15 belong to the guest all the time (VMRUN does not switch them); the cipher
 * borrows them. */
#pragma once

/* Operations of the pager (pager.h): they need no context. */
void vectors_save(void *context);
void vectors_restore(void *context);

/* Erases the registers, whether the guest's or the cipher's are in them, and what was saved. */
void vectors_clear(void);
