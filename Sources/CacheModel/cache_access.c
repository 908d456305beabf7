#include "cache_state.h"

/* The access that is being served. */
struct cause {
    uint64_t         tag;
    enum access_kind access;
    enum memory_type type;
};

static void count(struct cache_counters *counters, enum bus_kind kind)
{
    switch (kind) {
    case BUS_FILL: counters->fills++; break;
    case BUS_WRITE_BACK: counters->write_backs++; break;
    case BUS_READ: counters->reads++; break;
    case BUS_WRITE: counters->writes++; break;
    case BUS_DROP: counters->drops++; break;
    case BUS_LOSE: counters->losses++; break;
    case BUS_KINDS: break;
    }
}

static void report(struct cache_model *model, const struct bus_event *event)
{
    count(&model->counters, event->kind);
    model->rule_counts[event->rule]++;
    if (model->armed && event->address - model->watch.base < model->watch.bytes) {
        if (model->watch.violations++ == 0) {
            model->watch.first = *event;
            model->watch.first_piece = model->counters.pieces;
        }
    }
    if (model->config.listener)
        model->config.listener(model->config.context, event);
}

static void moved(struct cache_model *model, enum bus_kind kind, enum cache_rule rule,
                  uint64_t line,
                  const struct cause *cause)
{
    report(model, &(struct bus_event){
        .tag = cause->tag, .address = line << model->line_shift,
            .bytes = model->config.geometry.line_bytes,
        .kind = kind, .rule = rule, .access = cause->access, .type = cause->type });
}

static bool is_modified(const struct cache_model *model, size_t at)
{
    return sets_is_modified(&model->sets, at);
}

static void write_back(struct cache_model *model, size_t at, enum cache_rule rule,
                       const struct cause *cause)
{
    if (!is_modified(model, at))
        return;
    uint64_t line = model->sets.tags[at] >> 1;
    sets_put(&model->sets, at, line, false);
    moved(model, BUS_WRITE_BACK, rule, line, cause);
}

/* Write back if modified, and drop. */
static void leave(struct cache_model *model, size_t at, enum cache_rule rule,
                  const struct cause *cause)
{
    enum bus_kind kind = is_modified(model, at) ? BUS_WRITE_BACK : BUS_DROP;
    uint64_t      line = sets_take(&model->sets, at);

    moved(model, kind, rule, line, cause);
}

static void fill(struct cache_model *model, uint64_t line, bool write, enum cache_rule rule,
                 const struct cause *cause)
{
    size_t at = sets_room(&model->sets, line);

    if (model->sets.tags[at] != EMPTY)
        leave(model, at, is_modified(model, at) ? RULE_REPLACE_DIRTY : RULE_REPLACE_CLEAN, cause);
    sets_put(&model->sets, at, line, write);
    sets_touch(&model->sets, at, line);
    moved(model, BUS_FILL, rule, line, cause);
}

static enum memory_type range_type(struct cache_model *model, uint64_t address)
{
    uint64_t page = address >> PAGE_SHIFT;
    size_t   slot = page % TYPE_SLOTS;

    if (page < model->mapped_pages) {
        if (model->mapped_types[page] == MEMORY_NONE)
            model->mapped_types[page] = mtrr_type(&model->mtrrs, model->config.vendor, address);
        return (enum memory_type)model->mapped_types[page];
    }
    if (model->pages[slot] != page) {
        model->pages[slot] = page;
        model->page_types[slot] = mtrr_type(&model->mtrrs, model->config.vendor, address);
    }
    return (enum memory_type)model->page_types[slot];
}

static inline enum memory_type effective_type(struct cache_model *model,
                                              const struct cache_access *access)
{
    bool nested = model->config.vendor == CACHE_INTEL && access->nested_type != MEMORY_NONE;
    enum memory_type range = nested ? access->nested_type : range_type(model, access->address);

    if (range == MEMORY_WB && access->page_type == MEMORY_WB)
        return MEMORY_WB;       /* on both vendors, and most of the time */
    return memory_combined(model->config.vendor, range, access->page_type);
}

