/* control.h — follows what sets the state of the CPU: control registers, MSRs, entries to the guest
 * and exits from it.
 *
 * An instruction is announced when it begins; what it did is settled at the next block, when its
 * registers can be read and it is known whether the guest was stopped for it.
 */
#pragma once
#include "decode.h"
#include "machine.h"

struct announced {
    struct decoded decoded;
    bool           is_first;        /* of its block */
    uint64_t       rip;             /* linear */
};

void control_start(void);
/* The instruction is about to run. */
void control_announce(const struct announced *announced);
/* Something was announced since the last block. */
extern bool control_pending;
/* A block begins. `registers`: RAX, RCX, RDX, RBX, RSP, RBP, RSI, RDI, R8 .. R15, as they were
 * before it. */
void control_settle(const uint64_t *registers, uint64_t block);
/* A block with a cache-line instruction begins: its operand is made of these. */
void control_keep_registers(const uint64_t *registers);
/* A block of the hypervisor's text begins; the guest had the CPU, or was stopped before its first
 * block. */
void control_exited(void);
/* VMRUN read this, host-physical; only its first read counts. */
void control_read_control_block(uint64_t address);
/* LGDT or LIDT read its operand here, host-physical. */
void control_read_descriptor_table(enum instruction what, uint64_t address, uint64_t rip);
