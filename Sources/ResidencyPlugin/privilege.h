/* privilege.h — at which privilege level the guest executes: outside of level 0 the CPU refuses,
 * with #GP and before any intercept, what touches control registers, MSRs and whole caches.
 *
 *   source     AMD APM vol 3 (24594), MOV CRn, WRMSR, INVD, WBINVD, WBNOINVD; vol 2 (24593), 15.9,
 *   Instruction Intercepts
 */
#pragma once
#include "machine.h"

/* A block begins: where, host-physical and linear, and how long it is; `state` is QEMU's of the
 * CPU. */
void privilege_note(uint64_t address, uint64_t rip, uint32_t bytes, const void *state);
/* The guest was stopped at this linear address; the control block says at which level. */
void privilege_confirm(uint64_t rip, uint8_t level);
/* The guest's last block ran outside of level 0. False while there is any doubt. */
bool privilege_is_lacking(void);
