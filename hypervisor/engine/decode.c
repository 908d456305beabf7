#include "engine/decode.h"

#define INSTRUCTION_BYTES_MAX 15u
#define PREFIX_OPERAND_SIZE   0x66u
#define PREFIX_ADDRESS_SIZE   0x67u
#define PREFIX_REPNE          0xF2u
#define PREFIX_REP            0xF3u

/* in struct guest_regs */
enum register_number : uint8_t { BX = 3, SP, BP, SI, DI, NO_REGISTER = 16 };

struct code {
    uint8_t byte[INSTRUCTION_BYTES_MAX + 10];   /* zeroes where a guest's instruction is longer than
                                                 * one may be */
    size_t  bytes, at;
};

/* What an address is made of. */
struct address {
    uint8_t base, index, scale, displacement_bytes;
};

static bool decode_prefix(uint8_t byte, struct instruction *instruction)
{
    switch (byte) {
    case 0x26: case 0x2E: case 0x36: case 0x3E:
        instruction->segment = (enum segment_number)(byte >> 3 & 3);
        return true;
    case 0x64: case 0x65:
        instruction->segment = byte == 0x64 ? SEGMENT_FS : SEGMENT_GS;
        return true;
    case PREFIX_REPNE: case PREFIX_REP:         /* INS and OUTS do not tell them apart */
        instruction->has_rep = true;
        return true;
    case PREFIX_OPERAND_SIZE:
        instruction->has_operand_size = true;
        return true;
    case PREFIX_ADDRESS_SIZE:
        instruction->has_address_size = true;
        return true;
    case 0xF0:
        return true;
    default:
        return false;
    }
}

/* "ModRM and SIB Bytes", 16-bit addresses. */
static struct address address_16(uint8_t mod, uint8_t rm)
{
    static const struct address bases[8] = {
        {BX, SI, 0, 0}, {BX, DI, 0, 0}, {BP, SI, 0, 0}, {BP, DI, 0, 0},
        {SI, NO_REGISTER, 0, 0}, {DI, NO_REGISTER, 0, 0}, {BP, NO_REGISTER, 0, 0},
        {BX, NO_REGISTER, 0, 0}};
    struct address address = bases[rm];
    address.displacement_bytes = mod;
    if (mod == 0 && rm == 6)
        address = (struct address){NO_REGISTER, NO_REGISTER, 0, 2};
    return address;
}

/* The same, 32-bit and 64-bit ones. */
static struct address address_wide(uint8_t mod, uint8_t rm, uint8_t rex, struct code *code)
{
    struct address address = {rm, NO_REGISTER, 0, mod == 2 ? 4 : mod};
    if (rm == SP) {
        uint8_t sib = code->byte[code->at++];
        address.base = sib & 7;
        address.index = (uint8_t)((sib >> 3 & 7) | (rex & REX_X ? 8 : 0));
        address.scale = sib >> 6;
        if (address.index == SP)
            address.index = NO_REGISTER;
    }
    if (mod == 0 && address.base == BP)
        address.base = NO_REGISTER, address.displacement_bytes = 4;
    else if (rex & REX_B)
        address.base |= 8;
    return address;
}

static void decode_memory(const struct guest_regs *regs, const struct guest_mode *mode,
                          struct code *code, struct instruction *instruction)
{
    uint32_t address_bytes = instruction->address_bytes;
    const uint64_t *registers = (const uint64_t *)regs;
    uint8_t mod = (uint8_t)field_get(instruction->modrm, MODRM_MOD);
    uint8_t rm = (uint8_t)field_get(instruction->modrm, MODRM_RM);
    struct address address =
        address_bytes == 2 ? address_16(mod, rm) : address_wide(mod, rm, instruction->rex, code);
    uint64_t offset = 0, sign = BIT(8 * address.displacement_bytes) / 2;

    for (uint32_t i = 0; i < address.displacement_bytes; i++)
        offset |= (uint64_t)code->byte[code->at++] << 8 * i;
    offset = (offset ^ sign) - sign;
    if (address.base != NO_REGISTER)
        offset += registers[address.base];
    else if (mode->code_long && rm != SP)
        offset += regs->rip + code->at;    /* RIP-relative; no immediate follows */
    if (address.index != NO_REGISTER)
        offset += registers[address.index] << address.scale;
    if (instruction->segment == SEGMENT_NONE)
        instruction->segment = address.base == BP || address.base == SP ? SEGMENT_SS : SEGMENT_DS;
    instruction->offset = address_bytes == 8 ? offset : offset & (BIT(8 * address_bytes) - 1);
}

