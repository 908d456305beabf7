/* whole.c — any bytes at all, weighted towards what concerns a hypervisor; registers that lead
 * somewhere.
 *
 * source  AMD APM vol 3 (24594), "Opcode and Operand Encodings" */
#include "emit.h"
#include "machine.h"

#define CODE_LENGTH 96u

static const uint8_t prefixes[] = {0x26, 0x2E, 0x36, 0x3E, 0x64, 0x65, 0x66, 0x67, 0xF0, 0xF2, 0xF3,
    0x66, 0x67};

/* One-byte opcodes that change segments, flags, ports, control flow, or many bytes. */
static const uint8_t one_byte[] = {
    0x07, 0x17, 0x1F, 0x0E, 0x06, 0x60, 0x61, 0x62, 0x63, 0x6C, 0x6D, 0x6E, 0x6F, 0x8C, 0x8E, 0x8F,
        0x9A, 0x9B, 0x9C,
    0x9D, 0xA4, 0xA5, 0xA6, 0xA7, 0xAA, 0xAB, 0xAC, 0xAD, 0xAE, 0xAF, 0xC2, 0xC4, 0xC5, 0xC8, 0xC9,
        0xCA, 0xCB, 0xCC,
    0xCD, 0xCE, 0xCF, 0xD7, 0xE4, 0xE5, 0xE6, 0xE7, 0xEA, 0xEC, 0xED, 0xEE, 0xEF, 0xF1, 0xF4, 0xFA,
        0xFB, 0xFF, 0xFE};

/* Two-byte opcodes: system instructions, cache control, non-temporal stores, state save and
 * restore. */
static const uint8_t two_bytes[] = {
    0x00, 0x01, 0x01, 0x01, 0x01, 0x02, 0x03, 0x05, 0x06, 0x07, 0x08, 0x09, 0x0B, 0x0D, 0x18, 0x1A,
        0x1B, 0x1E, 0x20,
    0x21, 0x22, 0x23, 0x2B, 0x30, 0x30, 0x31, 0x32, 0x32, 0x33, 0x34, 0x35, 0x37, 0x77, 0x78, 0x79,
        0xA0,
    0xA1, 0xA2, 0xA8, 0xA9, 0xAA, 0xAE, 0xAE, 0xAE, 0xB2, 0xB4, 0xB5, 0xB9, 0xC3, 0xC7, 0xC7, 0xE7,
        0xFF, 0xF7};

static void any_bytes(struct emitter *e)
{
    for (uint32_t i = 1 + below(e->c, 15); i > 0; i--)
        put(e, (uint32_t)draw(e->c));
}

static const uint32_t msrs[] = {
    0x10, 0x1B, 0x3A, 0x79, 0x8B, 0xFE, 0x174, 0x176, 0x1A0, 0x1D9, 0x200, 0x20F, 0x250, 0x26F,
    0x277, 0x2FF, 0x2E0, 0x480, 0x6A0, 0x6E0, 0x808, 0x80B, 0x830, 0xDA0, 0xC0000080, 0xC0000081,
    0xC0000082, 0xC0000084, 0xC0000100, 0xC0000102, 0xC0010010, 0xC0010015, 0xC0010114, 0xC0010117,
    0xC001001F, 0x40000000,
};
static const uint16_t ports[] = {
    0x20, 0x21, 0x40, 0x43, 0x60, 0x61, 0x64, 0x70, 0x71, 0x80, 0x92, 0xA1, 0xB2, 0xCF8, 0xCF9,
    0xCFC, 0x1F7, 0x2F8, 0x2FB, 0x2FF, 0x3C4, 0x3F6, 0x3FF, 0x402, 0x510, 0x600, 0xFFFF,
};
#define COUNT(table) (sizeof(table) / sizeof(table)[0])

/* ModRM, mostly with a register that leads somewhere, then bytes that may be displacement or
 * immediate. */
static void operands(struct emitter *e)
{
    put(e, (uint32_t)draw(e->c));
    for (uint32_t i = below(e->c, 6); i > 0; i--)
        put(e, one_in(e->c, 2) ? 0 : (uint32_t)draw(e->c));
}

/* MOV to CR0, CR3 or CR4 of a value that it may have: most others are refused. */
static void control_register(struct emitter *e)
{
    static const uint32_t bits[] = {0xE005003F, 0x18, 0x003607FF};
    static const uint32_t kept[] = {1, 0, 0x200};
    uint32_t which = below(e->c, 3),
        flipped = (uint32_t)draw(e->c) & (uint32_t)draw(e->c) & bits[which];
    put(e, 0x0F);
    put(e, 0x20);
    put(e, 0xC0 | (which == 0 ? 0 : which + 2) << 3 | RAX);
    put(e, e->is_16_bit ? 0x66 : 0x90);
    put(e, 0x35);                               /* XOR EAX, imm32 */
    put_many(e, flipped & ~kept[which], 4);
    put(e, 0x0F);
    put(e, 0x22);
    put(e, 0xC0 | (which == 0 ? 0 : which + 2) << 3 | RAX);
}

static void shaped(struct emitter *e)
{
    if (one_in(e->c, 12)) {
        control_register(e);
        return;
    }
    for (uint32_t i = below(e->c, 3); i > 0; i--)
        put(e, prefixes[below(e->c, sizeof prefixes)]);
    if (e->is_64_bit && one_in(e->c, 3))
        put(e, 0x40 | below(e->c, 16));
    if (one_in(e->c, 3)) {
        put(e, one_byte[below(e->c, sizeof one_byte)]);
    } else {
        put(e, 0x0F);
        put(e, two_bytes[below(e->c, sizeof two_bytes)]);
    }
    operands(e);
}

