/* guards.h — which ports and MSRs the hypervisor watches, for both vendors' bitmaps. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#define PORT_BITMAP_BYTES 0x2000u       /* a bit a port: 1 = it exits */

/* Sets the bits of the watched ports in a zeroed bitmap. */
void guards_fill_ports(uint8_t *bitmap);

/* Where a vendor keeps the bit of an MSR, for reads or for writes; GUARD_ALWAYS: it has none, and exits. */
typedef uint32_t guard_bit(uint32_t msr, bool is_write);
#define GUARD_ALWAYS UINT32_MAX

/* Changes a bitmap in which all writes exit and no read does: the guest's own MSRs may be written, and those that it
 * must not see as they are exit when read. */
void guards_fill_msrs(uint8_t *bitmap, guard_bit *bit);
