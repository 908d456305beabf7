/* pages.c — sealing and opening pages that lie in the cache. */
#include <stdlib.h>
#include <string.h>

#include "cipher.h"
#include "floors.h"
#include "groups.h"
#include "rows.h"

#define PAGES   4u      /* 32 KiB, plaintext and ciphertext: in the first-level cache */
#define TURNS   16u     /* pages in a sample */
#define WARM_UP 4u

static struct {
    uint8_t *plain;
    uint8_t *sealed;
    uint8_t  nonces[PAGES][NONCE_BYTES];
    uint8_t  tags[PAGES][TAG_BYTES];
    uint8_t  aad[AAD_BYTES];
} pages;

static const struct cipher *const ciphers[] = {
    &cipher_aesni, &cipher_vaes256, &cipher_vaes512, &cipher_openssl, &cipher_libgcrypt,
        &cipher_aesni_fresh,
    &cipher_vaes512_fresh,
};

static void seal_turns(const struct cipher *cipher, size_t turns)
{
    uint8_t tag[TAG_BYTES];

    for (size_t i = 0; i < turns; i++) {
        size_t at = i % PAGES;

        cipher->seal(pages.nonces[at], pages.aad, pages.plain + at * PAGE_BYTES,
                     pages.sealed + at * PAGE_BYTES, tag);
        if (memcmp(tag, pages.tags[at], sizeof tag) != 0)
            rows.wrong = cipher->name;
    }
}

static void open_turns(const struct cipher *cipher, size_t turns)
{
    for (size_t i = 0; i < turns; i++) {
        size_t at = i % PAGES;

        if (!cipher->open(pages.nonces[at], pages.aad, pages.sealed + at * PAGE_BYTES,
                          pages.plain + at * PAGE_BYTES,
                          pages.tags[at]))
            rows.wrong = cipher->name;
    }
}

static uint64_t sample_seal(const void *what)
{
    seal_turns(what, WARM_UP);
    uint64_t start = cycles_now();
    seal_turns(what, TURNS);
    return (cycles_now() - start) / TURNS;
}

static uint64_t sample_open(const void *what)
{
    open_turns(what, WARM_UP);
    uint64_t start = cycles_now();
    open_turns(what, TURNS);
    return (cycles_now() - start) / TURNS;
}

struct floor {
    void (*run)(const void *in, void *out);
};
static const struct floor aesni = {floor_aesni}, vaes256 = {floor_vaes256},
    vaes512 = {floor_vaes512};

/* From plaintext to nowhere: the sealed pages must stay what they are. */
static void floor_turns(const struct floor *floor, size_t turns)
{
    static _Alignas(64) uint8_t nowhere[PAGES * PAGE_BYTES];

    for (size_t i = 0; i < turns; i++)
        floor->run(pages.plain + i % PAGES * PAGE_BYTES, nowhere + i % PAGES * PAGE_BYTES);
}

static uint64_t sample_floor(const void *what)
{
    floor_turns(what, WARM_UP);
    uint64_t start = cycles_now();
    floor_turns(what, TURNS);
    return (cycles_now() - start) / TURNS;
}

static void add_floors(enum bench_group group)
{
    rows_add(group, true, "AES rounds only, AES-NI", cipher_aesni.lack(), sample_floor, &aesni);
    rows_add(group, true, "AES rounds only, VAES-256", cipher_vaes256.lack(), sample_floor,
             &vaes256);
    rows_add(group, true, "AES rounds only, VAES-512", cipher_vaes512.lack(), sample_floor,
             &vaes512);
}

bool pages_start(void)
{
    pages.plain = aligned_alloc(PAGE_BYTES, 2 * PAGES * PAGE_BYTES);
    if (pages.plain == NULL)
        return false;
    pages.sealed = pages.plain + PAGES * PAGE_BYTES;
    for (size_t i = 0; i < PAGES * PAGE_BYTES; i++)
        pages.plain[i] = (uint8_t)(i * i >> 7);
    for (size_t i = 0; i < PAGES; i++) {
        pages.nonces[i][NONCE_BYTES - 1] = (uint8_t)(i + 1);
        cipher_openssl.seal(pages.nonces[i], pages.aad, pages.plain + i * PAGE_BYTES,
                            pages.sealed + i * PAGE_BYTES,
                            pages.tags[i]);
    }
    add_floors(BENCH_SEAL);
    for (size_t i = 0; i < sizeof ciphers / sizeof ciphers[0]; i++)
        rows_add(BENCH_SEAL, false, ciphers[i]->name, ciphers[i]->lack(), sample_seal, ciphers[i]);
    add_floors(BENCH_OPEN);
    for (size_t i = 0; i < sizeof ciphers / sizeof ciphers[0]; i++)
        rows_add(BENCH_OPEN, false, ciphers[i]->name, ciphers[i]->lack(), sample_open, ciphers[i]);
    return true;
}

void pages_stop(void)
{
    free(pages.plain);
    pages.plain = NULL;
}