/* MARK: probes: each what a driver does, with values that may be wrong. */

static void put_mov(struct emitter *e, uint32_t number, uint32_t value)
{
    start_32(e, false);
    put(e, 0xB8 | number);
    put_many(e, value, 4);
}

/* IN or OUT by DX, of 1, 2 or 4 bytes. */
static void put_port(struct emitter *e, bool is_output)
{
    uint32_t width = below(e->c, 3);
    if (width != 0 && (width == 1) != e->is_16_bit)
        put(e, 0x66);
    put(e, (is_output ? 0xEE : 0xEC) | (width != 0));
}

static void probe_port(struct emitter *e)
{
    static const uint16_t masters[] = {0x02, 0x0B, 0x0F, 0x83, 0xD4, 0xD6, 0x3F2, 0x3F5, 0x514,
        0x518, 0x604, 0xAE00, 0xAF00, 0xAFE0, 0xB000};
    uint32_t port = one_in(e->c, 3) ? (uint16_t)draw(e->c)
        : one_in(e->c, 2) ? masters[below(e->c, COUNT(masters))] : ports[below(e->c, COUNT(ports))];
    put_mov(e, RDX, port);
    put_mov(e, RAX, (uint32_t)draw(e->c));
    put_port(e, !one_in(e->c, 3));
}

static void probe_pci(struct emitter *e)
{
    uint32_t function = one_in(e->c, 4) ? below(e->c, 0x10000) : below(e->c, 0x28);
    put_mov(e, RDX, 0xCF8);
    put_mov(e, RAX, 0x80000000 | function << 8 | (below(e->c, 0x40) << 2));
    if (e->is_16_bit)
        put(e, 0x66);
    put(e, 0xEF);
    put_mov(e, RDX, 0xCFC + below(e->c, 4));
    put_mov(e, RAX, one_in(e->c, 3) ? UINT32_MAX : (uint32_t)draw(e->c));
    put_port(e, !one_in(e->c, 4));
}

static void probe_msr(struct emitter *e)
{
    uint32_t msr = msrs[below(e->c, COUNT(msrs))];
    put_mov(e, RCX, one_in(e->c, 2) ? msr : msr + below(e->c, 64) - 32);
    put_mov(e, RDX, one_in(e->c, 2) ? 0 : (uint32_t)draw(e->c));
    put_mov(e, RAX, (uint32_t)draw(e->c));
    put(e, 0x0F);
    put(e, one_in(e->c, 3) ? 0x32 : 0x30);
}

/* A store or a load of 32 bits, at a register of an APIC's or anywhere in special pages. */
static void probe_device(struct emitter *e)
{
    static const uint8_t forms[] = {0x89, 0x8B, 0xC7, 0x09, 0x21, 0x31, 0x87};
    uint32_t page =
        one_in(e->c, 3) ? below(e->c, SPECIAL_PAGES) : SPECIAL_PAGES + below(e->c, APIC_PAGES);
    uint8_t form = forms[below(e->c, COUNT(forms))];
    /* Elsewhere in the I/O APIC Bochs ends itself. */
    uint32_t offset = below(e->c, page == IO_APIC_PAGE ? 0x20 : 0x400) & ~15u;
    put_mov(e, RBX, SPECIAL_LINEAR + page * PAGE_BYTES + offset);
    put_mov(e, RAX, (uint32_t)draw(e->c) & (uint32_t)draw(e->c));
    start_32(e, true);
    put(e, form);
    put(e, 0x03);               /* [EBX], EAX */
    if (form == 0xC7)
        put_many(e, draw(e->c) & 0xC4FFF, 4);
}

static void probe(struct emitter *e)
{
    static void (*const probes[])(struct emitter *e) = {
        probe_port, probe_pci, probe_msr, probe_device, probe_device};
    probes[below(e->c, COUNT(probes))](e);
}

/* A value that means something to some instruction. */
static uint64_t telling_value(struct fuzz_case *c)
{
    switch (below(c, 10)) {
    case 0:
        return msrs[below(c, COUNT(msrs))];
    case 1:
        return ports[below(c, COUNT(ports))];
    case 2:
        return SPECIAL_LINEAR + below(c, SPECIAL_PAGES * PAGE_BYTES);
    case 3:
        return below(c, 8);
    case 4:
        return UINT64_C(1) << below(c, 64);
    case 5:
        return CODE_BASE + below(c, 0x4000);
    case 6:
        return draw(c);
    case 7:
        return (draw(c) & UINT64_C(0x8005003F)) | 0x21;      /* as CR0 might be, or CR4 */
    default:
        return c->base + below(c, DATA_BYTES);
    }
}

void whole_write(struct fuzz_case *c, bool has_probes)
{
    struct emitter e = emitter_make(c, false);

    while (e.at < (uint8_t *)(uintptr_t)CODE_BASE + CODE_LENGTH) {
        if (has_probes && one_in(c, 2))
            probe(&e);
        else if (one_in(c, 3))
            any_bytes(&e);
        else
            shaped(&e);
    }
    for (uint32_t i = 0; i < 8; i++)
        put(&e, 0xCC);
    /* In ring 0 of a legacy mode an event that finds no stack is a triple fault. */
    bool needs_stack = c->mode->kind != KIND_LONG && !c->mode->is_user;
    for (uint32_t i = 0; i < REGISTERS; i++)
        if (i != RSP || (!needs_stack && one_in(c, 8)))
            STATE->registers[i] = telling_value(c);
    if (one_in(c, 8))
        STATE->rflags |= BIT(12) | BIT(13);                 /* IOPL 3 */
    if (one_in(c, 16))
        STATE->rflags |= draw(c) & 0x254CD5;                /* IF among others; not VM, nor NT */
}
