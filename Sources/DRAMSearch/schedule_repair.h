/* schedule_repair.h — mends decayed words of a key schedule by their sums. Private to the searches.
 * */
#pragma once
#include "schedule.h"

/* Bits in which sums at [first, end) fail; stops counting above `limit`. */
uint32_t schedule_sum_failures(struct schedule_shape shape, const uint32_t *words, uint32_t first,
                               uint32_t end,
                               uint32_t limit);

/* The same for the words that come from a substitution. `words` as FIPS 197 has them. */
uint32_t schedule_step_failures(struct schedule_shape shape, const uint32_t *words, uint32_t first,
                                uint32_t end,
                                uint32_t limit);

/* Flips bits, those only that can have decayed, until the sums at [first, end) hold or no vote is
 * left. */
void schedule_repair(struct schedule_shape shape, uint32_t *words, uint32_t first, uint32_t end,
                     enum decay_ground ground);
