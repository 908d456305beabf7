/* fuzz.c — executes random instructions in every mode of the CPU.
 *
 * command line    seed=N cases=N first=N     which cases: each follows from the seed and its own
 *                 number space=safe                 programs whose end is determined: a digest is
 *                                            printed, the same on every machine; each is run again
 *                                            as its twin, without the instructions that exit to a
 *                                            hypervisor, and must end the same
 *                 space=whole                any bytes; the guest may well end by a triple fault or
 *                 a reset tell=1, tell=2             a line for each case, or for each event as
 *                 well */
#include "case.h"
#include "machine.h"

#define EVENTS_MAX      4000u   /* of a safe case */
#define STEPS_MAX       48u     /* of a whole case */
#define CODE_TOLD       40u     /* bytes of a whole case */
#define RFLAGS_DEFINED  0x00240DD5u /* CF PF AF ZF SF TF DF OF, ID; AC stays clear */
#define FNV_PRIME       UINT64_C(0x100000001B3)

enum part { PART_EVENTS, PART_REGISTERS, PART_FLAGS, PART_VECTORS, PART_MEMORY, PARTS };
static const char *const part_names[PARTS] = {"events", "registers", "flags", "XMM registers",
    "memory"};

/* How a program ended: a digest of each part. */
struct end {
    uint64_t events;            /* how many; 0: it came to no end */
    uint64_t digests[PARTS];
};

static uint64_t first_page, pages;
static uint64_t tells;      /* 1: each case, 2: each event of a safe one too */

static void fold(uint64_t *digest, uint64_t value)
{
    *digest = (*digest ^ value) * FNV_PRIME;
    *digest ^= *digest >> 29;
}

/* Where little protects the guest itself from what it executes, without paging or where an event
 * needs the program's own stack, the whole space is tried seldom. */
static void choose(struct fuzz_case *c, uint64_t seed, uint64_t number, bool is_whole)
{
    *c = (struct fuzz_case){.random = (seed * UINT64_C(0x9E3779B97F4A7C15)
                                       ^ number * UINT64_C(0xD1B54A32D192ED03)) | 1};
    draw(c);
    draw(c);
    do
        c->mode = &modes[below(c, MODES)];
    while (is_whole
           && (c->mode->paging == PAGING_NONE
               || (c->mode->kind == KIND_LEGACY && !c->mode->is_user)) &&
           !one_in(c, 8));
    for (uint32_t i = 0; i < DATA_PAGES; i++)
        c->data[i] = first_page + (uint64_t)below(c, (uint32_t)pages) * PAGE_BYTES;
    c->base = DATA_LINEAR;
    if (c->mode->paging == PAGING_NONE) {
        bool is_real = c->mode->kind == KIND_REAL;
        uint64_t start = is_real
            ? REAL_DATA : first_page + (uint64_t)below(c,
                                                       (uint32_t)pages - DATA_PAGES) * PAGE_BYTES;
        for (uint32_t i = 0; i < DATA_PAGES; i++)
            c->data[i] = start + i * PAGE_BYTES;
        c->base = is_real ? 0 : start;
    }
    c->is_stepped = one_in(c, 3);
}

/* Registers and memory before the first instruction: the same for a case and its twin. */
static void set_up(struct fuzz_case *c)
{
    static uint8_t vectors[256];

    monitor_reset(c->data);
    for (uint32_t i = 0; i < DATA_PAGES; i++)
        for (uint64_t *word = (uint64_t *)c->data[i];
             (uint64_t)word < c->data[i] + PAGE_BYTES; word++)
            *word = draw(c);
    memset((void *)(uintptr_t)STACK_BASE, 0, STACK_BYTES);
    for (uint32_t i = 0; i < REGISTERS; i++)
        STATE->registers[i] = c->mode->is_64_bit ? draw(c) : (uint32_t)draw(c);
    STATE->registers[RBX] = c->base;
    monitor_prepare(c->mode);
    for (uint32_t i = 0; i < sizeof vectors; i++)
        vectors[i] = (uint8_t)draw(c);
    vectors_swap(vectors, 0);
}

static void fold_end(const struct fuzz_case *c, struct end *end)
{
    static uint64_t vectors[32];
    bool is_wide = c->mode->is_64_bit;

    vectors_swap(0, vectors);
    for (uint32_t i = 0; i < (is_wide ? REGISTERS : 8); i++)
        if (i != RSP)
            fold(&end->digests[PART_REGISTERS], STATE->registers[i]);
    fold(&end->digests[PART_FLAGS], STATE->rflags & RFLAGS_DEFINED);
    for (uint32_t i = 0; i < (is_wide ? 32u : 16u); i++)
        fold(&end->digests[PART_VECTORS], vectors[i]);
    for (uint32_t i = 0; i < DATA_PAGES; i++)
        for (const uint64_t *word = (uint64_t *)c->data[i];
             (uint64_t)word < c->data[i] + PAGE_BYTES; word++)
            fold(&end->digests[PART_MEMORY], *word);
}

/* Where RIP begins. */
static uint64_t origin(const struct fuzz_case *c)
{
    return c->mode->kind == KIND_REAL ? 0 : CODE_BASE;
}

/* Behind the instruction that faulted, where the next one starts. */
static uint64_t next_start(const struct fuzz_case *c, uint64_t rip)
{
    for (uint32_t i = 0; i < c->instructions; i++)
        if (origin(c) + c->starts[i] > rip)
            return origin(c) + c->starts[i];
    return 0;
}

