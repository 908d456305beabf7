/* safe.c — programs whose end the manuals determine: what leaves flags undefined is followed by a comparison, what depends
 * on time or on the vendor is overwritten.
 *
 * source  AMD APM vol 3 (24594) and Intel SDM (325462) vol 2: encodings, and which flags an instruction defines
 *
 * RBX holds the base of the data throughout, RSP the stack. */
#include "emit.h"
#include "machine.h"

#define ITEMS_MIN  12u
#define ITEMS_MORE 30u
#define COM2       0x2F8u
#define MSR_MISC   0x1A0u
#define NOP1       0x90u
#define PAT_OTHER  UINT64_C(0x0007010600070406)

/* General registers that programs may change. */
static uint32_t any_register(struct emitter *e)
{
    static const uint8_t numbers[] = {RAX, RCX, RDX, RBP, RSI, RDI};
    return numbers[below(e->c, sizeof numbers)];
}

/* An offset in the data, so that `bytes` lie within it; often across two pages. */
static uint32_t place(struct emitter *e, uint32_t bytes)
{
    uint32_t end = (e->is_16_bit ? REAL_BYTES : DATA_BYTES) - bytes;
    if (one_in(e->c, 3)) {
        uint32_t border = (1 + below(e->c, DATA_PAGES - 1)) * PAGE_BYTES - below(e->c, bytes);
        return border < end ? border : end;
    }
    return below(e->c, end);
}

static void modrm_memory(struct emitter *e, uint32_t reg, uint32_t offset)
{
    put(e, 0x80 | reg << 3 | RBX);
    put_many(e, offset, 4);
}

static void move(struct emitter *e, uint32_t reg, uint32_t value)
{
    start_32(e, false);
    put(e, 0xB8 + reg);
    put_many(e, value, 4);
}

/* CMP reg, imm32: all flags are defined again. */
static void define_flags(struct emitter *e)
{
    start_32(e, false);
    put(e, 0x81);
    put(e, 0xF8 | any_register(e));
    put_many(e, draw(e->c), 4);
}

/* REX with a random width and, where `extends`, one of R8-R15. */
static void maybe_rex(struct emitter *e, bool extends)
{
    if (e->is_64_bit && one_in(e->c, 2))
        put(e, 0x40 | (one_in(e->c, 2) ? 8 : 0) | (extends && one_in(e->c, 2) ? 4 : 0));
}