static uint8_t address_size(const struct guest_mode *mode, bool is_32_bit, bool is_other)
{
    if (mode->code_long)
        return is_other ? 4 : 8;
    return is_32_bit != is_other ? 4 : 2;
}

/* What follows 0F. */
static bool decode_long(const struct guest_regs *regs, const struct guest_mode *mode,
                        struct code *code, struct instruction *instruction)
{
    instruction->opcode = code->byte[code->at++];
    switch (instruction->opcode) {
    case OPCODE_LMSW_GROUP:
        instruction->modrm = code->byte[code->at++];
        instruction->is_memory = field_get(instruction->modrm, MODRM_MOD) != MODRM_MOD_REGISTER;
        if (instruction->is_memory)
            decode_memory(regs, mode, code, instruction);
        return true;
    case OPCODE_MOV_TO_CR:
        instruction->modrm = code->byte[code->at++];
        return true;
    case OPCODE_CLTS: case OPCODE_INVD: case OPCODE_WBINVD:
    case OPCODE_WRMSR: case OPCODE_RDMSR: case OPCODE_CPUID:
        return true;
    default:
        return false;
    }
}

static uint32_t immediate(struct code *code, uint32_t bytes)
{
    uint64_t value = 0, sign = BIT(8 * bytes) / 2;
    for (uint32_t i = 0; i < bytes; i++)
        value |= (uint64_t)code->byte[code->at++] << 8 * i;
    return (uint32_t)((value ^ sign) - sign);
}

/* The operand in memory is where the CPU says. */
static bool decode_store(const struct guest_regs *regs, const struct guest_mode *mode,
                         struct code *code, struct instruction *instruction)
{
    static const uint8_t groups[8] = {[1] = STORE_OR, [4] = STORE_AND, [6] = STORE_XOR};
    if (instruction->opcode == OPCODE_MOV_ABSOLUTE) {
        code->at += instruction->address_bytes;
        instruction->source = (uint32_t)regs->rax;
        instruction->store = STORE_MOV;
        return true;
    }
    instruction->modrm = code->byte[code->at++];
    uint64_t reg = field_get(instruction->modrm, MODRM_REG);
    if (field_get(instruction->modrm, MODRM_MOD) == MODRM_MOD_REGISTER)
        return false;
    decode_memory(regs, mode, code, instruction);
    instruction->source =
        (uint32_t)((const uint64_t *)regs)[reg | (instruction->rex & REX_R ? 8 : 0)];
    switch (instruction->opcode) {
    case OPCODE_OR_STORE: instruction->store = STORE_OR; break;
    case OPCODE_AND_STORE: instruction->store = STORE_AND; break;
    case OPCODE_XOR_STORE: instruction->store = STORE_XOR; break;
    case OPCODE_MOV_STORE: instruction->store = STORE_MOV; break;
    case OPCODE_MOV_GROUP:
        instruction->store = reg == 0 ? STORE_MOV : STORE_NONE;
        instruction->source = immediate(code, 4);
        break;
    case OPCODE_GROUP1: case OPCODE_GROUP1_BYTE:
        instruction->store = (enum store)groups[reg];
        instruction->source = immediate(code, instruction->opcode == OPCODE_GROUP1_BYTE ? 1 : 4);
        break;
    default: break;
    }
    return instruction->store != STORE_NONE;
}

bool instruction_decode(const struct guest_regs *regs, const struct guest_mode *mode,
                        bool is_32_bit, struct instruction *instruction)
{
    struct code code = {0};
    code.bytes = walk_read(mode, mode->code_base + regs->rip, code.byte, INSTRUCTION_BYTES_MAX);

    *instruction = (struct instruction){.segment = SEGMENT_NONE};
    for (; code.at + 1 < INSTRUCTION_BYTES_MAX; code.at++) {
        uint8_t byte = code.byte[code.at];
        if (decode_prefix(byte, instruction))
            instruction->rex = 0;       /* a REX counts only right before the opcode */
        else if (mode->code_long && (byte & 0xF0) == 0x40)
            instruction->rex = byte;
        else
            break;
    }
    instruction->address_bytes = address_size(mode, is_32_bit, instruction->has_address_size);
    instruction->opcode = code.byte[code.at++];
    bool is_known = true;
    if (instruction->opcode == 0x0F)
        is_known = decode_long(regs, mode, &code, instruction);
    else if ((instruction->opcode & ~OPCODE_STRING_FORM) != OPCODE_STRING_IO)
        is_known = !(instruction->rex & REX_W) &&
            (mode->code_long || is_32_bit) != instruction->has_operand_size &&
            decode_store(regs, mode, &code, instruction);
    instruction->length = (uint8_t)code.at;
    return is_known && code.at <= code.bytes;
}
