/* case.h — one case: what is executed, in which mode, on which pages; all of it follows from seed
 * and number. */
#pragma once
#include "monitor.h"

#define INSTRUCTIONS_MAX 256u

struct fuzz_case {
    uint64_t random;                    /* generator's state */
    const struct mode *mode;
    uint64_t data[DATA_PAGES];          /* physical */
    uint64_t base;                      /* linear, in DS, of DATA_BYTES; real mode: 0 */
    bool is_stepped;                    /* RFLAGS.TF */
    uint16_t starts[INSTRUCTIONS_MAX];  /* of instructions, offsets in the code; ascending */
    uint32_t instructions;
    uint16_t end;                       /* offset of the UD2 that ends a safe program */
};

static inline uint64_t draw(struct fuzz_case *c) { return random_next(&c->random); }
static inline uint32_t below(struct fuzz_case *c,
                             uint32_t end) { return (uint32_t)((draw(c) >> 32) % end); }
static inline bool one_in(struct fuzz_case *c, uint32_t n) { return below(c, n) == 0; }

/* Writes the program of the safe space. The twin has instructions without effect in place of those
 * that exit, of the same length: both must end the same. */
void safe_write(struct fuzz_case *c, bool is_twin);

/* Writes code and registers of the whole space; `has_probes`: of PCI configuration, ports, MSRs and
 * devices too. */
void whole_write(struct fuzz_case *c, bool has_probes);
