/* walk.h — reads guest memory at the guest's own linear addresses, through its page tables. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What decides how the guest's addresses and instructions are read. */
struct guest_mode {
    uint64_t cr0, cr3, cr4, efer;
    uint64_t code_base;     /* of CS */
    bool     code_l;        /* CS.L, whatever the mode */
    bool     code_long;     /* running 64-bit code */
};

/* Reads up to `bytes` at `linear`.
 *   returns   how many could be read: less only where the guest's own tables map no further
 */
size_t walk_read(const struct guest_mode *mode, uint64_t linear, uint8_t *to, size_t bytes);
