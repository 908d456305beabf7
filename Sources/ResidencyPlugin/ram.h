/* ram.h — finds the machine's RAM, which QEMU keeps in a file: our own mapping of it, and where
 * QEMU has its own. */
#pragma once
#include "machine.h"

/* Once QEMU has the machine. */
void ram_start(void);

/* Host-physical, of one of QEMU's host addresses; NOWHERE: it is no RAM. */
static inline uint64_t ram_address_of_host(const void *host)
{
    uint64_t offset = (uint64_t)host - machine.ram_host;

    return offset < machine.set.ram_bytes ? address_of_offset(offset) : NOWHERE;
}
