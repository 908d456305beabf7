/* items.h — what programs of the safe space are made of: each adds an instruction or a few. */
#pragma once
#include "emit.h"

typedef void item(struct emitter *e);

/* plain.c */
item item_arithmetic, item_immediate, item_shift, item_multiply, item_divide, item_string,
    item_vector, item_stack, item_jump,
    item_far_return, item_self_modify, item_event;
/* exiting.c */
item item_exit_cpuid, item_exit_msr, item_exit_port, item_exit_cr0, item_exit_other;

/* A general register that programs may change. */
uint32_t any_register(struct emitter *e);

/* An offset in the data, so that `bytes` lie within it; often across two pages. */
uint32_t place(struct emitter *e, uint32_t bytes);

/* ModRM of register (or opcode extension) `reg` and [RBX + offset]. */
void modrm_memory(struct emitter *e, uint32_t reg, uint32_t offset);
void move(struct emitter *e, uint32_t reg, uint32_t value);

/* CMP reg, imm32: all flags are defined again. */
void define_flags(struct emitter *e);