enum memory_type cache_type(struct cache_model *model, const struct cache_access *access)
{
    return effective_type(model, access);
}

static bool is_write(enum access_kind kind)
{
    return kind == ACCESS_WRITE || kind == ACCESS_WALK_WRITE || kind == ACCESS_NT_STORE;
}

/* A run of bytes within one line, and all that decides what happens to it. */
struct piece {
    uint64_t     address;
    uint64_t     line;
    size_t       at;
    uint32_t     bytes;
    bool         nested;
    struct cause cause;
};

static void past_cache(struct cache_model *model, const struct piece *piece, enum cache_rule rule)
{
    report(model, &(struct bus_event){
        .tag = piece->cause.tag, .address = piece->address, .bytes = piece->bytes,
        .kind = is_write(piece->cause.access) ? BUS_WRITE : BUS_READ, .rule = rule,
        .access = piece->cause.access, .type = piece->cause.type });
}

static bool cacheable(enum memory_type type)
{
    return type == MEMORY_WB || type == MEMORY_WT || type == MEMORY_WP;
}

/* If the cache must not serve this piece: true, and by which rules (`hit`: if it finds the line
 * cached). */
static bool bypasses(const struct cache_model *model, const struct piece *piece,
                     enum cache_rule *hit,
                     enum cache_rule *rule)
{
    enum memory_type type = piece->cause.type;
    bool amd = model->config.vendor == CACHE_AMD;

    if (model->disabled && !amd && piece->nested)
        *hit = RULE_INTEL_NESTED_CD_HIT, *rule = RULE_INTEL_NESTED_CD;
    else if (type == MEMORY_WC || type == MEMORY_WC_PLUS)
        *hit = RULE_WC_HIT, *rule = RULE_WC;
    else if (!cacheable(type))
        *hit = RULE_UC_HIT, *rule = RULE_UC;
    else if (model->disabled && amd)
        *hit = RULE_AMD_CD_HIT, *rule = RULE_AMD_CD;
    else if (piece->cause.access == ACCESS_NT_STORE && type != MEMORY_WP)
        *hit = RULE_NT_HIT, *rule = RULE_NT_STORE;
    else
        return false;
    return true;
}

static void cached_read(struct cache_model *model, const struct piece *piece)
{
    if (piece->at != NOT_HELD) {
        model->counters.hits++;
        sets_touch(&model->sets, piece->at, piece->line);
    } else if (model->disabled)
        past_cache(model, piece, RULE_INTEL_NO_FILL);
    else
        fill(model, piece->line, false, RULE_FILL, &piece->cause);
}

static void cached_write(struct cache_model *model, const struct piece *piece)
{
    bool held = piece->at != NOT_HELD;

    if (piece->cause.type == MEMORY_WP) {
        if (held)
            leave(model, piece->at, RULE_WP_HIT, &piece->cause);
        past_cache(model, piece, RULE_WP_WRITE);
        return;
    }
    if (held) {
        model->counters.hits++;
        sets_touch(&model->sets, piece->at, piece->line);
    }
    if (piece->cause.type == MEMORY_WT) {
        if (held)
            write_back(model, piece->at, RULE_WT_MODIFIED, &piece->cause);
        past_cache(model, piece, RULE_WT_WRITE);
    } else if (held)
        sets_modify(&model->sets, piece->at, piece->line);
    else if (model->disabled)
        past_cache(model, piece, RULE_INTEL_NO_FILL);
    else
        fill(model, piece->line, true, RULE_WRITE_ALLOCATE, &piece->cause);
}

