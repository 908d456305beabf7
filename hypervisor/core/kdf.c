/* compiled alone: passphrase and keys pass through its registers and its stack */
/* kdf.c — from a passphrase to a key. Time depends on lengths and iterations only. */
#include "kdf.h"

#include "bytes.h"

#define BLOCK_BYTES 64u

/* FIPS 180-4, 4.2.2. Indexed by the round, never by data. */
static const uint32_t round_constants[64] = {
    0x428A2F98, 0x71374491, 0xB5C0FBCF, 0xE9B5DBA5, 0x3956C25B, 0x59F111F1, 0x923F82A4, 0xAB1C5ED5,
    0xD807AA98, 0x12835B01, 0x243185BE, 0x550C7DC3, 0x72BE5D74, 0x80DEB1FE, 0x9BDC06A7, 0xC19BF174,
    0xE49B69C1, 0xEFBE4786, 0x0FC19DC6, 0x240CA1CC, 0x2DE92C6F, 0x4A7484AA, 0x5CB0A9DC, 0x76F988DA,
    0x983E5152, 0xA831C66D, 0xB00327C8, 0xBF597FC7, 0xC6E00BF3, 0xD5A79147, 0x06CA6351, 0x14292967,
    0x27B70A85, 0x2E1B2138, 0x4D2C6DFC, 0x53380D13, 0x650A7354, 0x766A0ABB, 0x81C2C92E, 0x92722C85,
    0xA2BFE8A1, 0xA81A664B, 0xC24B8B70, 0xC76C51A3, 0xD192E819, 0xD6990624, 0xF40E3585, 0x106AA070,
    0x19A4C116, 0x1E376C08, 0x2748774C, 0x34B0BCB5, 0x391C0CB3, 0x4ED8AA4A, 0x5B9CCA4F, 0x682E6FF3,
    0x748F82EE, 0x78A5636F, 0x84C87814, 0x8CC70208, 0x90BEFFFA, 0xA4506CEB, 0xBEF9A3F7, 0xC67178F2,
};

static const uint32_t start_state[8] = {
    0x6A09E667, 0xBB67AE85, 0x3C6EF372, 0xA54FF53A, 0x510E527F, 0x9B05688C, 0x1F83D9AB, 0x5BE0CD19,
};

static inline uint32_t rotate(uint32_t word, int bits)
{
    return word >> bits | word << (32 - bits);
}

static void schedule_make(struct sha256 *sha)
{
    uint32_t *w = sha->schedule;

    for (size_t i = 0; i < 16; i++) {
        uint32_t word;

        __builtin_memcpy(&word, sha->block + 4 * i, 4);
        w[i] = __builtin_bswap32(word);
    }
    for (size_t i = 16; i < 64; i++) {
        uint32_t s0 = rotate(w[i - 15], 7) ^ rotate(w[i - 15], 18) ^ w[i - 15] >> 3;
        uint32_t s1 = rotate(w[i - 2], 17) ^ rotate(w[i - 2], 19) ^ w[i - 2] >> 10;

        w[i] = w[i - 16] + s0 + w[i - 7] + s1;
    }
}

/* One round; s[0..7] are a..h, seen through `turn` so that nothing moves. Unrolled, indices are
 * constant. */
static inline void round_run(uint32_t s[8], size_t turn, uint32_t input)
{
    uint32_t a = s[(0 - turn) % 8], b = s[(1 - turn) % 8], c = s[(2 - turn) % 8];
    uint32_t e = s[(4 - turn) % 8], f = s[(5 - turn) % 8], g = s[(6 - turn) % 8];
    uint32_t sum1 = rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25);
    uint32_t sum0 = rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22);
    uint32_t t = s[(7 - turn) % 8] + sum1 + (g ^ (e & (f ^ g))) + input;

    s[(3 - turn) % 8] += t;
    s[(7 - turn) % 8] = t + sum0 + ((a & b) | (c & (a | b)));
}

static void compress(struct sha256 *sha)
{
    uint32_t s[8];

    schedule_make(sha);
    __builtin_memcpy(s, sha->state, sizeof s);
    for (size_t i = 0; i < 64; i += 8) {
        _Pragma("clang loop unroll(full)")
        for (size_t turn = 0; turn < 8; turn++)
            round_run(s, turn, sha->schedule[i + turn] + round_constants[i + turn]);
    }
    for (size_t i = 0; i < 8; i++)
        sha->state[i] += s[i];
}

static void state_put(const uint32_t state[8], uint8_t bytes[SHA256_BYTES])
{
    for (size_t i = 0; i < 8; i++) {
        uint32_t word = __builtin_bswap32(state[i]);

        __builtin_memcpy(bytes + 4 * i, &word, 4);
    }
}

