/* shared.h — pages that the guest shares with devices, by its own page tables: once its CR3 bears
 * the C-bit, an address of RAM without that bit is one of a shared page. It lies at its home in the
 * clear, zeroes at first; with the C-bit it is a private page again, and blank.
 *
 * source  AMD APM vol 2 (24593), "Secure Encrypted Virtualization"
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "trace.h"

/* Who is told of each page from when on devices may reach it, and when they may no more. */
void shared_start(void (*tell)(uint64_t page, bool is_shared));

/* The guest missed the page at `gpa`, which has the C-bit if the access bears it; `has_c_bit`: its
 * CR3 does. Maps the page if it is a shared one; else false, and the page is for residency_miss,
 * without the bit. */
bool shared_miss(uint64_t gpa, bool has_c_bit);

/* Is the page at `gpa` one that the guest shares by accessing it there? Then it is shared now. */
bool shared_open(uint64_t gpa);

/* Operation of the pager (pager.h). */
void shared_take_back(void *context, uint32_t index);
