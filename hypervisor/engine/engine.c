
#include "bytes.h"
#include "engine/engines.h"
#include "report/panic.h"

const struct engine *engine;

static const struct engine *const engines[] = {&svm, &vmx};
#define ENGINES (sizeof engines / sizeof engines[0])

void engine_choose(enum image_engine allowed)
{
    const char *reasons[4 * ENGINES + 1] = {0};
    for (uint32_t i = 0; i < ENGINES; i++) {
        bool is_allowed = allowed == ENGINE_ANY || allowed == engines[i]->id;
        const char *lack = is_allowed ? engines[i]->lack() : "the image does not allow it";
        if (lack == 0) {
            engine = engines[i];
            return;
        }
        const char *const words[] = {i == 0 ? ": " : "; ", engines[i]->name, ": ", lack};
        __builtin_memcpy(&reasons[4 * i], words, sizeof words);
    }
    panic_because(PANIC_NO_ENGINE, allowed, reasons);
}

/* APM vol 2, "Breakpoint Length", "Setting Breakpoints": LEN also says which address bits count.
 * DR0 to DR3 are the guest's all the time. */
uint64_t breakpoints_met(uint64_t dr7, enum breakpoint_type type, uint64_t at, uint32_t bytes)
{
    uint64_t addresses[BREAKPOINTS], met = 0;
    asm volatile("mov %%dr0, %0; mov %%dr1, %1; mov %%dr2, %2; mov %%dr3, %3"
                 : "=r"(addresses[0]), "=r"(addresses[1]), "=r"(addresses[2]), "=r"(addresses[3]));
    for (uint32_t i = 0; i < BREAKPOINTS; i++) {
        uint64_t watches = dr7 >> (16 + 4 * i) & 3, length = dr7 >> (18 + 4 * i) & 3;
        uint64_t watched = length == 2 ? 8 : length + 1, base = addresses[i] & ~(watched - 1);
        if ((dr7 >> 2 * i & 3) && at < base + watched && base < at + bytes &&
            (watches == type || (watches == BREAKPOINT_ACCESS && type == BREAKPOINT_WRITE)))
            met |= BIT(i);
    }
    return met;
}

static void erase(void *owner)
{
    struct vcpu *vcpu = owner;
    bytes_wipe(&vcpu->regs, sizeof vcpu->regs);
    engine->wipe(vcpu);
}

void engine_prepare(struct vcpu *vcpu, const struct first_state *state)
{
    wipe_also(erase, vcpu);
    engine->prepare(vcpu, state);
}
