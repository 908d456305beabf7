/* compiled alone: a private key and a shared secret pass through its registers and its stack */
/* x25519.c — X25519 (RFC 7748). No branch, no address and no operand of a division depends on the
 * scalar, or on what comes of it.
 *
 * A field element is five limbs of 51 bits, held in 64: a sum or a difference has up to two more.
 */
#include "x25519.h"

#include "bytes.h"

#define LIMBS     5u
#define LIMB_BITS 51u
#define LIMB      ((UINT64_C(1) << LIMB_BITS) - 1)

/* a, b: products. To the difference 2p is added, so that no limb is below 0. */
static void add_subtract(x25519_field sum, x25519_field difference, const x25519_field a,
                         const x25519_field b)
{
    for (size_t i = 0; i < LIMBS; i++) {
        uint64_t a_i = a[i], b_i = b[i];

        sum[i] = a_i + b_i;
        difference[i] = a_i + 2 * (i == 0 ? LIMB - 18 : LIMB) - b_i;
    }
}

/* What a limb has above its bits goes to the next one; from the last, times `around`, to the
 * first. */
static void carry(x25519_field r, uint64_t around)
{
    for (size_t i = 0; i < LIMBS; i++) {
        r[(i + 1) % LIMBS] += (r[i] >> LIMB_BITS) * (i + 1 < LIMBS ? 1 : around);
        r[i] &= LIMB;
    }
}

/* a, b: limbs below 2^54, so that no sum overflows. Those of the product are below 2^51; or the
 * first is below 2^51 + 19, the second far below, and the others are 0. 2^255 is 19. */
static void multiply(x25519_field r, const x25519_field a, const x25519_field b)
{
    unsigned __int128 sum = 0;
    x25519_field product;

    for (size_t i = 0; i < LIMBS; i++) {
        for (size_t j = 0; j < LIMBS; j++)
            sum += (unsigned __int128)a[j] * (j <= i ? b[i - j] : 19 * b[LIMBS + i - j]);
        product[i] = (uint64_t)sum & LIMB;
        sum >>= LIMB_BITS;
    }
    product[0] += 19 * (uint64_t)sum;
    carry(product, 19);
    __builtin_memcpy(r, product, sizeof product);
}

/* r = a^(p - 2) = 1 / a, and 0 of 0. Of the bits of p - 2 = 2^255 - 21 two are 0. r is not a. */
static void invert(x25519_field r, const x25519_field a)
{
    __builtin_memcpy(r, a, sizeof(x25519_field));
    for (int bit = 253; bit >= 0; bit--) {
        multiply(r, r, r);
        if (bit != 2 && bit != 4)
            multiply(r, r, a);
    }
}

static void swap_if(uint64_t bit, x25519_field a, x25519_field b)
{
    for (size_t i = 0; i < LIMBS; i++) {
        uint64_t changes = (0 - bit) & (a[i] ^ b[i]);

        a[i] ^= changes;
        b[i] ^= changes;
    }
}

/* The topmost bit does not count. */
static void field_get(x25519_field r, const uint8_t bytes[X25519_BYTES])
{
    for (uint32_t i = 0; i < LIMBS; i++) {
        uint32_t at = i < 4 ? LIMB_BITS * i / 8 : X25519_BYTES - sizeof(uint64_t);

        __builtin_memcpy(&r[i], bytes + at, sizeof r[i]);
        r[i] = r[i] >> (LIMB_BITS * i - 8 * at) & LIMB;
    }
}

/* Of a product, which it reduces. Returns whether any byte is not 0. */
static bool field_put(uint8_t bytes[X25519_BYTES], x25519_field r)
{
    uint64_t above = 19, any = 0;

    for (size_t i = 0; i < LIMBS; i++)      /* becomes 1 where r >= p, that is r + 19 >= 2^255 */
        above = (r[i] + above) >> LIMB_BITS;
    r[0] += 19 * above;
    carry(r, 0);
    for (size_t i = 0; i < 4; i++) {
        uint64_t word = r[i] >> 13 * i | r[i + 1] << (LIMB_BITS - 13 * i);

        __builtin_memcpy(bytes + 8 * i, &word, sizeof word);
        any |= word;
    }
    return any != 0;
}

bool x25519_multiply(struct x25519 *w, const uint8_t scalar[X25519_BYTES],
                     const uint8_t u[X25519_BYTES], uint8_t out[X25519_BYTES])
{
    static const x25519_field one = {1}, a24 = {121665};
    uint64_t last = 0;

    __builtin_memcpy(w->scalar, scalar, X25519_BYTES);
    w->scalar[0] &= 0xF8;
    w->scalar[31] = (w->scalar[31] & 0x7F) | 0x40;
    field_get(w->x_1, u);
    __builtin_memcpy(w->x_2, one, sizeof one);
    __builtin_memset(w->z_2, 0, sizeof w->z_2);
    __builtin_memcpy(w->x_3, w->x_1, sizeof w->x_1);
    __builtin_memcpy(w->z_3, one, sizeof one);
    for (size_t t = 255; t-- > 0;) {
        uint64_t bit = w->scalar[t / 8] >> t % 8 & 1;

        swap_if(last ^ bit, w->x_2, w->x_3);
        swap_if(last ^ bit, w->z_2, w->z_3);
        last = bit;
        add_subtract(w->a, w->b, w->x_2, w->z_2);
        add_subtract(w->c, w->d, w->x_3, w->z_3);
        multiply(w->d, w->d, w->a);             /* DA */
        multiply(w->c, w->c, w->b);             /* CB */
        add_subtract(w->x_3, w->z_3, w->d, w->c);
        multiply(w->x_3, w->x_3, w->x_3);
        multiply(w->z_3, w->z_3, w->z_3);
        multiply(w->z_3, w->z_3, w->x_1);
        multiply(w->a, w->a, w->a);             /* AA */
        multiply(w->b, w->b, w->b);             /* BB */
        multiply(w->x_2, w->a, w->b);
        add_subtract(w->c, w->e, w->a, w->b);   /* E */
        multiply(w->c, w->e, a24);
        add_subtract(w->c, w->d, w->c, w->a);   /* AA + a24 * E */
        multiply(w->z_2, w->e, w->c);
    }
    /* The scalar's last bit is 0: nothing is left to be swapped back. */
    invert(w->a, w->z_2);
    multiply(w->a, w->a, w->x_2);

    bool is_secret = field_put(out, w->a);

    bytes_wipe(w, sizeof *w);
    bytes_wipe_frames();
    return is_secret;
}
