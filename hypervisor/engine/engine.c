
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
