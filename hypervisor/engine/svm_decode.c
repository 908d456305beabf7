#include "svm_decode.h"

#include "guest_memory.h"
#include "registers.h"

#define INSTRUCTION_BYTES_MAX 15u

static bool is_legacy_prefix(uint8_t byte)
{
    switch (byte) {
    case 0x26: case 0x2E: case 0x36: case 0x3E: case 0x64: case 0x65:   /* segments */
    case 0x66: case 0x67: case 0xF0: case 0xF2: case 0xF3:
        return true;
    default:
        return false;
    }
}

bool svm_decode(const struct guest_mode *mode, uint64_t rip, struct svm_instruction *instruction)
{
    uint8_t code[INSTRUCTION_BYTES_MAX] = {0};
    size_t bytes = guest_memory_fetch(mode, mode->code_base + rip, code, sizeof code);
    size_t at = 0;

    *instruction = (struct svm_instruction){0};
    for (; at < bytes; at++) {
        if (is_legacy_prefix(code[at]))
            instruction->rex = 0;       /* a REX counts only right before the opcode */
        else if (mode->code_long && (code[at] & 0xF0) == 0x40)
            instruction->rex = code[at];
        else
            break;
    }
    if (at + 2 > bytes || code[at] != 0x0F)
        return false;
    instruction->opcode = code[at + 1];
    at += 2;
    switch (instruction->opcode) {
    case OPCODE_LMSW_GROUP:
    case OPCODE_MOV_TO_CR:
        if (at == bytes)
            return false;
        instruction->modrm = code[at++];
        break;
    case OPCODE_CLTS: case OPCODE_INVD: case OPCODE_WBINVD:
    case OPCODE_WRMSR: case OPCODE_RDMSR: case OPCODE_CPUID:
        break;
    default:
        return false;
    }
    instruction->length = (uint8_t)at;
    return true;
}
