/* plain.c — instructions that do not exit; exceptions among them. */
#include "items.h"
#include "machine.h"

#define NOP1 0x90u

/* REX with a random width and, where `extends`, one of R8-R15. */
static void maybe_rex(struct emitter *e, bool extends)
{
    if (e->is_64_bit && one_in(e->c, 2))
        put(e, 0x40 | (one_in(e->c, 2) ? 8 : 0) | (extends && one_in(e->c, 2) ? 4 : 0));
}

void item_arithmetic(struct emitter *e)
{
    static const uint8_t opcodes[] = {0x01, 0x03, 0x09, 0x0B, 0x11, 0x13, 0x19, 0x1B, 0x21, 0x23,
        0x29, 0x2B, 0x31, 0x33,
                                      0x39, 0x3B, 0x85, 0x89, 0x8B, 0x87};
    uint8_t opcode = opcodes[below(e->c, sizeof opcodes)];
    bool has_memory = one_in(e->c, 2);
    uint32_t reg = any_register(e);
    start_32(e, has_memory);
    maybe_rex(e, true);
    put(e, opcode);
    if (has_memory)
        modrm_memory(e, reg, place(e, 8));
    else
        put(e, 0xC0 | reg << 3 | any_register(e));
    define_flags(e);
}

void item_immediate(struct emitter *e)
{
    bool has_memory = one_in(e->c, 2);
    uint32_t operation = below(e->c, 8);
    start_32(e, has_memory);
    put(e, 0x81);
    if (has_memory)
        modrm_memory(e, operation, place(e, 4));
    else
        put(e, 0xC0 | operation << 3 | any_register(e));
    put_many(e, draw(e->c), 4);
    define_flags(e);
}

void item_shift(struct emitter *e)
{
    static const uint8_t operations[] = {0, 1, 4, 5, 7};
    uint32_t operation = operations[below(e->c, sizeof operations)];
    start_32(e, false);
    put(e, 0xC1);
    put(e, 0xC0 | operation << 3 | any_register(e));
    put(e, below(e->c, 32));
    define_flags(e);
}

void item_multiply(struct emitter *e)
{
    start_32(e, false);
    put(e, 0xF7);
    put(e, (one_in(e->c, 2) ? 0xE0 : 0xE8) | any_register(e));
    define_flags(e);
}

/* Divides EDX:EAX = a small number, now and then by zero: #DE. */
void item_divide(struct emitter *e)
{
    move(e, RDX, 0);
    move(e, RCX, one_in(e->c, 3) ? 0 : 1 + below(e->c, 1000));
    start_32(e, false);
    put(e, 0xF7);
    put(e, 0xF0 | RCX);
    define_flags(e);
}

/* Byte, word or dword strings, either direction, repeated over up to two pages. */
void item_string(struct emitter *e)
{
    static const uint8_t opcodes[] = {0xA4, 0xA5, 0xAA, 0xAB, 0xAC, 0xAD, 0xA6, 0xA7, 0xAE, 0xAF};
    uint8_t opcode = opcodes[below(e->c, sizeof opcodes)];
    uint32_t count = e->c->is_stepped ? below(e->c, 6) : below(e->c, 0x600), room = 4 * 0x600;
    bool backward = one_in(e->c, 3);
    uint32_t base = (uint32_t)e->c->base + (backward ? room : 0);
    move(e, RSI, base + place(e, 2 * room));
    move(e, RDI, base + place(e, 2 * room));
    move(e, RCX, count);
    start(e);
    put(e, backward ? 0xFD : 0xFC);
    start_32(e, true);
    put(e, one_in(e->c, 4) ? 0xF2 : 0xF3);
    put(e, opcode);
    start(e);
    put(e, 0xFC);
    define_flags(e);
}

/* MOVUPS to and from memory, and integer operations between XMM registers. */
void item_vector(struct emitter *e)
{
    static const uint8_t integer[] = {0xFC, 0xFD, 0xFE, 0xD4, 0xEF, 0xEB, 0xDB, 0xF8, 0xFA, 0x60,
        0x61, 0x62, 0x74, 0xDA, 0xD5};
    uint32_t choice = below(e->c, 3), reg = below(e->c, 8);
    if (choice == 2) {
        start(e);
        put(e, 0x66);
        put(e, 0x0F);
        put(e, integer[below(e->c, sizeof integer)]);
        put(e, 0xC0 | reg << 3 | below(e->c, 8));
        return;
    }
    start(e);
    if (e->is_16_bit)
        put(e, 0x67);
    if (e->is_64_bit && one_in(e->c, 2))
        put(e, 0x44);
    put(e, 0x0F);
    put(e, 0x10 + choice);
    modrm_memory(e, reg, place(e, 16));
}

