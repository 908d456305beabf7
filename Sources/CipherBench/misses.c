/* misses.c — page misses, served by the hypervisor's own pager: what a miss costs beside the trap
 * and the nested tables.
 *
 * Homes are flushed from every cache before the clock starts. All kernels take turns on one pager:
 * they have the same key, so that each opens what any of them sealed.
 */
#include <immintrin.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "cipher.h"
#include "floors.h"
#include "groups.h"
#include "pager.h"
#include "rows.h"

#define HUGE_PAGE_BYTES (2u << 20)
#define SLOTS           448u        /* of a region of 2 MiB, about */
#define SEALED_PAGES    24576u      /* 96 MiB, with metadata pages that have no room at one time */
#define ALL_PAGES       32768u      /* the others are blank, and stay so */
#define TRIES           100000u     /* until a miss is of the kind that is measured */
#define DRAWS           256u        /* until a page can be */
#define AHEAD_OF_HAND   64u         /* slots whose pages may be the victim */

/* What a miss did. */
struct work {
    uint32_t opened, blank, sealed, dropped;    /* guest's pages */
    uint32_t metadata_opened, metadata_other;
};

struct kind {
    struct work work;
    bool        is_dirty;       /* the victim */
    uint32_t    pages_in, pages_out;
};
static const struct kind clean = {{.opened = 1, .dropped = 1}, false, 1, 0};
static const struct kind dirty = {{.opened = 1, .sealed = 1}, true, 1, 1};
static const struct kind metadata = {{.opened = 1, .metadata_opened = 1, .dropped = 2}, false,
                                     2, 0};
static const struct kind blank = {{.blank = PAGER_AHEAD, .dropped = PAGER_AHEAD}, false, 0, 0};

static struct {
    struct pager pager;
    uint8_t     *dram;
    size_t       dram_bytes;
    uint8_t     *floor_slots, *floor_homes;
    uint8_t      is_mapped[SLOTS];
    bool         is_dirty;
    struct work  work;
    uint64_t     random;
} misses;
static _Alignas(64) struct gcm_key keys[3];

/* Marsaglia, "Xorshift RNGs" (2003). */
static uint32_t random_below(uint32_t limit)
{
    misses.random ^= misses.random << 13;
    misses.random ^= misses.random >> 7;
    misses.random ^= misses.random << 17;
    return (uint32_t)((misses.random >> 32) * limit >> 32);
}

/* MARK: what lies around the pager */

static void *dram(void *context, uint64_t home)
{
    (void)context;
    return misses.dram + home;
}

static bool is_ram(void *context, uint32_t index)
{
    (void)context;
    return index < ALL_PAGES;
}

static void map(void *context, slot_t slot, bool is_ahead)
{
    (void)context;
    (void)is_ahead;
    misses.is_mapped[slot] = 1;
}

static enum page_use unmap(void *context, slot_t slot)
{
    (void)context;
    misses.is_mapped[slot] = 0;
    return misses.is_dirty ? USE_DIRTY : USE_NONE;
}

static enum page_use take_use(void *context, slot_t slot)
{
    (void)context;
    (void)slot;
    return USE_NONE;
}

/* Nothing else wants the vector registers here. */
static void cipher_works(void *context)
{
    (void)context;
}

static void event(void *context, enum pager_event event, page_id page, enum page_state state,
                  uint64_t cycles)
{
    struct work *work = &misses.work;
    bool is_guest = page_level(page) == 0;

    (void)context;
    (void)cycles;
    if (event == PAGER_DROPPED)
        work->dropped++;
    else if (event == PAGER_OPENED && state != PAGE_BLANK)
        is_guest ? work->opened++ : work->metadata_opened++;
    else if (!is_guest)
        work->metadata_other++;
    else
        event == PAGER_SEALED ? work->sealed++ : work->blank++;
}

static const struct pager_ops ops = {
    .dram = dram, .is_ram = is_ram, .map = map, .unmap = unmap, .take_use = take_use,
    .cipher_begins = cipher_works, .cipher_ends = cipher_works, .event = event};

/* MARK: misses */

__attribute__((target("clflushopt")))
static void flush_page(const void *page)
{
    for (size_t at = 0; at < PAGE_BYTES; at += LINE_BYTES)
        _mm_clflushopt((uint8_t *)(uintptr_t)page + at);
}

static void flush_home(page_id page)
{
    flush_page(misses.dram + page_home(&misses.pager.geometry, page));
}

