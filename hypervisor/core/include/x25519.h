/* x25519.h — the X25519 function of RFC 7748, section 5: Diffie-Hellman on Curve25519. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#define X25519_BYTES 32u

/* Modulo 2^255 - 19: the sum of limb i times 2^(51 i). */
typedef uint64_t x25519_field[5];

/* All working state, in one place that the caller owns. Names as in RFC 7748. */
struct x25519 {
    uint8_t scalar[X25519_BYTES];
    x25519_field x_1, x_2, z_2, x_3, z_3;
    x25519_field a, b, c, d, e;
};

/* out = scalar * u, in constant time. *w is wiped before returning. scalar, u and out may be one
 * memory. Returns false, with out zero, where u is a point of low order: what comes out then does
 * not depend on the scalar, and is no secret (RFC 7748, section 6.1). */
[[nodiscard]] bool x25519_multiply(struct x25519 *w, const uint8_t scalar[X25519_BYTES],
                                   const uint8_t u[X25519_BYTES], uint8_t out[X25519_BYTES]);