void item_stack(struct emitter *e)
{
    start_32(e, false);
    put(e, 0x50 + any_register(e));
    start(e);
    put(e, 0x9C);       /* PUSHF */
    start(e);
    put(e, 0x9D);       /* POPF */
    start_32(e, false);
    put(e, 0x58 + any_register(e));
}

/* Over one instruction, or not, as the flags are. */
void item_jump(struct emitter *e)
{
    start(e);
    put(e, 0x70 + below(e->c, 16));
    put(e, e->is_16_bit ? 6 : 5);
    move(e, any_register(e), (uint32_t)draw(e->c));
}

/* A far transfer: to the next instruction by a far return. */
void item_far_return(struct emitter *e)
{
    uint32_t origin = e->is_16_bit ? 0 : CODE_BASE, here;
    start(e);
    if (e->is_64_bit) {     /* PUSH CS is not there: the selector is known */
        put(e, 0x6A);
        put(e, e->c->mode->is_user ? 0x43 : 0x08);
    } else {
        put(e, 0x0E);
    }
    start(e);
    put(e, 0x68);
    here = (uint32_t)(e->at - (uint8_t *)(uintptr_t)CODE_BASE);
    put_many(e, origin + here + (e->is_16_bit ? 2 : 4) + (e->is_64_bit ? 2 : 1),
             e->is_16_bit ? 2 : 4);
    start(e);
    if (e->is_64_bit)
        put(e, 0x48);
    put(e, 0xCB);
}

/* Writes the immediate operand of an instruction that is executed soon: behind a jump, without
 * which QEMU 7.2 may execute what it had translated before. */
void item_self_modify(struct emitter *e)
{
    if (e->is_16_bit)       /* DS is elsewhere */
        return;
    uint32_t reg = any_register(e);
    start(e);
    put(e, 0xC7);
    put(e, e->is_64_bit ? 0x04 : 0x05);
    if (e->is_64_bit)
        put(e, 0x25);
    put_many(e, (uint32_t)(uintptr_t)e->at + 8 + 2 + 1, 4);
    put_many(e, draw(e->c), 4);
    start(e);
    put(e, 0xEB);
    put(e, 0);
    move(e, reg, 0);
}

/* Exceptions. No software interrupts: when one misses a page, Bochs 2.7 names the event before it
 * in EXITINTINFO. */
void item_event(struct emitter *e)
{
    static const uint8_t privileged[][3] = {{0xF4, NOP1, NOP1}, {0xFA, NOP1, NOP1},
        {0x0F, 0x09, NOP1}, {0x0F, 0x06, NOP1},
                                            {0x0F, 0x32, NOP1}, {0x0F, 0x30, NOP1},
                                                {0x0F, 0x20, 0xC0}, {0x0F, 0x22, 0xC0}};
    bool is_real = e->c->mode->kind == KIND_REAL;
    uint32_t choice = below(e->c, 5);
    if (choice == 0) {
        start(e);
        put(e, 0x0F);
        put(e, 0x0B);
    } else if (choice == 1 && e->c->mode->paging != PAGING_NONE) {
        start(e);
        put(e, one_in(e->c, 2) ? 0x8B : 0x89);
        modrm_memory(e, any_register(e), UNMAPPED + below(e->c, 0x10000));
    } else if (choice == 2 && !is_real) {
        move(e, RAX, 0x1000 + 8 * below(e->c, 1000));
        start(e);
        put(e, 0x8E);
        put(e, 0xD8);       /* MOV DS, AX: beyond the table */
    } else if (choice == 3 && e->is_64_bit) {
        start(e);
        put(e, 0x48);
        put(e, 0xB8 + RDX);
        put_many(e, UINT64_C(0x800000000000) | (draw(e->c) >> 17), 8);
        start(e);
        put(e, 0x8B);
        put(e, 0x02);       /* MOV EAX, [RDX]: not canonical */
    } else if (choice == 4 && e->c->mode->is_user) {
        uint32_t which = below(e->c, sizeof privileged / sizeof privileged[0]);
        move(e, RCX, 0x277);
        start(e);
        for (uint32_t i = 0; i < 3; i++)
            put(e, privileged[which][i]);
    }
}
