/* bench.h — what the files of the benchmark share. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cipher_bench.h"

#define PAGE_BYTES   4096u
#define LINE_BYTES   64u
#define NONCE_BYTES  12u
#define AAD_BYTES    16u
#define TAG_BYTES    16u

/* AES-256-GCM of one page, under the one key that start() was given. */
struct cipher {
    const char *name;
    const char *(*lack)(void);      /* why it cannot run here; NULL when it can */
    bool (*start)(const uint8_t raw[32]);
    void (*stop)(void);
    void (*seal)(const uint8_t *nonce, const uint8_t *aad, const void *in, void *out, uint8_t *tag);
    bool (*open)(const uint8_t *nonce, const uint8_t *aad, const void *in, void *out, const uint8_t *tag);
    bool is_variant;                /* of another cipher: no swap of its own */
};

extern const struct cipher cipher_aesni, cipher_aesni_fresh, cipher_vaes256, cipher_vaes512, cipher_vaes512_fresh;
extern const struct cipher cipher_openssl, cipher_libgcrypt;

/* One row: sample() returns the cycles of one page, or swap. */
struct contender {
    struct bench_row row;
    const void *what;               /* for sample: a cipher, a floor */
    uint64_t (*sample)(const void *what);
    uint64_t *cycles;               /* one a round */
};

struct roster {
    struct contender contenders[64];
    size_t count;
    const char *wrong;              /* set by a sample that caught a cipher out */
};
extern struct roster roster;

void roster_add(enum bench_group group, bool is_floor, const char *name, const char *lack,
                uint64_t (*sample)(const void *what), const void *what);

/* Each part adds its rows, and gives back what it took. false: no memory. */
bool pages_start(void);
void pages_stop(void);
bool swaps_start(uint64_t dram_bytes);
void swaps_set_key(const uint8_t raw[32]);
void swaps_stop(void);
void faults_start(void);
void faults_stop(void);

/* floors.c: loops that every cipher must contain. */
void floor_aesni(const void *in, void *out);
void floor_vaes256(const void *in, void *out);
void floor_vaes512(const void *in, void *out);
void floor_copy_avx512(void *slot, const void *in, void *out);
void floor_copy_sse2(void *slot, const void *in, void *out);
void floor_copy_apart(void *slot, const void *in, void *out);

/* Serialised on both sides: Intel SDM vol 2 (325383), RDTSC. */
static inline uint64_t cycles_now(void)
{
    __builtin_ia32_lfence();
    uint64_t now = __builtin_ia32_rdtsc();
    __builtin_ia32_lfence();
    return now;
}
