/* swaps.c — a page out to DRAM while another comes in, as a page miss with a dirty victim has it.
 *
 * Slots lie in the second-level cache; homes are flushed from every cache before they are read or
 * written. All ciphers work on the same homes: each opens what any of them sealed.
 */
#include <immintrin.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "cipher.h"
#include "floors.h"
#include "groups.h"
#include "rows.h"
#include "vector_cipher.h"

#define SLOTS 64u
#define HUGE_PAGE_BYTES (2u << 20)

struct home {
    uint64_t counter;
    uint8_t  tag[TAG_BYTES];
};

/* Ciphers have one half of the homes, copies the other. */
static struct {
    uint8_t     *memory;
    size_t       bytes;
    struct home *homes;
    uint32_t     home_count;        /* in each half */
    uint8_t     *slots;
    uint32_t     resident[SLOTS];   /* which home's page a slot holds */
    uint8_t     *is_resident;       /* of each home */
    uint8_t     *copy_slot;
    uint64_t     counter;
    uint64_t     random;
    _Alignas(64) struct gcm_key key;    /* of the fused swap */
} swaps;

static const struct cipher *const ciphers[] = {
    &cipher_aesni, &cipher_vaes256, &cipher_vaes512, &cipher_openssl, &cipher_libgcrypt};

/* Marsaglia, "Xorshift RNGs" (2003): any order will do that no prefetcher predicts. */
static uint32_t random_below(uint32_t limit)
{
    swaps.random ^= swaps.random << 13;
    swaps.random ^= swaps.random >> 7;
    swaps.random ^= swaps.random << 17;
    return (uint32_t)((swaps.random >> 32) * limit >> 32);
}

static void put_nonce(uint8_t nonce[NONCE_BYTES], uint64_t counter)
{
    memset(nonce, 0, NONCE_BYTES);
    memcpy(nonce + 4, &counter, sizeof counter);
}

static void put_aad(uint8_t aad[AAD_BYTES], uint32_t home)
{
    memset(aad, 0, AAD_BYTES);
    memcpy(aad, &home, sizeof home);
}

__attribute__((target("clflushopt")))
static void flush_page(const uint8_t *page)
{
    for (size_t at = 0; at < PAGE_BYTES; at += LINE_BYTES)
        _mm_clflushopt((void *)(uintptr_t)(page + at));
}

static void prefetch_page(const uint8_t *page)
{
    for (size_t at = 0; at < PAGE_BYTES; at += LINE_BYTES)
        _mm_prefetch((const char *)page + at, _MM_HINT_T0);
}

/* What one swap is about: chosen, and made cold, before the clock starts. */
struct exchange {
    uint32_t wanted, victim;    /* homes */
    uint8_t *slot, *in, *out;
    uint8_t  in_nonce[NONCE_BYTES], out_nonce[NONCE_BYTES], in_aad[AAD_BYTES], out_aad[AAD_BYTES];
};

static struct exchange choose(void)
{
    struct exchange exchange;
    uint32_t slot = random_below(SLOTS);

    do
        exchange.wanted = random_below(swaps.home_count);
    while (swaps.is_resident[exchange.wanted]);
    exchange.victim = swaps.resident[slot];
    exchange.slot = swaps.slots + slot * PAGE_BYTES;
    exchange.in = swaps.memory + (size_t)exchange.wanted * PAGE_BYTES;
    exchange.out = swaps.memory + (size_t)exchange.victim * PAGE_BYTES;
    put_nonce(exchange.in_nonce, swaps.homes[exchange.wanted].counter);
    put_nonce(exchange.out_nonce, ++swaps.counter);
    put_aad(exchange.in_aad, exchange.wanted);
    put_aad(exchange.out_aad, exchange.victim);
    flush_page(exchange.in);
    flush_page(exchange.out);
    swaps.homes[exchange.victim].counter = swaps.counter;
    swaps.is_resident[exchange.wanted] = 1;
    swaps.is_resident[exchange.victim] = 0;
    swaps.resident[slot] = exchange.wanted;
    _mm_mfence();
    return exchange;
}

static uint64_t sample_swap(const void *what)
{
    const struct cipher *cipher = what;
    struct exchange e = choose();
    uint64_t start = cycles_now();

    prefetch_page(e.in);
    cipher->seal(e.out_nonce, e.out_aad, e.slot, e.out, swaps.homes[e.victim].tag);
    if (!cipher->open(e.in_nonce, e.in_aad, e.in, e.slot, swaps.homes[e.wanted].tag))
        rows.wrong = cipher->name;
    return cycles_now() - start;
}

