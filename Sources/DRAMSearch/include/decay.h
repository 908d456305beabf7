/* decay.h — DRAM cells that lose their charge while the power is off. */
#pragma once
#include <stddef.h>
#include <stdint.h>

/* What a cell reads as once its charge is gone. Modules mix cells of both kinds, in large stripes.
 * */
enum decay_ground : uint8_t { DECAY_TO_0, DECAY_TO_1, DECAY_EITHER };

struct decay {
    double            probability;  /* that a cell has lost its charge; EITHER: that a bit is
                                       flipped. 0 .. 0.25 */
    enum decay_ground ground;
};

/* The most wrong bits to be expected among `bits` when each is wrong with probability `error`: mean
 * and four standard deviations, rounded up. */
uint32_t decay_budget(uint32_t bits, double error);

/* Wrong bits of `seen` if `written` was written; UINT32_MAX if this ground state cannot make one of
 * the other. */
static inline uint32_t decay_flips(uint64_t written, uint64_t seen, enum decay_ground ground)
{
    uint64_t wrong = written ^ seen;

    if ((ground == DECAY_TO_0 && (wrong & seen) != 0)
        || (ground == DECAY_TO_1 && (wrong & written) != 0))
        return UINT32_MAX;
    return (uint32_t)__builtin_popcountll(wrong);
}

/* The same for `bytes` bytes; UINT32_MAX also when there are more than `budget`. */
uint32_t decay_distance(const void *written, const void *seen, size_t bytes,
                        enum decay_ground ground,
                        uint32_t budget);

/* Lets the cells of [address, address + bytes) decay, each cell alike whenever it is asked for with
 *   the same seed. address, bytes  multiples of 8
 */
void decay_apply(struct decay decay, uint64_t seed, uint64_t address, void *buffer, size_t bytes);
