#include "decay.h"

#include <math.h>
#include <string.h>

#define PROBABILITY_BITS 20u

uint32_t decay_budget(uint32_t bits, double error)
{
    double budget = ceil(bits * error + 4 * sqrt(bits * error * (1 - error)));

    return error <= 0 ? 0 : budget > bits ? bits : (uint32_t)budget;
}

uint32_t decay_distance(const void *written, const void *seen, size_t bytes,
                        enum decay_ground ground,
                        uint32_t budget)
{
    const uint8_t *left = written, *right = seen;
    uint32_t flips = 0;

    for (size_t at = 0; at < bytes; at += 8) {
        uint64_t a = 0, b = 0;
        size_t count = bytes - at < 8 ? bytes - at : 8;
        memcpy(&a, left + at, count);
        memcpy(&b, right + at, count);
        uint32_t here = decay_flips(a, b, ground);
        if (here == UINT32_MAX || (flips += here) > budget)
            return UINT32_MAX;
    }
    return flips;
}

/* Source: Steele, Lea, Flood, "Fast Splittable Pseudorandom Number Generators" (2014): SplitMix64's
 * mixer. */
static uint64_t mixed(uint64_t x)
{
    x += UINT64_C(0x9E3779B97F4A7C15);
    x = (x ^ x >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
    x = (x ^ x >> 27) * UINT64_C(0x94D049BB133111EB);
    return x ^ x >> 31;
}

/* Each bit is set with probability `scaled` / 2^PROBABILITY_BITS: halve, or halve and add a half,
 * bit by bit. */
static uint64_t discharged(uint32_t scaled, uint64_t seed, uint64_t word)
{
    uint64_t mask = 0, state = mixed(seed ^ mixed(word));

    for (uint32_t bit = 0; bit < PROBABILITY_BITS; bit++) {
        uint64_t coins = mixed(state += UINT64_C(0x9E3779B97F4A7C15));
        mask = scaled >> bit & 1 ? mask | coins : mask & coins;
    }
    return mask;
}

void decay_apply(struct decay decay, uint64_t seed, uint64_t address, void *buffer, size_t bytes)
{
    uint32_t scaled = (uint32_t)lround(ldexp(decay.probability, PROBABILITY_BITS));
    uint8_t *at = buffer;

    if (scaled == 0)
        return;
    for (size_t offset = 0; offset < bytes; offset += 8) {
        uint64_t word, mask = discharged(scaled, seed, (address + offset) / 8);
        memcpy(&word, at + offset, 8);
        word = decay.ground == DECAY_TO_0 ? word & ~mask : decay.ground == DECAY_TO_1
            ? word | mask : word ^ mask;
        memcpy(at + offset, &word, 8);
    }
}
