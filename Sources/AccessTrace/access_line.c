#include "access_line.h"

#include <stdbool.h>
#include <string.h>

struct cursor {
    const char *at, *end;
};

static bool take(struct cursor *cursor, const char *words)
{
    size_t length = strlen(words);

    if ((size_t)(cursor->end - cursor->at) < length || memcmp(cursor->at, words, length) != 0)
        return false;
    cursor->at += length;
    return true;
}

static int digit(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A'
        && c <= 'F' ? c - 'A' + 10 : -1;
}

static bool number(struct cursor *cursor, unsigned base, uint64_t *value)
{
    const char *start = cursor->at;

    for (*value = 0; cursor->at < cursor->end; cursor->at++) {
        int d = digit(*cursor->at);

        if (d < 0 || (unsigned)d >= base)
            break;
        *value = *value * base + (unsigned)d;
    }
    return cursor->at > start;
}

/* MARK: of instructions */

static const struct { const char *name; enum access_instruction instruction; } instructions[] = {
    { "vmrun", INSTRUCTION_ENTRY }, { "vmlaunch", INSTRUCTION_ENTRY },
        { "vmresume", INSTRUCTION_ENTRY },
    { "call", INSTRUCTION_CALL }, { "ret", INSTRUCTION_RETURN },
    { "wbinvd", INSTRUCTION_WBINVD }, { "wbnoinvd", INSTRUCTION_WBNOINVD },
        { "invd", INSTRUCTION_INVD },
    { "clflush", INSTRUCTION_CLFLUSH }, { "clflushopt", INSTRUCTION_CLFLUSH },
        { "clwb", INSTRUCTION_CLWB },
    { "cldemote", INSTRUCTION_CLDEMOTE },
    { "movnti", INSTRUCTION_NT_STORE }, { "movntq", INSTRUCTION_NT_STORE },
        { "movntdq", INSTRUCTION_NT_STORE },
    { "movntps", INSTRUCTION_NT_STORE }, { "movntpd", INSTRUCTION_NT_STORE },
    { "vmovntdq", INSTRUCTION_NT_STORE }, { "vmovntps", INSTRUCTION_NT_STORE },
        { "vmovntpd", INSTRUCTION_NT_STORE },
    { "maskmovq", INSTRUCTION_NT_STORE }, { "maskmovdqu", INSTRUCTION_NT_STORE },
    { "vmaskmovdqu", INSTRUCTION_NT_STORE },
};

static enum access_instruction instruction_named(const char *name, size_t length)
{
    /* Nearly all begin otherwise. */
    if (length < 3 || memchr("cimrvw", name[0], 6) == NULL)
        return INSTRUCTION_OTHER;
    for (size_t i = 0; i < sizeof instructions / sizeof instructions[0]; i++)
        if (strlen(instructions[i].name) == length
            && memcmp(instructions[i].name, name, length) == 0)
            return instructions[i].instruction;
    return INSTRUCTION_OTHER;
}

/* `(0).[` was taken. */
static bool read_instruction(struct access_line *line, struct cursor *cursor)
{
    uint64_t selector;

    line->kind = LINE_INSTRUCTION;
    line->physical = UINT64_MAX;
    if (!number(cursor, 10, &line->instant))
        return false;
    if (take(cursor, "] ???"))
        return true;
    if (!take(cursor, "] [0x") || !number(cursor, 16, &line->physical) ||
        !take(cursor, "] ") || !number(cursor, 16, &selector) || !take(cursor, ":") ||
        !number(cursor, 16, &line->linear) || !take(cursor, " ("))
        return false;
    line->has_linear = 1;

    const char *name = memchr(cursor->at, ')', (size_t)(cursor->end - cursor->at));
    if (name == NULL || cursor->end - name < 3 || name[1] != ':')
        return false;
    name += 3;
    const char *end = memchr(name, ' ', (size_t)(cursor->end - name));
    if (end == NULL)
        return false;
    line->instruction = instruction_named(name, (size_t)(end - name));

    const char *code = cursor->end;
    while (code > end && digit(code[-1]) >= 0)
        code--;
    line->bytes = (uint8_t)((cursor->end - code) / 2);
    return line->bytes != 0 && code[-1] == ' ';
}

/* MARK: of accesses */

