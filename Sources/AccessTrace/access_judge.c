#include "access_judge.h"

#include <stdlib.h>
#include <string.h>

#include "judge_accesses.h"

/* MARK: instructions */

static bool is_text(const struct access_judge *judge, const struct access_line *line)
{
    uint64_t bytes = judge->settings.text_bytes;

    return line->has_linear && (line->physical - judge->settings.region.base < bytes ||
                                line->linear - judge->settings.hypervisor_base < bytes);
}

/* The last instruction was executed, not intercepted. */
static bool went_on(const struct access_judge *judge, const struct access_line *next)
{
    return judge->mode == MODE_HOST || next->linear == judge->now.linear + judge->now.bytes;
}

static void judge_flush(struct access_judge *judge, const struct access_line *next)
{
    static const enum cache_rule rules[] = {
        [INSTRUCTION_WBINVD] = RULE_WBINVD,
        [INSTRUCTION_WBNOINVD] = RULE_WBNOINVD,
        [INSTRUCTION_INVD] = RULE_INVD,
        [INSTRUCTION_CLFLUSH] = RULE_CLFLUSH,
        [INSTRUCTION_CLWB] = RULE_CLWB,
        [INSTRUCTION_CLDEMOTE] = RULE_CLDEMOTE,
    };
    enum access_instruction what = judge->now.instruction;

    if (what < INSTRUCTION_WBINVD || what > INSTRUCTION_CLDEMOTE || !judge->is_frozen
        || !went_on(judge, next))
        return;
    if (judge->mode == MODE_GUEST && what <= INSTRUCTION_INVD)
        judge_report(judge,
                     (struct access_violation){ .rule = RESIDENCY_GUEST_CACHE_CONTROL,
                                                .mode = judge->mode, .type = MEMORY_NONE,
                                                .address = UINT64_MAX });
    judge_report_cache(judge, rules[what], UINT64_MAX, MEMORY_NONE);
}

/* How deep in calls of page_seal the next instruction is. */
static void follow_seal(struct access_judge *judge, const struct access_line *next)
{
    if (next->linear == judge->settings.page_seal) {
        judge->seal_depth = 1;
        judge->homes.since = next->instant;
    } else if (judge->seal_depth != 0 && judge->now.instruction == INSTRUCTION_CALL) {
        judge->seal_depth++;
    } else if (judge->seal_depth != 0 && judge->now.instruction == INSTRUCTION_RETURN) {
        if (--judge->seal_depth == 0) {
            homes_settle(&judge->homes, false);
            judge->homes.since = 0;
        }
    }
}

static void judge_instruction(struct access_judge *judge, const struct access_line *line)
{
    struct access_window *window = &judge->windows[judge->window_count - 1];

    if (judge->now.instruction == INSTRUCTION_ENTRY)
        judge->mode = MODE_GUEST;
    if (judge->mode == MODE_GUEST && is_text(judge, line))
        judge->mode = MODE_HOST;
    else
        judge_flush(judge, line);
    judge_walks(judge);     /* of this instruction's fetch, too */
    if (judge->mode == MODE_HOST)
        follow_seal(judge, line);
    judge->now = *line;

    judge->totals.instructions++;
    window->instructions++;
    if (window->first_instant == 0)
        window->first_instant = line->instant;
    if (judge->mode == MODE_GUEST) {
        judge->totals.guest_instructions++;
        window->guest_instructions++;
        judge->totals.blind_instructions += !line->has_linear;
        if (is_private(judge, line->physical))
            judge_report_at(judge, RESIDENCY_NESTED_MAPPING, line, 0);
    } else if (!line->has_linear) {
        judge->totals.unknown_lines++;
    } else if (!within(judge->settings.region, line->physical)) {
        judge_report_at(judge, RESIDENCY_HOST_FETCH, line, 0);
    }
    if (line->instruction == INSTRUCTION_ENTRY) {
        judge->totals.entries++;
        homes_settle(&judge->homes, false);
    }
}

/* MARK: windows */

static void begin_window(struct access_judge *judge)
{
    if (judge->in_window || judge->window_count == WINDOWS) {
        judge->totals.unknown_lines++;
        return;
    }
    judge->windows[judge->window_count++] = (struct access_window){ .start = judge->breakpoint };
    judge->in_window = true;
    judge->in_freeze = judge->breakpoint == judge->settings.freeze;
    /* Every breakpoint lies in the hypervisor. */
    judge->mode = MODE_HOST;
    judge->seal_depth = judge->breakpoint == judge->settings.page_seal;
    judge->now = (struct access_line){ .linear = judge->breakpoint, .instant = judge->stop };
    judge->homes.since = 0;
    judge->walk_count = 0;
    judge->breakpoint = 0;
}

