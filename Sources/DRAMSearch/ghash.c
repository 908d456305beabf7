#include "ghash.h"

#include <string.h>

#include "aes.h"
#include "key_schedules.h"

void ghash_key(const uint8_t *key, uint32_t key_bytes, uint8_t h[16])
{
    uint32_t round_keys[KEY_SCHEDULE_BYTES_MAX / 4], block[4] = { 0 };

    key_schedule_expand(key, key_bytes, KEY_FORWARD, (uint8_t *)round_keys);
    aes_encrypt(round_keys, (uint32_t)key_schedule_bytes(key_bytes) / 16, block);
    memcpy(h, block, 16);
}

void ghash_multiply(uint8_t x[16], const uint8_t y[16])
{
    uint8_t product[16] = { 0 }, shifted[16];

    memcpy(shifted, y, 16);
    for (uint32_t bit = 0; bit < 128; bit++) {
        uint8_t carry = 0, lost = shifted[15] & 1;
        for (uint32_t i = 0; i < 16; i++) {
            if (x[bit / 8] >> (7 - bit % 8) & 1)
                product[i] ^= shifted[i];
            uint8_t low = shifted[i] & 1;
            shifted[i] = (uint8_t)(shifted[i] >> 1 | carry << 7);
            carry = low;
        }
        shifted[0] ^= lost ? 0xE1 : 0;
    }
    memcpy(x, product, 16);
}

void ghash_powers(const uint8_t h[16], uint32_t count, uint8_t *powers)
{
    for (uint32_t i = 0; i < count; i++) {
        memcpy(powers + 16 * i, i == 0 ? h : powers + 16 * (i - 1), 16);
        if (i > 0)
            ghash_multiply(powers + 16 * i, h);
    }
}
