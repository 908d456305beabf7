/* storm.c — timer interrupts, exceptions, NMIs, single steps and breakpoints while nearly every
 * access misses a page; each event is counted, and every count must be exact.
 *
 * source  Intel 8259A and 8254 data sheets (PIC, PIT); AMD APM vol 2 (24593), "Interrupt Command
 * Register" and
 *         "Debug Resources" */
#include "guest.h"
#include "machine.h"
#include "storm.h"
#include "traps.h"

#define ROUNDS          600u
#define TICKS_MINIMUM   100u
#define THRASHED_PAGES  1024u
#define TOUCHES         6u      /* a round */
#define NMI_ROUNDS      8u      /* an NMI in one of these */
#define STEPPED         40u     /* accesses single-stepped, each on another page */
#define BREAKS          60u
#define VECTOR_CALL     0x80u
#define DR7_EXECUTE_0   BIT(1)                  /* global, DR0: execution */
#define DR7_WRITE_1     (BIT(3) | 0xD00000u)    /* global, DR1: write, 4 bytes */
#define DR7_EXACT       0x700u

static uint64_t first_page, seed = UINT64_C(0xA0761D6478BD642F), acknowledged, failures;

static void touch(void)
{
    for (uint32_t i = 0; i < TOUCHES; i++) {
        uint64_t choice = random_next(&seed);
        volatile uint64_t *word =
            (volatile uint64_t *)(first_page + (choice >> 20) % THRASHED_PAGES * PAGE_BYTES);
        failures += word[1] != word[0] * 3;
        word[0]++;
        word[1] += 3;
    }
    if (storm_timer_count != acknowledged) {
        timer_acknowledge();
        acknowledged++;
    }
}

static void check(const char *name, uint64_t count, uint64_t wanted)
{
    print("storm: ");
    print(name);
    print(": ");
    print_decimal(count);
    print(" of ");
    print_decimal(wanted);
    print("\n");
    failures += count != wanted;
}

/* All kinds of exceptions, and an NMI now and then. */
static void exceptions(void)
{
    uint64_t rounds = 0, sent = 0;

    for (; rounds < ROUNDS || storm_timer_count < TICKS_MINIMUM; rounds++) {
        touch();
        storm_cause_divide();
        touch();
        storm_cause_breakpoint();
        touch();
        storm_cause_undefined();
        touch();
        storm_cause_call();
        if (rounds % NMI_ROUNDS == 0) {
            nmi_send_to_self();
            sent++;
            while (storm_nmi_count < sent)
                touch();
        }
    }
    check("#DE", storm_divide_count, rounds);
    check("#BP", storm_breakpoint_count, rounds);
    check("#UD", storm_undefined_count, rounds);
    check("int 80h", storm_call_count, rounds);
    check("NMI", storm_nmi_count, sent);
}

static void single_steps(void)
{
    void *words[STEPPED];

    for (uint32_t i = 0; i < STEPPED; i++)
        words[i] = (void *)(first_page + (random_next(&seed) >> 20) % THRASHED_PAGES * PAGE_BYTES
                            + 64);
    storm_step_over(STEPPED, words);
    check("single steps", storm_step_count, 5 * STEPPED + 1);
}

static void breakpoints(void)
{
    volatile uint32_t *watched = (volatile uint32_t *)(first_page + 7 * PAGE_BYTES + 128);

    breakpoint_set_0((uintptr_t)storm_broken_at);
    breakpoint_set_1((uintptr_t)watched);
    breakpoints_control(DR7_EXECUTE_0 | DR7_WRITE_1 | DR7_EXACT);
    for (uint32_t i = 0; i < BREAKS; i++) {
        touch();
        storm_broken_at();
        touch();
        *watched = i;
    }
    breakpoints_control(DR7_EXACT);
    check("execution breakpoint DR0", storm_execute_count, BREAKS);
    check("write breakpoint DR1", storm_watch_count, BREAKS);
    check("#DB", storm_debug_count, storm_step_count + 2 * BREAKS);
}

int main(void)
{
    first_page = (uintptr_t)image_end;
    traps_start();
    traps_set(VECTOR_DE, (const void *)storm_divide);
    traps_set(VECTOR_DB, (const void *)storm_debug);
    traps_set(VECTOR_NMI, (const void *)storm_nmi);
    traps_set(VECTOR_BP, (const void *)storm_breakpoint);
    traps_set(VECTOR_UD, (const void *)storm_undefined);
    traps_set(VECTOR_TIMER, (const void *)storm_timer);
    traps_set(VECTOR_CALL, (const void *)storm_call);

    uint64_t started = clock_seconds();
    timer_start();
    exceptions();
    single_steps();
    breakpoints();
    timer_stop();
    uint64_t most = (clock_seconds() + 86400 - started) % 86400 * TIMER_HERTZ + 2 * TIMER_HERTZ;

    if (storm_timer_count != acknowledged) {
        timer_acknowledge();
        acknowledged++;
    }
    check("timer ticks", acknowledged, storm_timer_count);
    if (storm_timer_count < TICKS_MINIMUM || storm_timer_count > most) {
        print("storm: FAILED: more ticks than the clock allows\n");
        failures++;
    }
    print_fact("storm: failures", failures);
    if (failures == 0)
        print("storm: every count exact\n");
    return 0;
}