static uint64_t sample_fused(const void *what)
{
    struct exchange e = choose();
    struct vector_swap swap = {.slot = e.slot, .in = e.in, .out = e.out, .in_nonce = e.in_nonce,
                               .out_nonce = e.out_nonce, .in_aad = e.in_aad, .out_aad = e.out_aad,
                               .in_tag = swaps.homes[e.wanted].tag,
                                   .out_tag = swaps.homes[e.victim].tag};
    uint64_t start = cycles_now();

    if (!vaes512_swap(&swaps.key, &swaps.key, &swap))
        rows.wrong = what;
    return cycles_now() - start;
}

struct copy {
    void (*run)(void *slot, const void *in, void *out);
};
static const struct copy avx512 = {floor_copy_avx512}, sse2 = {floor_copy_sse2},
    apart = {floor_copy_apart};

static uint64_t sample_copy(const void *what)
{
    const struct copy *copy = what;
    uint8_t *base = swaps.memory + (size_t)swaps.home_count * PAGE_BYTES;
    uint8_t *in = base + (size_t)random_below(swaps.home_count) * PAGE_BYTES;
    uint8_t *out = base + (size_t)random_below(swaps.home_count) * PAGE_BYTES;
    uint8_t *slot = swaps.copy_slot + random_below(SLOTS) * PAGE_BYTES;

    flush_page(in);
    flush_page(out);
    _mm_mfence();

    uint64_t start = cycles_now();

    copy->run(slot, in, out);
    return cycles_now() - start;
}

static void seal_homes(void)
{
    static _Alignas(64) const uint8_t blank[PAGE_BYTES];

    for (uint32_t home = 0; home < swaps.home_count; home++) {
        uint8_t nonce[NONCE_BYTES], aad[AAD_BYTES];

        swaps.homes[home].counter = ++swaps.counter;
        put_nonce(nonce, swaps.counter);
        put_aad(aad, home);
        cipher_openssl.seal(nonce, aad, blank, swaps.memory + (size_t)home * PAGE_BYTES,
                            swaps.homes[home].tag);
    }
    for (uint32_t slot = 0; slot < SLOTS; slot++) {     /* the first homes' pages are resident, all
                                                           zeroes */
        swaps.resident[slot] = slot;
        swaps.is_resident[slot] = 1;
    }
}

bool swaps_start(uint64_t dram_bytes)
{
    static const char fused[] = "VAES-512, fused";

    swaps.bytes = dram_bytes;
    swaps.home_count = (uint32_t)(dram_bytes / PAGE_BYTES / 2);
    swaps.random = 0x9E3779B97F4A7C15;
    swaps.homes = calloc(swaps.home_count, sizeof *swaps.homes);
    swaps.is_resident = calloc(swaps.home_count, 1);
    swaps.slots = aligned_alloc(HUGE_PAGE_BYTES, HUGE_PAGE_BYTES);
    swaps.memory = aligned_alloc(HUGE_PAGE_BYTES, dram_bytes);
    if (swaps.homes == NULL || swaps.is_resident == NULL || swaps.slots == NULL
        || swaps.memory == NULL) {
        swaps_stop();
        return false;
    }
    madvise(swaps.memory, dram_bytes, MADV_HUGEPAGE);   /* a miss of the address translation is not
                                                           what is measured */
    madvise(swaps.slots, HUGE_PAGE_BYTES, MADV_HUGEPAGE);
    memset(swaps.memory, 1, dram_bytes);
    memset(swaps.slots, 0, HUGE_PAGE_BYTES);
    swaps.copy_slot = swaps.slots + SLOTS * PAGE_BYTES;
    seal_homes();

    rows_add(BENCH_SWAP, true, "copy, line by line", NULL, sample_copy,
             cipher_vaes512.lack() ? &sse2 : &avx512);
    rows_add(BENCH_SWAP, true, "copy, out and then in", NULL, sample_copy, &apart);
    rows_add(BENCH_SWAP, false, fused, cipher_vaes512.lack(), sample_fused, fused);
    for (size_t i = 0; i < sizeof ciphers / sizeof ciphers[0]; i++)
        rows_add(BENCH_SWAP, false, ciphers[i]->name, ciphers[i]->lack(), sample_swap, ciphers[i]);
    return true;
}

void swaps_set_key(const uint8_t raw[32])
{
    if (gcm_kernel_find(GCM_VAES512))
        gcm_key_expand(&gcm_vaes512, &swaps.key, raw);
}

void swaps_stop(void)
{
    free(swaps.homes);
    free(swaps.is_resident);
    free(swaps.slots);
    free(swaps.memory);
    memset(&swaps, 0, sizeof swaps);
}
