/* memory_type.h — which memory type an address has: MTRRs, PAT, and how each vendor combines them.
 *
 *   source     Intel SDM vol 3 (325462), "Memory Cache Control", tables of this name in 2005 and
 *              2009 editions read; AMD APM vol 2 (24593), "Memory System": the combining table is
 *              recalled, not re-read
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

enum cache_vendor : uint8_t { CACHE_INTEL, CACHE_AMD };

/* The encoding of MTRRs and PAT; CD and WC_PLUS exist only as results on AMD. */
enum memory_type : uint8_t {
    MEMORY_UC       = 0,
    MEMORY_WC       = 1,
    MEMORY_WT       = 4,
    MEMORY_WP       = 5,
    MEMORY_WB       = 6,
    MEMORY_UC_MINUS = 7,    /* PAT only */
    MEMORY_CD       = 8,    /* AMD: not cached, but caches are looked up */
    MEMORY_WC_PLUS  = 9,    /* AMD: write-combining, but caches are looked up */
    MEMORY_NONE     = 255,
};

#define MSR_MTRR_PHYSBASE0  0x200u      /* base and mask in turns */
#define MSR_MTRR_FIX64K     0x250u
#define MSR_MTRR_FIX16K     0x258u      /* two of them */
#define MSR_MTRR_FIX4K      0x268u      /* eight of them */
#define MSR_MTRR_DEF_TYPE   0x2FFu
#define MSR_AMD_SYSCFG      0xC0010010u
#define MSR_AMD_TOP_MEM2    0xC001001Du

#define MTRR_VARIABLE_RANGES 16
#define MTRR_FIXED_REGISTERS 11

/* All zero is the state after reset: everything uncacheable. */
struct mtrr_state {
    uint64_t def_type;
    uint64_t fixed[MTRR_FIXED_REGISTERS];   /* 64K, 16K x 2, 4K x 8 */
    uint64_t base[MTRR_VARIABLE_RANGES];
    uint64_t mask[MTRR_VARIABLE_RANGES];
    uint64_t syscfg;                        /* AMD: bit 22 makes 4 GiB .. TOP_MEM2 write-back */
    uint64_t top_mem2;
};

/* False if `msr` is none of the above; then nothing has changed. */
bool mtrr_write(struct mtrr_state *state, uint32_t msr, uint64_t value);

/* Overlaps that the manuals leave undefined count as UC: in a frozen region that shows, and must.
 * */
enum memory_type mtrr_type(const struct mtrr_state *state, enum cache_vendor vendor,
                           uint64_t address);

/* `page` is the PAT's type for the mapping; reserved encodings count as UC. */
enum memory_type memory_combined(enum cache_vendor vendor, enum memory_type range,
                                 enum memory_type page);

/* Entry of the PAT register that a mapping's PAT, PCD and PWT bits choose: index = PAT << 2 | PCD
 * << 1 | PWT. */
enum memory_type pat_type(uint64_t pat_msr, unsigned index);

const char *memory_type_name(enum memory_type type);
