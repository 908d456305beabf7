/* sharing.h — follows which pages the guest shares with devices. Its page tables say so, and the
 * CPU tells at which guest-physical address they led to no mapping. The hypervisor is not asked.
 */
#pragma once
#include "machine.h"

/* The guest was stopped: what its control block says of why. */
void sharing_exited(uint64_t exit_code, uint64_t guest_physical, uint64_t cr3);
/* The guest goes on, and the nested tables have followed its word, or not. */
void sharing_entered(uint64_t rip);
/* May a nested entry lead to this home? */
bool sharing_allows(uint64_t home);
