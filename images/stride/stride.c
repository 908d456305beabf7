/* stride.c — touches many more pages than there are slots, in every order, and compares all that
 * comes back.
 *
 * shape   memory: [image_end, entry.ram_end), its words filled from their own address and a round
 *         number, so a page that comes back as another one, or as an older one, shows */
#include "guest.h"
#include "machine.h"

#define PAGE_WORDS   (PAGE_BYTES / sizeof(uint64_t))
#define MIB          UINT64_C(0x100000)
#define RAM_MINIMUM  (48 * MIB)
#define RANDOM_STEPS 6000u
#define CROSSINGS    256u
#define MOVE_BYTES   (5 * PAGE_BYTES + 24)
#define MOVES        24u
#define VECTOR_BYTES 256u
#define VECTOR_PAGES 700u
#define VECTOR_ROUNDS 4u

/* vectors.asm */
void vectors_live_over(const void *load, void *store, void *const pages[], uint64_t count);

static uint64_t first_page, pages, errors;
static uint64_t seed = UINT64_C(0x9E3779B97F4A7C15);

static volatile uint64_t *page_words(uint64_t page)
{
    return (volatile uint64_t *)(first_page + page * PAGE_BYTES);
}

/* How often a page was written: part of what its words must be. */
static uint8_t *rounds;

static uint64_t word_of(uint64_t page, uint64_t word)
{
    return ((first_page / PAGE_BYTES + page) * PAGE_WORDS + word) * UINT64_C(0x9E3779B97F4A7C15)
        ^ rounds[page];
}

static void write_page(uint64_t page)
{
    rounds[page]++;
    for (uint64_t word = 0; word < PAGE_WORDS; word++)
        page_words(page)[word] = word_of(page, word);
}

static void verify_page(uint64_t page)
{
    for (uint64_t word = 0; word < PAGE_WORDS; word++)
        errors += page_words(page)[word] != word_of(page, word);
}

static void report(const char *stage, uint64_t touched)
{
    print("stride: ");
    print(stage);
    print(": ");
    print_decimal(touched);
    print(" pages, ");
    print_decimal(errors);
    print(" errors\n");
}

static void zero_then_write(void)
{
    for (uint64_t page = 0; page < pages; page++) {
        uint64_t bits = 0;
        for (uint64_t word = 0; word < PAGE_WORDS; word++)
            bits |= page_words(page)[word];
        errors += bits != 0;
        write_page(page);
    }
    report("zero, then written", pages);
}

static void verify_all(const char *stage)
{
    for (uint64_t page = 0; page < pages; page++)
        verify_page(page);
    report(stage, pages);
}

static void random_order(void)
{
    for (uint64_t step = 0; step < RANDOM_STEPS; step++) {
        uint64_t choice = random_next(&seed), page = (choice >> 8) % pages;
        verify_page(page);
        if (choice & 1)
            write_page(page);
        if (choice % 64 == 2)
            wbinvd();
        if (choice % 64 == 4)
            invd();
    }
    report("random order", RANDOM_STEPS);
}

/* Words that lie across two pages: both must be there at once. */
static void crossing(void)
{
    for (uint64_t i = 0; i < CROSSINGS; i++) {
        uint64_t page = random_next(&seed) % (pages - 1), value = random_next(&seed);
        uint64_t shift = 1 + random_next(&seed) % 7;    /* bytes of the word in the second page */
        volatile uint8_t *boundary = (volatile uint8_t *)page_words(page + 1);
        volatile uint64_t *across = (volatile uint64_t *)(boundary - (8 - shift));
        uint64_t before = *across;
        *across = value;
        for (uint64_t byte = 0; byte < 8; byte++)
            errors += boundary[(int64_t)(byte + shift) - 8] != (uint8_t)(value >> 8 * byte);
        *across = before;
        verify_page(page);
        verify_page(page + 1);
    }
    report("accesses across two pages", 2 * CROSSINGS);
}

/* REP MOVSB over six pages: misses in the middle of an instruction. Then it is moved back. */
static void moves(void)
{
    static uint8_t kept[MOVE_BYTES];
    for (uint64_t i = 0; i < MOVES; i++) {
        uint64_t half = pages / 2, room = half - MOVE_BYTES / PAGE_BYTES - 2;
        uint64_t from_page = random_next(&seed) % room, to_page = half + random_next(&seed) % room;
        uint8_t *from = (uint8_t *)page_words(from_page) + random_next(&seed) % PAGE_BYTES;
        uint8_t *to = (uint8_t *)page_words(to_page) + random_next(&seed) % PAGE_BYTES;
        memcpy(kept, to, MOVE_BYTES);
        memcpy(to, from, MOVE_BYTES);
        errors += memcmp(to, from, MOVE_BYTES) != 0;
        memcpy(to, kept, MOVE_BYTES);
        verify_page(from_page + 1);
        verify_page(to_page + 1);
    }
    report("rep movsb over many pages", MOVES * 2 * (MOVE_BYTES / PAGE_BYTES + 1));
}

/* The hypervisor's cipher uses the very registers that the guest has live here. */
static void vectors(void)
{
    static void *touched[VECTOR_PAGES];
    static uint8_t load[VECTOR_BYTES], store[VECTOR_BYTES];

    for (uint64_t round = 0; round < VECTOR_ROUNDS; round++) {
        for (uint64_t i = 0; i < VECTOR_BYTES; i++)
            load[i] = (uint8_t)random_next(&seed);
        for (uint64_t i = 0; i < VECTOR_PAGES; i++)
            touched[i] = (void *)page_words((random_next(&seed) >> 3) % pages);
        memset(store, 0, sizeof store);
        vectors_live_over(load, store, touched, VECTOR_PAGES);
        errors += memcmp(load, store, VECTOR_BYTES) != 0;
    }
    report("XMM0-15 kept over misses", VECTOR_ROUNDS * VECTOR_PAGES);
}

int main(void)
{
    uint64_t all = (entry.ram_end - (uintptr_t)image_end) / PAGE_BYTES;
    uint64_t notes = (all + PAGE_BYTES - 1) / PAGE_BYTES;

    rounds = image_end;
    first_page = (uintptr_t)image_end + notes * PAGE_BYTES;
    pages = all - notes;
    print_fact("stride: MiB touched", pages * PAGE_BYTES / MIB);
    if (all * PAGE_BYTES < RAM_MINIMUM) {
        print("stride: FAILED: there is less RAM than the test is meant for\n");
        return 1;
    }
    zero_then_write();
    verify_all("in order");
    wbinvd();
    random_order();
    invd();
    crossing();
    moves();
    vectors();
    verify_all("all again");
    print_fact("stride: errors", errors);
    if (errors == 0)
        print("stride: every word as written\n");
    return 0;
}
