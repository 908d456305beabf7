/* source  AMD APM vol 3 (24594), INS, OUTS, "Repeat Prefixes"; SDM vol 2, "REP" */
#include "guest/string_io.h"

#include "report/panic.h"

/* As much of the register as the address size has; 32 bits clear those above. */
static void add(uint64_t *to, uint8_t address_bytes, uint64_t value)
{
    value += *to;
    *to = address_bytes == 2 ? (*to & ~(uint64_t)UINT16_MAX) | (uint16_t)value
          : address_bytes == 4 ? (uint32_t)value : value;
}

bool string_io_begin(const struct vcpu *vcpu, const struct exit *exit, struct string_io *io,
                     struct port_access *access, struct fault *fault)
{
    const struct guest_regs *regs = &vcpu->regs;
    struct guest_mode mode = engine->mode(vcpu);
    bool is_32_bit = engine->segment(vcpu, SEGMENT_CS).attributes & SEGMENT_D;

    if (!instruction_decode(regs, &mode, is_32_bit, &io->instruction))
        panic(PANIC_INSTRUCTION, regs->rip);
    uint64_t mask = FIELD(8 * io->instruction.address_bytes - 1, 0);
    io->is_none = io->instruction.has_rep && (regs->rcx & mask) == 0;
    if (io->is_none)
        return true;
    enum segment_number segment = exit->is_input ? SEGMENT_ES
                                  : io->instruction.segment == SEGMENT_NONE ? SEGMENT_DS
                                  : io->instruction.segment;
    uint64_t offset = (exit->is_input ? regs->rdi : regs->rsi) & mask;
    if (!operand_find(vcpu, segment, offset, exit->width, exit->is_input, &io->operand, fault))
        return false;
    if (!exit->is_input)
        walk_copy(&io->operand.target, (uint8_t *)&access->value, false);
    return true;
}

void string_io_end(struct vcpu *vcpu, const struct exit *exit, const struct string_io *io,
                   struct port_access *access)
{
    struct guest_regs *regs = &vcpu->regs;
    uint8_t size = io->instruction.address_bytes;
    uint64_t width = exit->width;

    if (exit->is_input)
        walk_copy(&io->operand.target, (uint8_t *)&access->value, true);
    vcpu->debug_hits =
        breakpoints_met(exit->dr7, exit->is_input ? BREAKPOINT_WRITE : BREAKPOINT_ACCESS,
                        io->operand.linear, exit->width);
    add(exit->is_input ? &regs->rdi : &regs->rsi, size, regs->rflags & RFLAGS_DF ? -width : width);
    if (!io->instruction.has_rep)
        return;
    add(&regs->rcx, size, (uint64_t)-1);
    if (regs->rcx & FIELD(8 * size - 1, 0))
        vcpu->emulated = EMULATED_ITERATION;
}
