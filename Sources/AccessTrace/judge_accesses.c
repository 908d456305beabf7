#include "judge_accesses.h"

#include <string.h>

#define OF_EACH_RULE    4u

/* Bits of table entries. */
#define PRESENT         UINT64_C(1)
#define EPT_RIGHTS      UINT64_C(7)
#define PAGE_SIZE_BIT   (UINT64_C(1) << 7)
#define CACHE_BITS      UINT64_C(0x18)      /* PCD, PWT: either chooses another entry of the PAT
                                               than write-back */
#define EPT_TYPE(e)     ((e) >> 3 & 7)
#define EPT_IGNORE_PAT  (UINT64_C(1) << 6)
#define FRAME           UINT64_C(0x000FFFFFFFFFF000)

bool is_private(const struct access_judge *judge, uint64_t address)
{
    return address < judge->settings.ram_end && !within(judge->settings.region, address) &&
           !within(judge->settings.legacy, address);
}

/* RAM that no guest may reach past its slots: all but video memory. The ROMs' pages have slots like
 * any other. */
static bool is_hidden(const struct access_judge *judge, uint64_t address)
{
    return address < judge->settings.ram_end && !within(judge->settings.region, address) &&
           (address < judge->settings.legacy.base || address >= ROM_BASE);
}

/* MARK: violations */

void judge_report(struct access_judge *judge, struct access_violation violation)
{
    uint64_t *count = &judge->totals.rules[violation.rule];
    uint64_t before = (*count)++;

    if (violation.rule == RESIDENCY_CACHE_RULE)
        before = judge->totals.cache_rules[violation.cache_rule]++;
    if (before >= OF_EACH_RULE || judge->violation_count == VIOLATIONS)
        return;
    violation.instant = judge->now.instant;
    violation.rip = judge->now.linear;
    judge->violations[judge->violation_count++] = violation;
}

void judge_report_at(struct access_judge *judge, enum residency_rule rule,
                     const struct access_line *line, uint64_t value)
{
    judge_report(judge,
                 (struct access_violation){ .rule = rule, .mode = judge->mode, .type = line->type,
                                            .address = line->physical, .value = value });
}

void judge_report_cache(struct access_judge *judge, enum cache_rule rule, uint64_t address,
                        enum memory_type type)
{
    judge_report(judge,
                 (struct access_violation){ .rule = RESIDENCY_CACHE_RULE, .cache_rule = rule,
                                            .mode = judge->mode, .type = type,
                                            .address = address });
}

/* MARK: the region */

static void note_store(struct access_judge *judge, const struct access_line *line)
{
    uint64_t offset = line->physical - judge->settings.region.base;
    uint64_t room = judge->settings.region.end - line->physical;
    size_t bytes = line->bytes < room ? line->bytes : (size_t)room;

    memcpy(judge->region + offset, line->data, bytes);
    memset(judge->region_known + offset, 1, bytes);
    for (uint64_t at = offset / ENTRY_BYTES; at <= (offset + bytes - 1) / ENTRY_BYTES; at++)
        judge->stored[at] = judge->now.instant;
    if (judge->in_freeze && line->type == MEMORY_WB)
        for (uint64_t at = offset / LINE_BYTES; at <= (offset + bytes - 1) / LINE_BYTES; at++)
            judge->filled[at] = 1;
}

/* What goes past the cache, by its type. */
static enum cache_rule rule_of(const struct access_line *line)
{
    switch (line->type) {
    case MEMORY_WC: return RULE_WC;
    case MEMORY_WT: return RULE_WT_WRITE;
    case MEMORY_WP: return RULE_WP_WRITE;
    default: return RULE_UC;
    }
}

/* Bochs 2.7 gives a guest's access the type that the MTRRs and the guest's own page tables choose
 * (cpu/paging.cc, translate_linear). So it is without EPT's bit 6, "ignore PAT": with it, the
 * entry's own type is all that counts (SDM vol 3, "Memory Type Used for Translated Guest-Physical
 * Addresses"), and that is judged where the entry is read. */
static bool has_own_type(const struct access_judge *judge, const struct access_line *line)
{
    uint64_t frame = (line->physical - judge->settings.region.base) / PAGE_BYTES;

    return judge->mode == MODE_HOST || judge->leaves[frame] == LEAF_HEEDS_PAT;
}

static void judge_region(struct access_judge *judge, const struct access_line *line)
{
    bool is_store = line->kind == LINE_WRITE;

    judge->totals.region_accesses++;
    if (is_store)
        note_store(judge, line);
    if (line->type == MEMORY_WB) {
        if (is_store && judge->now.instruction == INSTRUCTION_NT_STORE)
            judge_report_cache(judge, RULE_NT_STORE, line->physical, line->type);
        return;
    }
    if (judge->in_freeze)       /* caches are still off: the filling begins after that */
        memset(judge->filled, 0, judge->totals.region_lines);
    else if (line->type != MEMORY_NONE && has_own_type(judge, line))
        judge_report_cache(judge, rule_of(line), line->physical, line->type);
}