static void arithmetic(struct emitter *e)
{
    static const uint8_t opcodes[] = {0x01, 0x03, 0x09, 0x0B, 0x11, 0x13, 0x19, 0x1B, 0x21, 0x23, 0x29, 0x2B, 0x31, 0x33,
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

static void immediate(struct emitter *e)
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

static void shift(struct emitter *e)
{
    static const uint8_t operations[] = {0, 1, 4, 5, 7};
    uint32_t operation = operations[below(e->c, sizeof operations)];
    start_32(e, false);
    put(e, 0xC1);
    put(e, 0xC0 | operation << 3 | any_register(e));
    put(e, below(e->c, 32));
    define_flags(e);
}

static void multiply(struct emitter *e)
{
    start_32(e, false);
    put(e, 0xF7);
    put(e, (one_in(e->c, 2) ? 0xE0 : 0xE8) | any_register(e));
    define_flags(e);
}

/* Divides EDX:EAX = a small number, now and then by zero: #DE. */
static void divide(struct emitter *e)
{
    move(e, RDX, 0);
    move(e, RCX, one_in(e->c, 3) ? 0 : 1 + below(e->c, 1000));
    start_32(e, false);
    put(e, 0xF7);
    put(e, 0xF0 | RCX);
    define_flags(e);
}

/* Byte, word or dword strings, either direction, repeated over up to two pages. */
static void string(struct emitter *e)
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
static void vector(struct emitter *e)
{
    static const uint8_t integer[] = {0xFC, 0xFD, 0xFE, 0xD4, 0xEF, 0xEB, 0xDB, 0xF8, 0xFA, 0x60, 0x61, 0x62, 0x74, 0xDA, 0xD5};
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

static void stack(struct emitter *e)
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
static void jump(struct emitter *e)
{
    start(e);
    put(e, 0x70 + below(e->c, 16));
    put(e, e->is_16_bit ? 6 : 5);
    move(e, any_register(e), (uint32_t)draw(e->c));
}

/* Two calls' worth of far transfer: to the next instruction by a far return. */
static void far_return(struct emitter *e)
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
    put_many(e, origin + here + (e->is_16_bit ? 2 : 4) + (e->is_64_bit ? 2 : 1), e->is_16_bit ? 2 : 4);
    start(e);
    if (e->is_64_bit)
        put(e, 0x48);
    put(e, 0xCB);
}

/* Writes the immediate operand of an instruction that is executed soon: behind a jump, without which QEMU 7.2 may
 * execute what it had translated before. */
static void self_modify(struct emitter *e)
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

/* Exceptions. No software interrupts: when one misses a page, Bochs 2.7 names the event before it in EXITINTINFO. */
static void event(struct emitter *e)
{
    static const uint8_t privileged[][3] = {{0xF4, NOP1, NOP1}, {0xFA, NOP1, NOP1}, {0x0F, 0x09, NOP1}, {0x0F, 0x06, NOP1},
                                            {0x0F, 0x32, NOP1}, {0x0F, 0x30, NOP1}, {0x0F, 0x20, 0xC0}, {0x0F, 0x22, 0xC0}};
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

/* An instruction that exits, of two or three bytes; in the twin one without effect. */
static void exiting(struct emitter *e, uint32_t first, uint32_t second, uint32_t third, uint32_t bytes)
{
    start(e);
    const uint8_t nops[2][3] = {{0x66, 0x90, 0}, {0x0F, 0x1F, 0x00}};
    const uint8_t real[3] = {(uint8_t)first, (uint8_t)second, (uint8_t)third};
    if (one_in(e->c, 3))
        put(e, one_in(e->c, 2) ? 0x3E : 0x26);      /* a segment prefix, of no meaning here */
    for (uint32_t i = 0; i < bytes; i++)
        put(e, e->is_twin ? nops[bytes - 2][i] : real[i]);
}

static void overwrite(struct emitter *e)
{
    move(e, RAX, (uint32_t)draw(e->c));
    move(e, RCX, (uint32_t)draw(e->c));
    move(e, RDX, (uint32_t)draw(e->c));
}

static void exit_cpuid(struct emitter *e)
{
    static const uint32_t leaves[] = {0, 1, 7, 0xD, 0x80000000, 0x80000001, 0x80000008, 0x8000000A};
    move(e, RAX, leaves[below(e->c, 8)]);
    move(e, RCX, below(e->c, 2));
    exiting(e, 0x0F, 0xA2, 0, 2);
    move(e, RBX, (uint32_t)e->c->base);
    overwrite(e);
}

static void exit_msr(struct emitter *e)
{
    static const uint32_t readable[] = {0x10, 0x1B, 0xFE, 0x200, 0x277, 0x2FF, 0xC0000080, 0xC0000081, 0xC0000102};
    if (one_in(e->c, 2)) {
        move(e, RCX, readable[below(e->c, sizeof readable / sizeof readable[0])]);
        exiting(e, 0x0F, 0x32, 0, 2);
    } else {
        bool is_pat = one_in(e->c, 2);
        move(e, RCX, is_pat ? 0x277 : MSR_MISC);
        move(e, RAX, (uint32_t)PAT_OTHER);
        move(e, RDX, (uint32_t)(PAT_OTHER >> 32));
        exiting(e, 0x0F, 0x30, 0, 2);
    }
    overwrite(e);
}

/* COM2 is the hypervisor's: nothing answers, whatever is written. */
static void exit_port(struct emitter *e)
{
    static const uint8_t opcodes[] = {0xEC, 0xED, 0xEE, 0xEF};
    uint8_t opcode = opcodes[below(e->c, 4)];
    move(e, RDX, COM2 + below(e->c, 5));
    start(e);
    put(e, e->is_twin ? NOP1 : opcode);
    overwrite(e);
}

/* CR0: the cache bits change without effect; LMSW writes what SMSW has read, by register or memory. */
static void exit_cr0(struct emitter *e)
{
    uint32_t choice = below(e->c, 4), offset = place(e, 2);
    if (choice == 0) {
        exiting(e, 0x0F, 0x06, 0, 2);       /* CLTS */
    } else if (choice == 1) {
        start(e);
        put_many(e, 0xC0200F, 3);           /* MOV EAX, CR0 */
        if (one_in(e->c, 2)) {
            start_32(e, false);
            put(e, 0x0D);                   /* OR EAX, CD */
            put_many(e, BIT(30), 4);
        }
        exiting(e, 0x0F, 0x22, 0xC0, 3);
        start_32(e, false);
        put(e, 0x25);                       /* AND EAX, ~(CD | NW) */
        put_many(e, ~(BIT(30) | BIT(29)), 4);
        exiting(e, 0x0F, 0x22, 0xC0, 3);
    } else if (choice == 2) {
        start(e);
        put_many(e, 0xE0010F, 3);           /* SMSW */
        exiting(e, 0x0F, 0x01, 0xF0, 3);
    } else {
        start(e);
        if (e->is_16_bit)
            put(e, 0x67);
        put_many(e, 0x010F, 2);
        modrm_memory(e, 4, offset);         /* SMSW [mem] */
        start(e);
        if (e->is_16_bit)
            put(e, 0x67);
        put_many(e, e->is_twin ? 0x1F0F : 0x010F, 2);
        modrm_memory(e, e->is_twin ? 0 : 6, offset);
    }
    overwrite(e);
    define_flags(e);
}

static void exit_other(struct emitter *e)
{
    uint32_t choice = below(e->c, 4);
    if (choice == 0) {
        exiting(e, 0x0F, one_in(e->c, 2) ? 0x08 : 0x09, 0, 2);
    } else if (choice == 1) {
        move(e, RCX, 0);
        move(e, RDX, 0);
        move(e, RAX, one_in(e->c, 2) ? 3 : 1);
        exiting(e, 0x0F, 0x01, 0xD1, 3);    /* XSETBV */
        overwrite(e);
    } else if (choice == 2) {
        start(e);
        put(e, 0x0F);
        put(e, 0x01);
        put(e, e->is_twin ? 0xC2 : 0xC1);   /* VMCALL, its twin VMLAUNCH: #UD both */
    } else {
        start(e);
        if (e->is_16_bit)
            put(e, 0x67);
        put_many(e, 0x010F, 2);
        modrm_memory(e, 7, place(e, 1));    /* INVLPG */
    }
}

typedef void item(struct emitter *e);
static item *const everywhere[] = {arithmetic, arithmetic, immediate, shift, multiply, divide, string, vector, vector, stack,
                                   jump, far_return, self_modify, event, exit_cpuid};
static item *const privileged[] = {exit_msr, exit_port, exit_cr0, exit_other};
#define COUNT(array) (sizeof(array) / sizeof(array)[0])

void safe_write(struct fuzz_case *c, bool is_twin)
{
    struct emitter e = emitter_make(c, is_twin);
    uint32_t items = ITEMS_MIN + below(c, ITEMS_MORE);

    c->instructions = 0;
    define_flags(&e);
    for (uint32_t i = 0; i < items && c->instructions < INSTRUCTIONS_MAX - 16; i++) {
        if (!c->mode->is_user && one_in(c, 3))
            privileged[below(c, COUNT(privileged))](&e);
        else
            everywhere[below(c, COUNT(everywhere))](&e);
    }
    start(&e);
    c->end = c->starts[c->instructions - 1];
    put(&e, 0x0F);
    put(&e, 0x0B);
}
