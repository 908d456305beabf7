/* apic.h — local APIC and I/O APIC: no message leaves them that would start, stop or interrupt a
 * CPU beside its guest. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

/* Sends an INIT to all other CPUs: they wait for a start-up message, deaf to all else, and nobody
 * can send one. Returns the ID of this one. Uses the loader's identity mapping. */
uint32_t apic_hold_others(void);

uint32_t apic_read(uint64_t gpa);

/* Writes a register, unless the message that it describes may not be sent; false: dropped. */
bool apic_write(uint64_t gpa, uint32_t value);

/* May this be written to a register of the local APIC's? `offset`: in its page. `destination`: its
 * ID, where the register is the ICR. */
bool apic_may_write(uint32_t offset, uint32_t value, uint32_t destination);
