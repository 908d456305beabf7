/* string_io.h — INS and OUTS on watched ports, an element at a time. If more are left, the guest
 * comes back for them with the same instruction: so interrupts, single steps, breakpoints and
 * faults come between elements as on the CPU. */
#pragma once
#include "devices/ports.h"
#include "engine/engine.h"
#include "engine/decode.h"
#include "engine/operand.h"

struct string_io {
    struct instruction instruction;
    struct operand operand;
    bool is_none;           /* a REP of no elements */
};

/* Finds the element in memory; OUTS reads it. False where the guest gets `fault`. */
bool string_io_begin(const struct vcpu *vcpu, const struct exit *exit, struct string_io *io,
                     struct port_access *access, struct fault *fault);

/* The port was accessed: INS writes the element; the registers move on. */
void string_io_end(struct vcpu *vcpu, const struct exit *exit, const struct string_io *io,
                   struct port_access *access);
