#include "memory_type.h"

#define DEF_TYPE_FE         (UINT64_C(1) << 10)
#define DEF_TYPE_E          (UINT64_C(1) << 11)
#define PHYSMASK_VALID      (UINT64_C(1) << 11)
#define PHYS_FRAME          UINT64_C(0x000FFFFFFFFFF000)
#define SYSCFG_TOM2_FORCE_WB (UINT64_C(1) << 22)
#define FIXED_END           UINT64_C(0x100000)
#define FOUR_GIB            (UINT64_C(1) << 32)

bool mtrr_write(struct mtrr_state *state, uint32_t msr, uint64_t value)
{
    if (msr >= MSR_MTRR_PHYSBASE0 && msr < MSR_MTRR_PHYSBASE0 + 2 * MTRR_VARIABLE_RANGES) {
        uint32_t range = (msr - MSR_MTRR_PHYSBASE0) / 2;
        *(msr % 2 ? &state->mask[range] : &state->base[range]) = value;
    } else if (msr == MSR_MTRR_FIX64K)
        state->fixed[0] = value;
    else if (msr >= MSR_MTRR_FIX16K && msr < MSR_MTRR_FIX16K + 2)
        state->fixed[1 + msr - MSR_MTRR_FIX16K] = value;
    else if (msr >= MSR_MTRR_FIX4K && msr < MSR_MTRR_FIX4K + 8)
        state->fixed[3 + msr - MSR_MTRR_FIX4K] = value;
    else if (msr == MSR_MTRR_DEF_TYPE)
        state->def_type = value;
    else if (msr == MSR_AMD_SYSCFG)
        state->syscfg = value;
    else if (msr == MSR_AMD_TOP_MEM2)
        state->top_mem2 = value;
    else
        return false;
    return true;
}

/* AMD keeps RdMem and WrMem in bits 4:3 of a fixed range's byte; the type is below them on both
 * vendors. */
static enum memory_type range_type(uint64_t field)
{
    switch (field & 7) {
    case MEMORY_WC: return MEMORY_WC;
    case MEMORY_WT: return MEMORY_WT;
    case MEMORY_WP: return MEMORY_WP;
    case MEMORY_WB: return MEMORY_WB;
    default: return MEMORY_UC;
    }
}

static enum memory_type fixed_type(const struct mtrr_state *state, uint64_t address)
{
    uint64_t word, byte;

    if (address < 0x80000) {
        word = state->fixed[0];
        byte = address >> 16;
    } else if (address < 0xC0000) {
        word = state->fixed[1 + ((address - 0x80000) >> 17)];
        byte = address >> 14 & 7;
    } else {
        word = state->fixed[3 + ((address - 0xC0000) >> 15)];
        byte = address >> 12 & 7;
    }
    return range_type(word >> (8 * byte));
}

static enum memory_type overlap(enum memory_type one, enum memory_type other)
{
    if (one == MEMORY_NONE || one == other)
        return other;
    bool through = (one == MEMORY_WT && other == MEMORY_WB)
        || (one == MEMORY_WB && other == MEMORY_WT);
    return through ? MEMORY_WT : MEMORY_UC;
}

enum memory_type mtrr_type(const struct mtrr_state *state, enum cache_vendor vendor,
                           uint64_t address)
{
    enum memory_type type = MEMORY_NONE;

    if (!(state->def_type & DEF_TYPE_E))
        return MEMORY_UC;
    if (address < FIXED_END && state->def_type & DEF_TYPE_FE)
        return fixed_type(state, address);
    for (int range = 0; range < MTRR_VARIABLE_RANGES; range++) {
        uint64_t frames = state->mask[range] & PHYS_FRAME;
        if (state->mask[range] & PHYSMASK_VALID
            && (address & frames) == (state->base[range] & frames))
            type = overlap(type, range_type(state->base[range]));
    }
    if (type != MEMORY_NONE)
        return type;
    if (vendor == CACHE_AMD && state->syscfg & SYSCFG_TOM2_FORCE_WB && address >= FOUR_GIB
        && address < (state->top_mem2 & PHYS_FRAME))
        return MEMORY_WB;
    return range_type(state->def_type);
}

enum { UC = MEMORY_UC, WC = MEMORY_WC, WT = MEMORY_WT, WP = MEMORY_WP, WB = MEMORY_WB,
    CD = MEMORY_CD,
       WX = MEMORY_WC_PLUS };

/* [MTRR][PAT], columns UC WC - - WT WP WB UC-. */
static const uint8_t intel[8][8] = {
    [MEMORY_UC] = { UC, WC, UC, UC, UC, UC, UC, UC },
    [MEMORY_WC] = { UC, WC, UC, UC, UC, UC, WC, WC },
    [MEMORY_WT] = { UC, WC, UC, UC, WT, WP, WT, UC },
    [MEMORY_WP] = { UC, WC, UC, UC, WT, WP, WP, WC },
    [MEMORY_WB] = { UC, WC, UC, UC, WT, WP, WB, UC },
};
static const uint8_t amd[8][8] = {
    [MEMORY_UC] = { UC, WC, UC, UC, UC, UC, UC, UC },
    [MEMORY_WC] = { CD, WC, UC, UC, CD, CD, WC, WC },
    [MEMORY_WT] = { CD, WX, UC, UC, WT, CD, WT, CD },
    [MEMORY_WP] = { CD, WX, UC, UC, CD, WP, WP, CD },
    [MEMORY_WB] = { CD, WX, UC, UC, WT, WP, WB, CD },
};

enum memory_type memory_combined(enum cache_vendor vendor, enum memory_type range,
                                 enum memory_type page)
{
    const uint8_t (*table)[8] = vendor == CACHE_AMD ? amd : intel;
    return (enum memory_type)table[range & 7][page & 7];
}

enum memory_type pat_type(uint64_t pat_msr, unsigned index)
{
    uint64_t field = pat_msr >> (8 * (index & 7)) & 7;
    return field == MEMORY_UC_MINUS ? MEMORY_UC_MINUS : range_type(field);
}

const char *memory_type_name(enum memory_type type)
{
    static const char *const names[] = { "UC", "WC", "?", "?", "WT", "WP", "WB", "UC-", "CD",
        "WC+" };
    return type < sizeof names / sizeof *names ? names[type] : "?";
}
