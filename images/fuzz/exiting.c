/* exiting.c — instructions that exit; in the twin, ones of the same length without effect. */
#include "items.h"
#include "machine.h"

#define COM2      0x2F8u
#define MSR_MISC  0x1A0u
#define NOP1      0x90u
#define PAT_OTHER UINT64_C(0x0007010600070406)

/* An instruction that exits, of two or three bytes; in the twin one without effect. */
static void exiting(struct emitter *e, uint32_t first, uint32_t second, uint32_t third,
                    uint32_t bytes)
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

void item_exit_cpuid(struct emitter *e)
{
    static const uint32_t leaves[] = {0, 1, 7, 0xD, 0x80000000, 0x80000001, 0x80000008, 0x8000000A};
    move(e, RAX, leaves[below(e->c, 8)]);
    move(e, RCX, below(e->c, 2));
    exiting(e, 0x0F, 0xA2, 0, 2);
    move(e, RBX, (uint32_t)e->c->base);
    overwrite(e);
}

void item_exit_msr(struct emitter *e)
{
    static const uint32_t readable[] = {0x10, 0x1B, 0xFE, 0x200, 0x277, 0x2FF, 0xC0000080,
        0xC0000081, 0xC0000102};
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
void item_exit_port(struct emitter *e)
{
    static const uint8_t opcodes[] = {0xEC, 0xED, 0xEE, 0xEF};
    uint8_t opcode = opcodes[below(e->c, 4)];
    move(e, RDX, COM2 + below(e->c, 5));
    start(e);
    put(e, e->is_twin ? NOP1 : opcode);
    overwrite(e);
}

/* CR0: the cache bits change without effect; LMSW writes what SMSW has read, by register or memory.
 * */
void item_exit_cr0(struct emitter *e)
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

void item_exit_other(struct emitter *e)
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