/* CLFLUSH, CLWB, CLDEMOTE and prefetch: true if the piece was one of them. */
static bool line_instruction(struct cache_model *model, const struct piece *piece)
{
    bool held = piece->at != NOT_HELD;

    switch (piece->cause.access) {
    case ACCESS_CLFLUSH:
        if (held)
            leave(model, piece->at, RULE_CLFLUSH, &piece->cause);
        return true;
    case ACCESS_CLDEMOTE:
        if (held)
            leave(model, piece->at, RULE_CLDEMOTE, &piece->cause);
        return true;
    case ACCESS_CLWB:
        if (held)
            write_back(model, piece->at, RULE_CLWB, &piece->cause);
        return true;
    case ACCESS_PREFETCH:
        if (!held && cacheable(piece->cause.type) && !model->disabled)
            fill(model, piece->line, false, RULE_PREFETCH, &piece->cause);
        return true;
    default:
        return false;
    }
}

static __attribute__((noinline)) void serve(struct cache_model *model, const struct piece *piece)
{
    enum cache_rule hit, rule;

    if (line_instruction(model, piece))
        return;
    if (bypasses(model, piece, &hit, &rule)) {
        if (piece->at != NOT_HELD)
            leave(model, piece->at, hit, &piece->cause);
        past_cache(model, piece, rule);
    } else if (is_write(piece->cause.access))
        cached_write(model, piece);
    else
        cached_read(model, piece);
}

/* Which kinds a hit on WB memory with CR0.CD = 0 ends at once. */
static bool is_plain(enum access_kind kind)
{
    return kind <= ACCESS_WALK_WRITE;
}

/* One line's share of an access. */
static inline void access_line(struct cache_model *model, const struct cache_access *part)
{
    uint64_t line = part->address >> model->line_shift;
    size_t   at = sets_find(&model->sets, line);
    enum memory_type type = effective_type(model, part);

    model->counters.pieces++;
    if (at != NOT_HELD && type == MEMORY_WB && !model->disabled && is_plain(part->kind)) {
        model->counters.hits++;
        sets_touch(&model->sets, at, line);
        if (is_write(part->kind))
            sets_modify(&model->sets, at, line);
    } else
        serve(model, &(struct piece){
            .address = part->address, .line = line, .at = at, .bytes = part->bytes,
            .nested = part->nested_type != MEMORY_NONE,
            .cause = { .tag = part->tag, .access = part->kind, .type = type } });
}

void cache_access(struct cache_model *model, const struct cache_access *access)
{
    struct cache_access part = *access;
    uint64_t            end = access->address + access->bytes;
    uint64_t            size = model->config.geometry.line_bytes;

    if (access->kind >= ACCESS_WBINVD)
        return;
    if (access->kind >= ACCESS_CLFLUSH)         /* a line, whatever the operand's size */
        end = part.address + 1;
    while (part.address < end) {
        uint64_t next = (part.address | (size - 1)) + 1;

        part.bytes = (uint32_t)((next < end ? next : end) - part.address);
        access_line(model, &part);
        part.address = next;
    }
}

void cache_all(struct cache_model *model, enum access_kind kind, uint64_t tag)
{
    struct cause    cause = { .tag = tag, .access = kind, .type = MEMORY_NONE };
    bool            lose = kind == ACCESS_INVD && !model->invd_writes_back;
    enum cache_rule rule = lose ? RULE_INVD : kind == ACCESS_INVD
        ? RULE_AMD_INVD_WBINVD : RULE_WBINVD;

    if (kind < ACCESS_WBINVD || kind > ACCESS_INVD)
        return;
    for (size_t at = 0; at < (model->sets.mask + 1) * model->sets.ways; at++) {
        if (model->sets.tags[at] == EMPTY)
            continue;
        if (kind == ACCESS_WBNOINVD)
            write_back(model, at, RULE_WBNOINVD, &cause);
        else if (lose && is_modified(model, at)) {
            moved(model, BUS_LOSE, RULE_INVD, sets_take(&model->sets, at), &cause);
        } else
            leave(model, at, rule, &cause);
    }
}