static bool is_resident(page_id page)
{
    return pager_find(&misses.pager, page) != SLOT_NONE;
}

static bool is_neighbour_resident(uint32_t index)
{
    uint32_t first = index & ~(PAGER_AHEAD - 1);

    for (uint32_t i = first; i < first + PAGER_AHEAD; i++)
        if (is_resident(page_make(0, i)))
            return true;
    return false;
}

/* A page whose miss can be of that kind; if none is found soon, one whose miss changes what is
 * resident. What the victims are shows later. */
static uint32_t choose(const struct kind *kind)
{
    uint32_t index;

    for (uint32_t draw = 0;; draw++) {
        index = kind == &blank
            ? SEALED_PAGES + random_below(ALL_PAGES - SEALED_PAGES) : random_below(SEALED_PAGES);
        bool has_parent = is_resident(page_parent(page_make(0, index)));

        bool fits = has_parent == (kind != &metadata) &&
                    !(kind == &blank && is_neighbour_resident(index));

        if (!is_resident(page_make(0, index)) && (fits || draw >= DRAWS))
            return index;
    }
}

static void make_cold(uint32_t index)
{
    const struct pager *pager = &misses.pager;

    flush_home(page_make(0, index));
    flush_home(page_parent(page_make(0, index)));
    for (uint32_t i = 0; i < AHEAD_OF_HAND; i++)
        flush_home(pager->slots[(pager->hand + i) % SLOTS].page);
    _mm_mfence();
}

struct sample {
    const struct kind    *kind;
    const struct gcm_key *key;
    const char           *name;
};

static uint64_t sample_miss(const void *what)
{
    const struct sample *sample = what;
    struct pager *pager = &misses.pager;

    pager->session_key = sample->key;
    for (uint32_t i = 0; i < TRIES; i++) {
        uint32_t index = choose(sample->kind);
        bool was_resident;

        if (sample->kind != &blank)     /* it reaches no home */
            make_cold(index);
        memset(&misses.work, 0, sizeof misses.work);
        misses.is_dirty = sample->kind->is_dirty;
        uint64_t start = cycles_now();
        enum pager_status status = pager_serve(pager, index, &was_resident);
        uint64_t cycles = cycles_now() - start;
        if (status != PAGER_OK)
            break;
        if (memcmp(&misses.work, &sample->kind->work, sizeof misses.work) == 0)
            return cycles;
    }
    rows.wrong = sample->name;
    return 0;
}

/* MARK: floors */

struct floor {
    const struct kind *kind;
    void (*aes)(const void *in, void *out);
};

static uint64_t sample_floor(const void *what)
{
    static _Alignas(64) uint8_t nowhere[PAGE_BYTES];
    const struct floor *floor = what;
    uint8_t *slot = misses.floor_slots + random_below(SLOTS) * PAGE_BYTES;
    const uint8_t *in[2] = {misses.dram + (size_t)random_below(SEALED_PAGES) * PAGE_BYTES,
                            misses.dram + (size_t)random_below(SEALED_PAGES) * PAGE_BYTES};
    uint8_t *out = misses.floor_homes + (size_t)random_below(SEALED_PAGES) * PAGE_BYTES;

    flush_page(in[0]);
    flush_page(in[1]);
    flush_page(out);
    _mm_mfence();

    uint64_t start = cycles_now();

    for (uint32_t i = 0; i < floor->kind->pages_out; i++) {
        floor->aes(slot, nowhere);
        floor_copy_out(slot, out);
    }
    for (uint32_t i = 0; i < floor->kind->pages_in; i++) {
        floor_copy_in(slot, in[i]);
        floor->aes(slot, nowhere);
    }
    return cycles_now() - start;
}

static uint64_t sample_erasing(const void *what)
{
    uint8_t *slot[PAGER_AHEAD];

    (void)what;
    for (uint32_t i = 0; i < PAGER_AHEAD; i++)
        slot[i] = misses.floor_slots + random_below(SLOTS) * PAGE_BYTES;

    uint64_t start = cycles_now();

    for (uint32_t i = 0; i < PAGER_AHEAD; i++)
        memset(slot[i], 0, PAGE_BYTES);
    return cycles_now() - start;
}

static const struct cipher *const ciphers[] = {&cipher_aesni, &cipher_vaes256, &cipher_vaes512};