/* MARK: of instructions */

static bool is_cacheable(enum memory_type type)
{
    return type == MEMORY_WB || type == MEMORY_WT || type == MEMORY_WP;
}

static void judge_dram(struct access_judge *judge, const struct access_line *line)
{
    bool is_store = line->kind == LINE_WRITE, is_ours = is_private(judge, line->physical);

    judge->totals.dram_reads += !is_store;
    judge->totals.dram_writes += is_store;
    if (judge->mode == MODE_GUEST) {
        if (is_hidden(judge, line->physical))
            judge_report_at(judge, RESIDENCY_NESTED_MAPPING, line, 0);
        return;
    }
    if (is_cacheable(line->type))
        judge_report_at(judge, is_store ? RESIDENCY_HOST_STORE : RESIDENCY_WIDER_WRITE_BACK, line,
                        0);
    if (is_store)
        homes_store(&judge->homes, line, &judge->now, !is_ours);
}

void judge_access(struct access_judge *judge, const struct access_line *line)
{
    judge->totals.reads += line->kind != LINE_WRITE;
    judge->totals.writes += line->kind == LINE_WRITE;
    if (within(judge->settings.region, line->physical))
        judge_region(judge, line);
    else if (line->physical < judge->settings.ram_end)
        judge_dram(judge, line);
}

/* MARK: tables and control blocks */

static uint64_t entry_value(const struct access_line *line)
{
    uint64_t value = 0;

    memcpy(&value, line->data, line->bytes < 8 ? line->bytes : 8);
    return value;
}

/* Where a nested entry leads: a slot as write-back, or a device. */
static void judge_leaf(struct access_judge *judge, const struct access_line *line)
{
    uint64_t entry = entry_value(line), frame = entry & FRAME;
    bool is_ept = line->tag == TAG_EPT, is_small = line->level == 1, is_right;

    if (!(entry & (is_ept ? EPT_RIGHTS : PRESENT)) || frame >= judge->settings.ram_end)
        return;
    if (within(judge->settings.region, frame)) {
        judge->leaves[(frame - judge->settings.region.base) / PAGE_BYTES] =
            is_ept && (entry & EPT_IGNORE_PAT) ? LEAF_IGNORES_PAT : LEAF_HEEDS_PAT;
        is_right = is_small && frame - judge->settings.region.base >= judge->settings.image_bytes &&
                   (is_ept ? EPT_TYPE(entry) == MEMORY_WB
                    && (entry & EPT_IGNORE_PAT) : !(entry & CACHE_BITS));
    } else {
        is_right = is_small && !is_hidden(judge, frame);
    }
    if (!is_right)
        judge_report(judge,
                     (struct access_violation){ .rule = RESIDENCY_NESTED_MAPPING,
                                                .mode = judge->mode, .type = line->type,
                                                .address = frame, .value = entry });
}

static void judge_nested(struct access_judge *judge, const struct access_line *line)
{
    judge->totals.nested_walks++;
    if (!within(judge->settings.region, line->physical))
        judge_report_at(judge, RESIDENCY_NESTED_TABLE, line, entry_value(line));
    if (line->level == 1 || (line->level < 4 && (entry_value(line) & PAGE_SIZE_BIT)))
        judge_leaf(judge, line);
}

/* Under VMX a guest's walk and the host's look alike, under SVM the nested tables' too but for
 * their type. */
void judge_walks(struct access_judge *judge)
{
    for (size_t i = 0; i < judge->walk_count; i++) {
        const struct access_line *line = &judge->walks[i];

        judge->totals.walks++;
        if (within(judge->settings.region, line->physical))
            judge_region(judge, line);
        else if (judge->mode == MODE_HOST)
            judge_report_at(judge, RESIDENCY_HOST_TABLE, line, entry_value(line));
        else if (is_hidden(judge, line->physical))
            judge_report_at(judge, RESIDENCY_NESTED_MAPPING, line, entry_value(line));
    }
    judge->walk_count = 0;
}

void judge_own(struct access_judge *judge, const struct access_line *line)
{
    if (line->tag == TAG_CONTROL) {
        judge->totals.controls++;
        if (!within(judge->settings.region, line->physical))
            judge_report_at(judge, RESIDENCY_CONTROL_BLOCK, line, 0);
    } else if (line->tag == TAG_EPT || line->type == MEMORY_NONE) {
        judge_nested(judge, line);
    } else if (judge->walk_count < WALKS) {
        judge->walks[judge->walk_count++] = *line;
    } else {
        judge->totals.unknown_lines++;
    }
}

