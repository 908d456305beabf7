/* cache_model.h — one level of cache: which line moves between it and DRAM, and by which rule.
 *
 * Pure and deterministic: no I/O, no allocation after cache_create. Not reentrant. The caller feeds
 * physical accesses and control changes in program order; the model calls back for each movement,
 * just after it, before the access that caused it returns. The listener may ask (line states,
 * counters) but not access. The model keeps no data, only which lines are held and which of them
 * are modified.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cache_rules.h"
#include "memory_type.h"

/* How far an address tells its set.
 *
 *   PLAIN    the low bits of the line number: sets x ways
 *   SLICED   those bits tell the set inside a slice, an unknown hash tells the slice. Every line is
 *            taken to be in the same slice, so one slice is all there is
 *   UNKNOWN  nothing is known. Every line is taken to be in the same set, so `ways` lines are all
 *   there is
 *
 * Why that is the safe side: docs/design/cache-model.md, "Hashed slices".
 */
enum cache_index : uint8_t { CACHE_INDEX_PLAIN, CACHE_INDEX_SLICED, CACHE_INDEX_UNKNOWN };

enum cache_replacement : uint8_t { CACHE_TRUE_LRU, CACHE_TREE_PLRU, CACHE_RANDOM };

struct cache_geometry {
    uint32_t               line_bytes;  /* power of two, 16 to 4096 */
    uint32_t               sets;        /* of one slice; power of two */
    uint32_t               ways;        /* 1 to 64; a power of two for tree-PLRU */
    uint32_t               slices;      /* 1 unless the index is SLICED or UNKNOWN */
    enum cache_index       index;
    enum cache_replacement replacement;
};

/* What the silicon has, and what of it a region may count on. */
uint64_t cache_nominal_bytes(struct cache_geometry geometry);
uint64_t cache_usable_bytes(struct cache_geometry geometry);
bool     cache_geometry_valid(struct cache_geometry geometry);

enum access_kind : uint8_t {
    ACCESS_READ,
    ACCESS_WRITE,
    ACCESS_FETCH,           /* of instructions */
    ACCESS_WALK,            /* page walk, reading an entry */
    ACCESS_WALK_WRITE,      /* page walk, setting accessed or dirty */
    ACCESS_NT_STORE,
    ACCESS_PREFETCH,
    ACCESS_CLFLUSH,         /* and CLFLUSHOPT; these three act on the line of `address` */
    ACCESS_CLWB,
    ACCESS_CLDEMOTE,
    ACCESS_WBINVD,          /* these three are for cache_all, not cache_access */
    ACCESS_WBNOINVD,
    ACCESS_INVD,
};

struct cache_access {
    uint64_t         address;       /* physical */
    uint64_t         tag;           /* the caller's, such as an instruction; returned in events */
    uint32_t         bytes;         /* physically contiguous: a caller splits at page boundaries */
    enum access_kind kind;
    enum memory_type page_type;     /* of the mapping,
        by the PAT; WB where paging is off. On AMD with nested paging:
                                       the guest's and host's types, already combined */
    enum memory_type nested_type;   /* Intel: the EPT entry's type, which stands in for the MTRRs;
                                       else NONE */
};

enum bus_kind : uint8_t {
    BUS_FILL,               /* DRAM to cache */
    BUS_WRITE_BACK,         /* cache to DRAM; whether the line stays follows from the rule */
    BUS_READ,               /* DRAM to CPU, past the cache */
    BUS_WRITE,              /* CPU to DRAM, past or through the cache */
    BUS_DROP,               /* a clean line left the cache: no transfer */
    BUS_LOSE,               /* a modified line was dropped without a transfer: DRAM keeps the older
                               data */
    BUS_KINDS,
};

struct bus_event {
    uint64_t         tag;
    uint64_t         address;       /* of the line; for READ and WRITE of the first byte */
    uint32_t         bytes;         /* the line's; for READ and WRITE those of the access within the
                                       line */
    enum bus_kind    kind;
    enum cache_rule  rule;
    enum access_kind access;
    enum memory_type type;          /* effective type of the access; NONE: none was asked for */
};

typedef void (*bus_listener)(void *context, const struct bus_event *event);

struct cache_config {
    struct cache_geometry geometry;
    enum cache_vendor     vendor;
    uint64_t              seed;     /* of random replacement */
    uint64_t              mapped_bytes;     /* lines of addresses below it are found by a table,
        a byte each, not by
                                               search: faster, and all that it changes */
    bus_listener          listener; /* NULL: count only */
    void                 *context;
};

struct cache_counters {
    uint64_t pieces;                /* accesses, each counted once per line that it touches */
    uint64_t hits;                  /* pieces that were served by the cache alone, or wrote through
                                       it */
    uint64_t fills;
    uint64_t write_backs;
    uint64_t reads;
    uint64_t writes;
    uint64_t drops;
    uint64_t losses;
};

struct cache_model;

/* After reset: cache empty, CR0.CD = 0, MTRRs off, so everything is uncacheable. NULL: bad geometry
 * or no memory. */
struct cache_model *cache_create(const struct cache_config *config);
void                cache_destroy(struct cache_model *model);

void cache_access(struct cache_model *model, const struct cache_access *access);
/* WBINVD, WBNOINVD, INVD; any other kind does nothing. */
void cache_all(struct cache_model *model, enum access_kind kind, uint64_t tag);

#define CR0_CD       (UINT64_C(1) << 30)
#define MSR_AMD_HWCR 0xC0010015u    /* bit 4, INVD_WBINVD */

void cache_write_cr0(struct cache_model *model, uint64_t cr0);  /* NW: ignored, as by CPUs */
/* MTRRs, and on AMD SYSCFG, TOP_MEM2 and HWCR; false and no effect for any other. */
bool cache_write_msr(struct cache_model *model, uint32_t msr, uint64_t value);

enum line_state : uint8_t { LINE_ABSENT, LINE_CLEAN, LINE_MODIFIED };
/* MODIFIED: DRAM is stale for this line. Asking is not an access. */
enum line_state  cache_line_state(const struct cache_model *model, uint64_t address);
/* The type that this access would have, CR0.CD aside. */
enum memory_type cache_type(struct cache_model *model, const struct cache_access *access);

struct cache_counters cache_counters(const struct cache_model *model);
uint64_t              cache_rule_count(const struct cache_model *model, enum cache_rule rule);

/* The frozen region. Once armed, every movement of one of its lines is a violation, a fill too. */
struct watch_report {
    uint64_t         base;
    uint64_t         bytes;                 /* whole lines */
    uint64_t         lines;
    uint64_t         not_modified;          /* lines that were not held modified when the watch was
                                               armed */
    uint64_t         first_not_modified;    /* address; meaningless if there are none */
    uint64_t         violations;
    uint64_t         first_piece;           /* counters.pieces at the first violation */
    struct bus_event first;
};

/* Watches the lines that [base, base + bytes) touches and forgets an earlier watch. False if bytes
 * is 0. */
bool                cache_watch(struct cache_model *model, uint64_t base, uint64_t bytes);
struct watch_report cache_watch_report(const struct cache_model *model);
/* Armed, every line was modified then, and none has moved since. */
bool                cache_watch_holds(const struct cache_model *model);
