#include "decode.h"

#include <stdbool.h>
#include <string.h>

#include "cache_model.h"

struct prefixes {
    bool    operand, repeat, repeat_not, segment, address;
    uint8_t rex;            /* 0: none */
    uint8_t map;            /* 1: 0F, 2: 0F 38, 3: 0F 3A */
    bool    vector;         /* VEX or EVEX */
    size_t  bytes;          /* up to the opcode */
};

static bool legacy_prefix(uint8_t byte, struct prefixes *found)
{
    switch (byte) {
    case 0x66: found->operand = true; return true;
    case 0xF2: found->repeat_not = true; return true;
    case 0xF3: found->repeat = true; return true;
    case 0x64: case 0x65: found->segment = true; return true;
    case 0x67: found->address = true; return true;
    case 0x26: case 0x2E: case 0x36: case 0x3E: case 0xF0: return true;
    default: return false;
    }
}

static void simd_prefix(uint8_t pp, struct prefixes *found)
{
    found->operand |= pp == 1;
    found->repeat |= pp == 2;
    found->repeat_not |= pp == 3;
}

/* Where the opcode is, and what stood before it. C4, C5 and 62 are taken for VEX and EVEX only
 * where the next byte has a register operand's mod bits, as 32-bit code demands; in 64-bit code
 * they are nothing else. */
static struct prefixes read_prefixes(const uint8_t *at, size_t count)
{
    struct prefixes found = { 0 };
    size_t i = 0;

    while (i < count && legacy_prefix(at[i], &found))
        i++;
    if (i < count && (at[i] & 0xF0) == 0x40)
        found.rex = at[i++];
    if (i + 1 < count && at[i] == 0x0F) {
        found.map = 1;
        i++;
        if (at[i] == 0x38 || at[i] == 0x3A)
            found.map = at[i++] == 0x38 ? 2 : 3;
    } else if (i + 2 < count && at[i] == 0xC5 && at[i + 1] >= 0xC0) {
        found.map = 1;
        found.vector = true;
        simd_prefix(at[i + 1] & 3, &found);
        i += 2;
    } else if (i + 3 < count && at[i] == 0xC4) {
        found.map = at[i + 1] & 0x1F;
        found.vector = true;
        simd_prefix(at[i + 2] & 3, &found);
        i += 3;
    } else if (i + 4 < count && at[i] == 0x62) {
        found.map = at[i + 1] & 7;
        found.vector = true;
        simd_prefix(at[i + 2] & 3, &found);
        i += 4;
    }
    found.bytes = i;
    return found;
}

/* The memory operand behind a ModRM byte, 32- and 64-bit addressing. */
static void read_operand(struct decoded *decoded, const struct prefixes *found,
                         const uint8_t *modrm, size_t count)
{
    uint8_t mod = modrm[0] >> 6, rm = modrm[0] & 7;
    size_t  at = 1;

    decoded->base = decoded->index = NO_REGISTER;
    decoded->is_unknown = found->segment || found->address;
    if (rm == 4 && count > at) {
        uint8_t sib = modrm[at++];
        uint8_t index = (sib >> 3 & 7) | (found->rex & 2 ? 8 : 0);
        decoded->scale = sib >> 6;
        decoded->index = index == 4 ? NO_REGISTER : index;
        rm = sib & 7;
        if (!(rm == 5 && mod == 0))
            decoded->base = rm | (found->rex & 1 ? 8 : 0);
        else
            mod = 2;        /* a displacement and no base */
    } else if (rm == 5 && mod == 0) {
        decoded->is_rip_relative = true;
        mod = 2;
    } else
        decoded->base = rm | (found->rex & 1 ? 8 : 0);
    if (mod == 1 && count > at)
        decoded->displacement = (int8_t)modrm[at];
    if (mod == 2 && count >= at + 4)
        memcpy(&decoded->displacement, modrm + at, 4);
}

