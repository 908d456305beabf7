/* decode.h — length and operands of the few intercepted instructions of which the CPU tells
 * neither: under SVM without NRIP save and decode assists, QEMU's among them; INS and OUTS on both
 * vendors. AMD APM vol 3 (24594), "Instruction Encoding". */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "engine/first_state.h"
#include "engine/vcpu.h"
#include "residency/walk.h"

struct instruction {
    uint8_t length;     /* bytes */
    uint8_t opcode;     /* of stores, INS and OUTS, else the second byte, after 0F */
    uint8_t modrm;
    uint8_t rex;        /* 0 when there is none */
    uint8_t address_bytes;
    bool    has_rep;
    bool    has_operand_size, has_address_size;     /* prefixes */
    bool    is_memory;  /* LMSW, stores: the operand lies there */
    enum store : uint8_t {
        STORE_NONE, STORE_MOV, STORE_OR, STORE_AND, STORE_XOR
    } store;            /* of 32 bits, and of memory and `source` */
    uint32_t source;
    enum segment_number segment;
    uint64_t offset;
};

/* Decodes the instruction at the guest's RIP; false when it is not one of CPUID, RDMSR, WRMSR,
 * INVD, WBINVD, CLTS, MOV to CR, LMSW, INS, OUTS, or a store: MOV, OR, AND, XOR of 32 bits to
 * memory, from a register or an immediate. `is_32_bit`: CS.D. */
bool instruction_decode(const struct guest_regs *regs, const struct guest_mode *mode,
                        bool is_32_bit, struct instruction *instruction);

#define OPCODE_STRING_IO   0x6Cu    /* INS; with these bits OUTS, and words: */
#define OPCODE_STRING_FORM 3u
#define OPCODE_OR_STORE     0x09u
#define OPCODE_AND_STORE    0x21u
#define OPCODE_XOR_STORE    0x31u
#define OPCODE_GROUP1       0x81u   /* with /1 OR, /4 AND, /6 XOR */
#define OPCODE_GROUP1_BYTE  0x83u   /* the same, of a byte that is extended by its sign */
#define OPCODE_MOV_STORE    0x89u
#define OPCODE_MOV_ABSOLUTE 0xA3u   /* EAX, to an address of the address size */
#define OPCODE_MOV_GROUP    0xC7u   /* /0 */
#define OPCODE_LMSW_GROUP 0x01u     /* /6, and the SVM instructions */
#define OPCODE_CLTS       0x06u
#define OPCODE_INVD       0x08u
#define OPCODE_WBINVD     0x09u
#define OPCODE_MOV_TO_CR  0x22u
#define OPCODE_WRMSR      0x30u
#define OPCODE_RDMSR      0x32u
#define OPCODE_CPUID      0xA2u

#define MODRM_MOD FIELD(7, 6)
#define MODRM_REG FIELD(5, 3)
#define MODRM_RM  FIELD(2, 0)
#define MODRM_MOD_REGISTER 3u
#define REX_B     BIT(0)
#define REX_X     BIT(1)
#define REX_R     BIT(2)
#define REX_W     BIT(3)
