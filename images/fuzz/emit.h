/* emit.h — bytes of instructions, one after another. */
#pragma once
#include "case.h"

struct emitter {
    struct fuzz_case *c;
    uint8_t *at, *end;
    bool is_16_bit, is_64_bit, is_twin;
};

static inline struct emitter emitter_make(struct fuzz_case *c, bool is_twin)
{
    uint8_t *base = (uint8_t *)(uintptr_t)CODE_BASE;
    return (struct emitter){c, base, base + CODE_BYTES, c->mode->kind == KIND_REAL,
        c->mode->is_64_bit, is_twin};
}

static inline void put(struct emitter *e, uint32_t byte)
{
    *e->at++ = (uint8_t)byte;
}

static inline void put_many(struct emitter *e, uint64_t value, uint32_t bytes)
{
    for (uint32_t i = 0; i < bytes; i++)
        put(e, (uint32_t)(value >> 8 * i));
}

/* The next instruction starts here. */
static inline void start(struct emitter *e)
{
    struct fuzz_case *c = e->c;
    if (c->instructions < INSTRUCTIONS_MAX)
        c->starts[c->instructions++] = (uint16_t)(e->at - (uint8_t *)(uintptr_t)CODE_BASE);
}

/* The same, with the prefixes that give it 32-bit operands and addresses in 16-bit code. */
static inline void start_32(struct emitter *e, bool has_memory)
{
    start(e);
    if (e->is_16_bit && has_memory)
        put(e, 0x67);
    if (e->is_16_bit)
        put(e, 0x66);
}