/* 0F AE, 0F 1C /0, 0F 18 /0 to /3 and 0F 0D, each with a memory operand. */
static enum access_kind line_instruction(const struct prefixes *found, uint8_t opcode, uint8_t reg)
{
    if (opcode == 0xAE && reg == 7 && !found->repeat && !found->repeat_not)
        return ACCESS_CLFLUSH;
    if (opcode == 0xAE && reg == 6 && found->operand)
        return ACCESS_CLWB;
    if (opcode == 0x1C && reg == 0 && !found->operand && !found->repeat && !found->repeat_not)
        return ACCESS_CLDEMOTE;
    if (opcode == 0x0D || (opcode == 0x18 && reg < 4))
        return ACCESS_PREFETCH;         /* PREFETCH, PREFETCHW; PREFETCHNTA, PREFETCHT0 to T2 */
    return ACCESS_READ;
}

static bool is_non_temporal(uint8_t opcode)
{
    switch (opcode) {
    case 0x2B:              /* MOVNTPS, MOVNTPD, MOVNTSS, MOVNTSD */
    case 0xC3:              /* MOVNTI */
    case 0xE7:              /* MOVNTQ, MOVNTDQ */
    case 0xF7:              /* MASKMOVQ, MASKMOVDQU */
        return true;
    default:
        return false;
    }
}

/* Group 7: 0F 01. */
static void decode_group7(struct decoded *decoded, uint8_t modrm)
{
    uint8_t reg = modrm >> 3 & 7;

    if (modrm == 0xD8)
        decoded->what = ENTER_GUEST;
    else if (modrm == 0xDA || modrm == 0xDB)
        decoded->what = CONTROL_BLOCK;
    else if (modrm == 0xDF)
        decoded->what = FLUSH_TRANSLATIONS;
    else if (modrm < 0xC0 && reg == 7)
        decoded->what = FLUSH_TRANSLATIONS;
    else if (modrm < 0xC0 && (reg == 2 || reg == 3))
        decoded->what = reg == 2 ? LOAD_GDTR : LOAD_IDTR;
}

static void decode_0f(struct decoded *decoded, const struct prefixes *found, const uint8_t *at,
                      size_t count)
{
    uint8_t opcode = at[0], modrm = count > 1 ? at[1] : 0, reg = modrm >> 3 & 7;

    switch (opcode) {
    case 0x01:
        decode_group7(decoded, modrm);
        return;
    case 0x08:
    case 0x09:
        decoded->what = CACHE_ALL;
        decoded->access = opcode == 0x08 ? ACCESS_INVD : found->repeat
            ? ACCESS_WBNOINVD : ACCESS_WBINVD;
        return;
    case 0x22:
        decoded->what = WRITE_CR;
        decoded->number = reg | (found->rex & 4 ? 8 : 0);
        decoded->source = (modrm & 7) | (found->rex & 1 ? 8 : 0);
        return;
    case 0x30:
        decoded->what = WRITE_MSR;
        return;
    case 0xC7:
        if (modrm >= 0xC0 && reg >= 6 && !found->repeat)
            decoded->what = DRAW_RANDOM;
        return;
    }
    if (modrm >= 0xC0 && opcode != 0xF7)
        return;
    decoded->access = line_instruction(found, opcode, reg);
    if (decoded->access != ACCESS_READ) {
        decoded->what = CACHE_LINE;
        read_operand(decoded, found, at + 1, count - 1);
    } else if (is_non_temporal(opcode)) {
        decoded->what = NON_TEMPORAL;
        decoded->access = ACCESS_NT_STORE;
    }
}

struct decoded decode(const uint8_t *bytes, size_t count)
{
    struct decoded  decoded = { .what = PLAIN, .length = (uint8_t)count };
    struct prefixes found = read_prefixes(bytes, count);

    if (found.bytes >= count)
        return decoded;
    if (found.map == 1 && !found.vector)
        decode_0f(&decoded, &found, bytes + found.bytes, count - found.bytes);
    else if (found.map == 1 && (bytes[found.bytes] == 0x2B || bytes[found.bytes] == 0xE7)) {
        decoded.what = NON_TEMPORAL;
        decoded.access = ACCESS_NT_STORE;
    } else if (found.map == 2 && bytes[found.bytes] == 0x82 && found.operand)
        decoded.what = FLUSH_TRANSLATIONS;      /* INVPCID */
    return decoded;
}
