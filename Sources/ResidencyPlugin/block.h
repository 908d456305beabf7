/* block.h — a run of instructions that QEMU translates together: what happens when it is entered.
 * */
#pragma once
#include "machine.h"
#include "qemu_plugin.h"

struct block {
    uint64_t         address;       /* host-physical of its first instruction; NOWHERE: ROM */
    uint64_t         rip;
    uint32_t         instructions;
    uint16_t         bytes, rest;   /* on its first page, and on the next */
    uint64_t         rest_address;  /* host-physical; NOWHERE: no RAM */
    uint64_t         generation;    /* for which `type` and `rest_address` hold */
    enum memory_type type;
    bool             has_line_instruction;
};

/* To be registered with QEMU for a block: fetches it, and settles what was announced before it. */
void block_entered_by_tcg(unsigned vcpu, void *block);
/* The last block may not be a hit any more. */
void block_forget(void);