static bool is_fault(uint64_t vector)
{
    return vector != 1 && vector != 3 && vector != 4 && vector < 32;
}

static void tell_event(void)
{
    print("    vector ");
    print_decimal(STATE->vector);
    print(" at ");
    print_hexadecimal(STATE->rip);
    print("\n");
}

/* Runs a program over all its events. */
static struct end run_safe(struct fuzz_case *c)
{
    struct end end = {.events = 0};

    set_up(c);
    if (c->is_stepped)
        STATE->rflags |= RFLAGS_TF;
    for (uint32_t events = 1; events < EVENTS_MAX; events++) {
        monitor_run();
        if (STATE->vector == VECTOR_UD && STATE->rip == origin(c) + c->end) {
            end.events = events;
            break;
        }
        if (tells > 1)
            tell_event();
        fold(&end.digests[PART_EVENTS], STATE->vector << 48 ^ STATE->error << 32 ^ STATE->rip);
        if (STATE->vector == VECTOR_PF)
            fold(&end.digests[PART_EVENTS], STATE->cr2);
        if (is_fault(STATE->vector))
            STATE->rip = next_start(c, STATE->rip);
    }
    fold_end(c, &end);
    return end;
}

static void tell(const char *what, uint64_t number, const struct mode *mode)
{
    print("fuzz: ");
    print(what);
    print(", case ");
    print_decimal(number);
    print(", ");
    print(mode->name);
    print("\n");
}

static void tell_end(const char *whose, const struct end *end)
{
    print("    ");
    print(whose);
    print(": events ");
    print_decimal(end->events);
    print(", last vector ");
    print_decimal(STATE->vector);
    print(" at ");
    print_hexadecimal(STATE->rip);
    for (uint32_t i = 0; i < PARTS; i++) {
        print(", ");
        print(part_names[i]);
        print(" ");
        print_hexadecimal(end->digests[i] & UINT32_MAX);
    }
    print("\n");
}

static bool safe_case(uint64_t seed, uint64_t number, uint64_t *sum)
{
    static struct fuzz_case c, twin;

    choose(&c, seed, number, false);
    twin = c;
    safe_write(&c, false);
    if (tells)
        tell(c.is_stepped ? "stepped" : "safe", number, c.mode);
    struct end its = run_safe(&c);
    if (tells)
        tell_end("it", &its);
    safe_write(&twin, true);
    struct end twins = run_safe(&twin);
    bool differs = its.events == 0 || memcmp(&its, &twins, sizeof its) != 0;
    if (differs) {
        tell("FAILED: it and its twin end differently, or not at all", number, c.mode);
        tell_end("it", &its);
        tell_end("its twin", &twins);
    }
    for (uint32_t i = 0; i < PARTS; i++)
        fold(sum, its.digests[i]);
    return differs;
}

static void tell_start(void)
{
    print("    code");
    for (uint32_t i = 0; i < CODE_TOLD; i++) {
        uint8_t byte = ((const uint8_t *)(uintptr_t)CODE_BASE)[i];
        print((const char[]){' ', "0123456789abcdef"[byte >> 4], "0123456789abcdef"[byte & 15], 0});
    }
    print("\n    registers");
    for (uint32_t i = 0; i < REGISTERS; i++) {
        print(" ");
        print_hexadecimal(STATE->registers[i]);
    }
    print("\n    flags ");
    print_hexadecimal(STATE->rflags);
    print("\n");
}

static void whole_case(uint64_t seed, uint64_t number)
{
    static struct fuzz_case c;

    choose(&c, seed, number, true);
    monitor_watch();                    /* a case before it may have turned that off */
    if (tells)
        tell("whole", number, c.mode);
    set_up(&c);
    whole_write(&c, option("probes", 0) != 0);
    if (!one_in(&c, 8))
        STATE->rflags |= RFLAGS_TF;
    if (tells)
        tell_start();
    for (uint32_t steps = 0; steps < STEPS_MAX; steps++) {
        monitor_wind();
        monitor_run();
        if (tells)
            tell_event();
        uint64_t offset = STATE->rip - origin(&c);
        if (STATE->vector == VECTOR_NMI || offset >= CODE_BYTES)
            break;
        if (is_fault(STATE->vector))
            STATE->rip++;               /* any byte may follow: go on one further */
        STATE->rflags |= RFLAGS_TF;
    }
}

int main(void)
{
    uint64_t seed = option("seed", 1), cases = option("cases", 40), first = option("first", 0),
        failures = 0, sum = 0;
    bool is_whole = option_is("space", "whole");

    tells = option("tell", 0);
    first_page = (uintptr_t)image_end;
    pages = (entry.ram_end - first_page) / PAGE_BYTES;
    monitor_start();
    for (uint64_t number = first; number < first + cases; number++) {
        if (is_whole)
            whole_case(seed, number);
        else
            failures += safe_case(seed, number, &sum);
    }
    print_fact("fuzz: seed", seed);
    print_fact("fuzz: cases", cases);
    if (!is_whole) {
        print("fuzz: digest: ");
        print_hexadecimal(sum);
        print("\n");
        print_fact("fuzz: failures", failures);
    }
    print("fuzz: done\n");
    return 0;
}
