/* vectors.h — the vector registers and XCR0 belong to the guest all the time (neither VMRUN nor a
 * VM entry switches them); the cipher borrows them. */
#pragma once
#include <stdbool.h>

/* Turns on all vector registers that the CPU has, as the choice of a kernel and the making of keys
 * need them: CR4.OSXSAVE and XCR0. */
void vectors_start(void);

/* Erases them and leaves XCR0 as after a reset: they are the guest's now.
 *   is_wide   the cipher uses more than XMM registers in legacy encodings */
void vectors_give(bool is_wide);

/* Operations of the pager (pager.h): they need no context. */
void vectors_save(void *context);
void vectors_restore(void *context);

/* Erases the registers, whether the guest's or the cipher's are in them, and what was saved. */
void vectors_clear(void);