void sha256_start(struct sha256 *sha)
{
    __builtin_memcpy(sha->state, start_state, sizeof sha->state);
    sha->bytes = 0;
}

void sha256_add(struct sha256 *sha, const void *data, size_t bytes)
{
    const uint8_t *from = data;

    while (bytes > 0) {
        size_t used = sha->bytes % BLOCK_BYTES;
        size_t take = bytes < BLOCK_BYTES - used ? bytes : BLOCK_BYTES - used;

        __builtin_memcpy(sha->block + used, from, take);
        sha->bytes += take;
        from += take;
        bytes -= take;
        if (used + take == BLOCK_BYTES)
            compress(sha);
    }
}

/* Ends a message of `message_bytes`, of which the block holds the last `used`: FIPS 180-4,
 * 5.1.1. */
static void pad(struct sha256 *sha, size_t used, uint64_t message_bytes)
{
    uint64_t bits = __builtin_bswap64(message_bytes * 8);

    sha->block[used++] = 0x80;
    if (used > BLOCK_BYTES - sizeof bits) {
        __builtin_memset(sha->block + used, 0, BLOCK_BYTES - used);
        compress(sha);
        used = 0;
    }
    __builtin_memset(sha->block + used, 0, BLOCK_BYTES - sizeof bits - used);
    __builtin_memcpy(sha->block + BLOCK_BYTES - sizeof bits, &bits, sizeof bits);
    compress(sha);
}

void sha256_finish(struct sha256 *sha, uint8_t digest[SHA256_BYTES])
{
    pad(sha, sha->bytes % BLOCK_BYTES, sha->bytes);
    state_put(sha->state, digest);
}

/* The state after the key block, each byte XORed with `with`: all that HMAC's key does. */
static void hmac_key_state(struct hmac *hmac, uint8_t with, uint32_t state[8])
{
    sha256_start(&hmac->sha);
    for (size_t i = 0; i < BLOCK_BYTES; i++)
        hmac->sha.block[i] ^= with;
    compress(&hmac->sha);
    __builtin_memcpy(state, hmac->sha.state, sizeof hmac->sha.state);
}

void hmac_start(struct hmac *hmac, const void *key, size_t key_bytes)
{
    uint8_t *block = hmac->sha.block;

    if (key_bytes > BLOCK_BYTES) {
        sha256_start(&hmac->sha);
        sha256_add(&hmac->sha, key, key_bytes);
        sha256_finish(&hmac->sha, block);
        key_bytes = SHA256_BYTES;
    } else {
        __builtin_memcpy(block, key, key_bytes);
    }
    __builtin_memset(block + key_bytes, 0, BLOCK_BYTES - key_bytes);
    hmac_key_state(hmac, 0x5C, hmac->outer);
    hmac_key_state(hmac, 0x5C ^ 0x36, hmac->inner);
    hmac->sha.bytes = BLOCK_BYTES;
}

/* sha.state = SHA-256 of one key block, whose state is given, and of the 32 bytes in sha.state. */
static void hmac_half(struct hmac *hmac, const uint32_t key_state[8])
{
    state_put(hmac->sha.state, hmac->sha.block);
    __builtin_memcpy(hmac->sha.state, key_state, sizeof hmac->sha.state);
    pad(&hmac->sha, SHA256_BYTES, BLOCK_BYTES + SHA256_BYTES);
}

void hmac_finish(struct hmac *hmac, uint8_t mac[SHA256_BYTES])
{
    pad(&hmac->sha, hmac->sha.bytes % BLOCK_BYTES, hmac->sha.bytes);
    hmac_half(hmac, hmac->outer);
    state_put(hmac->sha.state, mac);
}

void pbkdf2_sha256(struct pbkdf2 *work, const void *passphrase, size_t passphrase_bytes,
                   const uint8_t *salt, size_t salt_bytes, uint32_t iterations,
                   uint8_t key[SHA256_BYTES])
{
    static const uint8_t first_block[4] = {0, 0, 0, 1};
    struct hmac *hmac = &work->hmac;

    hmac_start(hmac, passphrase, passphrase_bytes);
    sha256_add(&hmac->sha, salt, salt_bytes);
    sha256_add(&hmac->sha, first_block, sizeof first_block);
    hmac_finish(hmac, key);
    __builtin_memcpy(work->result, hmac->sha.state, sizeof work->result);
    for (uint32_t i = 1; i < iterations; i++) {
        hmac_half(hmac, hmac->inner);
        hmac_half(hmac, hmac->outer);
        for (size_t j = 0; j < 8; j++)
            work->result[j] ^= hmac->sha.state[j];
    }
    state_put(work->result, key);
    bytes_wipe(work, sizeof *work);
    bytes_wipe_frames();
}