static const struct { const char *name; enum memory_type type; } types[] = {
    { "WB", MEMORY_WB }, { "WC", MEMORY_WC }, { "UC-", MEMORY_UC }, { "UC", MEMORY_UC },
        { "WT", MEMORY_WT },
    { "WP", MEMORY_WP }, { "INVALID", MEMORY_NONE },
};

static const struct { const char *name; enum access_tag tag; uint8_t level; } tags[] = {
    { "PTE", TAG_WALK, 1 }, { "PDE", TAG_WALK, 2 }, { "PDPTE", TAG_WALK, 3 },
        { "PML4E", TAG_WALK, 4 },
    { "PML5E", TAG_WALK, 5 }, { "EPT PTE", TAG_EPT, 1 }, { "EPT PDE", TAG_EPT, 2 },
        { "EPT PDPTE", TAG_EPT, 3 },
    { "EPT PML4E", TAG_EPT, 4 },
};

static void name_tag(struct access_line *line, const char *name, size_t length)
{
    line->tag = TAG_CONTROL;
    for (size_t i = 0; i < sizeof tags / sizeof tags[0]; i++)
        if (strlen(tags[i].name) == length && memcmp(tags[i].name, name, length) == 0) {
            line->tag = tags[i].tag;
            line->level = tags[i].level;
        }
}

static bool read_type(struct access_line *line, struct cursor *cursor)
{
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
        if (take(cursor, types[i].name)) {
            line->type = types[i].type;
            return true;
        }
    return false;
}

/* Words of up to four bytes, the most significant first. */
static bool read_data(struct access_line *line, struct cursor *cursor)
{
    uint32_t left = line->bytes;

    while (left > 0) {
        uint32_t part = left % 4 != 0 ? left % 4 : 4;
        uint64_t word;

        if (!take(cursor, " 0x") || !number(cursor, 16, &word))
            return false;
        left -= part;
        memcpy(line->data + left, &word, part);
    }
    return true;
}

/* `[CPU0 ` was taken. */
static bool read_access(struct access_line *line, struct cursor *cursor)
{
    uint64_t bytes;

    if (take(cursor, "RD"))
        line->kind = LINE_READ;
    else if (take(cursor, "WR"))
        line->kind = LINE_WRITE;
    else if (take(cursor, "RW"))
        line->kind = LINE_MODIFY;
    else
        return false;
    if (!take(cursor, "]: "))
        return false;
    if (take(cursor, "LIN 0x")) {
        line->has_linear = 1;
        if (!number(cursor, 16, &line->linear) || !take(cursor, " "))
            return false;
    }
    if (!take(cursor, "PHY 0x") || !number(cursor, 16, &line->physical)
        || !take(cursor, " (len=") ||
        !number(cursor, 10, &bytes) || bytes == 0 || bytes > sizeof line->data
            || !take(cursor, ", "))
        return false;
    line->bytes = (uint8_t)bytes;
    if (!read_type(line, cursor) || !take(cursor, "):") || !read_data(line, cursor))
        return false;
    if (take(cursor, "\t; "))
        name_tag(line, cursor->at, (size_t)(cursor->end - cursor->at));
    else if (cursor->at != cursor->end)
        return false;
    return true;
}

void access_line_read(struct access_line *line, const char *text, size_t bytes)
{
    struct cursor cursor = { text, text + bytes };

    *line = (struct access_line){ .kind = LINE_TALK, .type = MEMORY_NONE };
    if (take(&cursor, "(0).[")) {
        if (!read_instruction(line, &cursor))
            line->kind = LINE_UNKNOWN;
    } else if (take(&cursor, "[CPU")) {
        if (!take(&cursor, "0 ") || !read_access(line, &cursor))
            line->kind = LINE_UNKNOWN;
    } else if (take(&cursor, "Memory-Tracing enabled")) {
        line->kind = LINE_TRACE_ON;
    } else if (take(&cursor, "Memory-Tracing disabled")) {
        line->kind = LINE_TRACE_OFF;
    } else if (take(&cursor, "Next at t=")) {
        line->kind = number(&cursor, 10, &line->instant) ? LINE_STOP : LINE_UNKNOWN;
    } else if (take(&cursor, "(0) Breakpoint ")) {
        uint64_t identifier;

        line->kind = number(&cursor, 10, &identifier) && take(&cursor, ", 0x")
            && number(&cursor, 16, &line->linear)
                         ? LINE_BREAKPOINT
                         : LINE_UNKNOWN;
    }
}
