/* safe.c — programs whose end the manuals determine: what leaves flags undefined is followed by a
 * comparison, what depends on time or on the vendor is overwritten.
 *
 * source  AMD APM vol 3 (24594) and Intel SDM (325462) vol 2: encodings, and which flags an
 * instruction defines
 *
 * RBX holds the base of the data throughout, RSP the stack. */
#include "items.h"

#define ITEMS_MIN  12u
#define ITEMS_MORE 30u

static item *const everywhere[] = {
    item_arithmetic, item_arithmetic, item_immediate, item_shift, item_multiply, item_divide,
        item_string, item_vector,
    item_vector, item_stack, item_jump, item_far_return, item_self_modify, item_event,
        item_exit_cpuid,
};
static item *const privileged[] = {item_exit_msr, item_exit_port, item_exit_cr0, item_exit_other};
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