static void finish_freeze(struct access_judge *judge)
{
    struct access_totals *totals = &judge->totals;
    uint64_t first = UINT64_MAX;

    totals->filled_lines = 0;
    for (uint64_t i = 0; i < totals->region_lines; i++) {
        totals->filled_lines += judge->filled[i];
        if (!judge->filled[i] && first == UINT64_MAX)
            first = judge->settings.region.base + i * LINE_BYTES;
    }
    judge->in_freeze = false;
    judge->is_frozen = totals->has_freeze = true;
    if (first != UINT64_MAX)
        judge_report(judge,
                     (struct access_violation){ .rule = RESIDENCY_NEVER_FROZEN, .mode = MODE_HOST,
                                                .type = MEMORY_NONE, .address = first });
}

static void end_window(struct access_judge *judge)
{
    if (!judge->in_window)
        return;
    judge_walks(judge);
    if (judge->in_freeze)
        finish_freeze(judge);
    homes_settle(&judge->homes, judge->seal_depth != 0);
    judge->in_window = false;
}

/* MARK: text */

static void judge_line(struct access_judge *judge, const char *text, size_t bytes)
{
    struct access_line line;

    access_line_read(&line, text, bytes);
    judge->totals.lines++;
    switch (line.kind) {
    case LINE_BREAKPOINT:
        judge->breakpoint = line.linear;
        break;
    case LINE_STOP:
        judge->stop = line.instant;
        break;
    case LINE_TRACE_ON:
        begin_window(judge);
        break;
    case LINE_TRACE_OFF:
        end_window(judge);
        break;
    case LINE_INSTRUCTION:
        if (judge->in_window)
            judge_instruction(judge, &line);
        break;
    case LINE_READ:
    case LINE_WRITE:
    case LINE_MODIFY:
        if (!judge->in_window)
            break;
        judge->windows[judge->window_count - 1].accesses++;
        if (line.tag == TAG_NONE)
            judge_access(judge, &line);
        else
            judge_own(judge, &line);
        break;
    case LINE_UNKNOWN:
        judge->totals.unknown_lines++;
        break;
    case LINE_TALK:
        break;
    }
}

void access_judge_feed(struct access_judge *judge, const char *text, size_t bytes)
{
    const char *end = text + bytes;

    while (text < end) {
        const char *stop = memchr(text, '\n', (size_t)(end - text));
        size_t part = (size_t)((stop != NULL ? stop : end) - text);

        if (stop != NULL && judge->kept == 0) {
            judge_line(judge, text, part);
        } else {
            size_t room = sizeof judge->line - judge->kept, taken = part < room ? part : room;

            memcpy(judge->line + judge->kept, text, taken);
            judge->kept += taken;
            if (stop != NULL) {
                judge_line(judge, judge->line, judge->kept);
                judge->kept = 0;
            }
        }
        text += part + (stop != NULL);
    }
}

void access_judge_end(struct access_judge *judge)
{
    judge->totals.is_cut = judge->in_window;
    end_window(judge);
}

/* MARK: making, asking */

struct access_judge *access_judge_make(const struct access_settings *settings,
                                       void (*explain)(void *, const struct access_home *),
                                       void *context)
{
    struct access_judge *judge = calloc(1, sizeof *judge);
    uint64_t bytes = settings->region.end - settings->region.base;

    if (judge == NULL)
        return NULL;
    judge->settings = *settings;
    judge->totals.region_lines = bytes / LINE_BYTES;
    judge->region = calloc(1, bytes);
    judge->region_known = calloc(1, bytes);
    judge->stored = calloc(bytes / ENTRY_BYTES, sizeof *judge->stored);
    judge->filled = calloc(1, judge->totals.region_lines);
    judge->leaves = calloc(1, bytes / PAGE_BYTES);
    judge->homes = (struct homes){ .explain = explain, .context = context };
    if (judge->region == NULL || judge->region_known == NULL || judge->stored == NULL
        || judge->filled == NULL ||
        judge->leaves == NULL) {
        access_judge_free(judge);
        return NULL;
    }
    return judge;
}

void access_judge_free(struct access_judge *judge)
{
    if (judge == NULL)
        return;
    free(judge->region);
    free(judge->region_known);
    free(judge->stored);
    free(judge->filled);
    free(judge->leaves);
    free(judge);
}

const struct access_totals *access_judge_totals(const struct access_judge *judge)
{
    return &judge->totals;
}

const struct access_violation *
access_judge_violations(const struct access_judge *judge, size_t *count)
{
    *count = judge->violation_count;
    return judge->violations;
}

const struct access_window *access_judge_windows(const struct access_judge *judge, size_t *count)
{
    *count = judge->window_count;
    return judge->windows;
}

bool access_judge_entry(const struct access_judge *judge, uint64_t offset, struct page_entry *entry,
                        uint64_t *instant)
{
    const uint8_t *known = judge->region_known + offset;
    const size_t   next = offsetof(struct page_entry, next), tag = offsetof(struct page_entry, tag);

    if (offset + ENTRY_BYTES > judge->settings.region.end - judge->settings.region.base ||
        memchr(known, 0, next) != NULL || memchr(known + tag, 0, ENTRY_BYTES - tag) != NULL)
        return false;
    memcpy(entry, judge->region + offset, sizeof *entry);
    *instant = judge->stored[offset / ENTRY_BYTES];
    return true;
}