static void add_rows(enum bench_group group, const struct kind *kind, struct floor floors[3],
                     struct sample samples[3])
{
    static const char *const names[] = {
        "copies, AES rounds of AES-NI", "copies, AES rounds of VAES-256",
        "copies, AES rounds of VAES-512"};
    void (*const aes[])(const void *, void *) = {floor_aesni, floor_vaes256, floor_vaes512};

    for (size_t i = 0; i < 3; i++) {
        floors[i] = (struct floor){kind, aes[i]};
        rows_add(group, true, names[i], ciphers[i]->lack(), sample_floor, &floors[i]);
    }
    for (size_t i = 0; i < 3; i++) {
        samples[i] = (struct sample){kind, &keys[i], ciphers[i]->name};
        rows_add(group, false, ciphers[i]->name, ciphers[i]->lack(), sample_miss, &samples[i]);
    }
}

static bool seal_pages(void)
{
    bool was_resident;

    misses.is_dirty = true;
    for (uint32_t i = 0; i < SEALED_PAGES; i++)
        if (pager_serve(&misses.pager, i, &was_resident) != PAGER_OK)
            return false;
    return true;
}

static void *huge(size_t bytes)
{
    void *memory = aligned_alloc(HUGE_PAGE_BYTES,
                                 (bytes + HUGE_PAGE_BYTES - 1) & ~(size_t)(HUGE_PAGE_BYTES - 1));

    if (memory != NULL) {
        madvise(memory, bytes, MADV_HUGEPAGE);
        memset(memory, 0, bytes);
    }
    return memory;
}

bool misses_start(const uint8_t raw[32])
{
    static struct floor clean_floors[3], dirty_floors[3], metadata_floors[3];
    static struct sample clean_samples[3], dirty_samples[3], metadata_samples[3], blank_sample;
    static const enum gcm_cipher kernels[] = {GCM_AESNI, GCM_VAES256, GCM_VAES512};
    const uint64_t bytes = (uint64_t)ALL_PAGES * PAGE_BYTES;
    struct pager *pager = &misses.pager;
    struct page_geometry geometry = page_geometry_make(bytes, bytes);

    if (cipher_aesni.lack() != NULL) {
        rows_add(BENCH_MISS_CLEAN, false, cipher_aesni.name, cipher_aesni.lack(), sample_miss,
                 NULL);
        return true;
    }
    for (size_t i = 0; i < 3; i++)
        if (gcm_kernel_find(kernels[i]) != NULL)
            gcm_key_expand(gcm_kernel_find(kernels[i]), &keys[i], raw);
    misses.random = 0x9E3779B97F4A7C15;
    misses.dram = huge(bytes + geometry.meta_bytes);
    misses.floor_homes = huge((size_t)SEALED_PAGES * PAGE_BYTES);
    misses.floor_slots = huge(SLOTS * PAGE_BYTES);
    *pager = (struct pager){
        .geometry = geometry, .image_key = &keys[0], .session_key = &keys[0],
        .slots = calloc(SLOTS, sizeof *pager->slots),
        .buckets = malloc(pager_bucket_count(SLOTS) * sizeof *pager->buckets),
        .frames = huge(SLOTS * PAGE_BYTES), .slot_count = SLOTS, .ops = &ops};
    if (misses.dram == NULL || misses.floor_homes == NULL || misses.floor_slots == NULL ||
        pager->slots == NULL || pager->buckets == NULL || pager->frames == NULL)
        return false;
    pager_use_policy(pager, POLICY_GCLOCK_AHEAD, true);
    pager_start(pager);
    if (!seal_pages()) {
        rows.wrong = cipher_aesni.name;
        return true;
    }
    add_rows(BENCH_MISS_CLEAN, &clean, clean_floors, clean_samples);
    add_rows(BENCH_MISS_DIRTY, &dirty, dirty_floors, dirty_samples);
    add_rows(BENCH_MISS_METADATA, &metadata, metadata_floors, metadata_samples);
    blank_sample = (struct sample){&blank, &keys[0], "the pager"};
    rows_add(BENCH_MISS_BLANK, true, "eight pages erased", NULL, sample_erasing, NULL);
    rows_add(BENCH_MISS_BLANK, false, blank_sample.name, NULL, sample_miss, &blank_sample);
    return true;
}

void misses_stop(void)
{
    free(misses.dram);
    free(misses.floor_homes);
    free(misses.floor_slots);
    free(misses.pager.slots);
    free(misses.pager.buckets);
    free(misses.pager.frames);
    memset(&misses, 0, sizeof misses);
    memset(keys, 0, sizeof keys);
}
