/* frozen.c — a region under `fit`, something that may write its lines back, INVD: DRAM tells
 * whether it did. */
#include "experiments.h"
#include "marks.h"

bool has_clflush(void)
{
    return cpuid(CPUID_FEATURES, 0).edx & BIT(19);
}

bool has_cldemote(void)
{
    return cpuid(CPUID_VENDOR, 0).eax >= CPUID_MORE_FEATURES &&
           cpuid(CPUID_MORE_FEATURES, 0).ecx & BIT(25);
}

/* Writes again what is there, so that each line stays modified: as a guest's pages are used. */
static void work(void)
{
    marks_read(region_bytes);
    marks_write(MARK_CACHE, region_bytes);
    marks_read(region_bytes);
}

void try_invd(void)
{
    marks_freeze(region_bytes, false);
    work();
    values[0] = region_bytes;
    marks_drop_and_count(region_bytes, values + 1);
}

void try_thrash(void)
{
    marks_freeze(region_bytes, true);
    for (uint64_t at = OTHER; at < OTHER + OTHER_BYTES; at += LINE_BYTES)
        (void)*(volatile uint64_t *)at;
    values[0] = OTHER_BYTES;
    marks_drop_and_count(region_bytes, values + 1);
}

#define FOR_EACH_LINE(at)                                                           \
    for (uint64_t at = REGION; at < REGION + region_bytes; at += LINE_BYTES)

void try_clflush(void)
{
    marks_freeze(region_bytes, false);
    FOR_EACH_LINE(at)
        asm volatile("clflush (%0)" : : "r"(at) : "memory");
    marks_drop_and_count(region_bytes, values);
}

void try_ntstore(void)
{
    marks_freeze(region_bytes, false);
    FOR_EACH_LINE(at)
        asm volatile("movnti %1, (%0)"
                     : : "r"(at), "r"(mark_of(MARK_OTHER, (at - REGION) / LINE_BYTES)) : "memory");
    asm volatile("sfence" : : : "memory");
    marks_drop_and_count(region_bytes, values);
}

void try_cldemote(void)
{
    marks_freeze(region_bytes, false);
    FOR_EACH_LINE(at)
        asm volatile("cldemote (%0)" : : "r"(at) : "memory");
    marks_drop_and_count(region_bytes, values);
}

void try_ucalias(void)
{
    marks_freeze(region_bytes, false);
    FOR_EACH_LINE(at)
        (void)*(volatile uint64_t *)(at - REGION + ALIAS);
    marks_drop_and_count(region_bytes, values);
}

/* The upper half over the lower: the marks there are `other` if they go out. */
void try_repmovs(void)
{
    uint64_t half = region_bytes / 2, to = REGION, from = REGION + half, count = half;
    marks_freeze(region_bytes, false);
    asm volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(count) : : "memory");
    marks_drop_and_count(region_bytes, values);
}

/* ---- code ---- */

#define MOV_EAX 0xB8u       /* and 32 bits */
#define RET     0xC3u

static void write_code(uint64_t mark, uint64_t lines)
{
    for (uint64_t i = 0; i < lines; i++)
        *mark_line(REGION, i) = MOV_EAX | (i * 4 + mark) << 8 | (uint64_t)RET << 40;
}

/* DRAM has one piece of code for each line, the cache another; the other runs. */
void try_code(void)
{
    uint64_t lines = region_bytes / LINE_BYTES, ran = 0, kept = 0, written = 0;
    memory_freeze(region_bytes, false);
    write_code(MARK_DRAM, lines);
    write_back_all();
    write_code(MARK_CACHE, lines);
    cpuid(CPUID_VENDOR, 0);         /* serialises: what was fetched before is fetched again */
    for (uint64_t i = 0; i < lines; i++) {
        uint32_t (*code)(void) = (uint32_t (*)(void))mark_line(REGION, i);
        ran += code() == i * 4 + MARK_CACHE;
    }
    asm volatile("mfence; invd" : : : "memory");
    for (uint64_t i = 0; i < lines; i++) {
        uint64_t found = *mark_line(REGION, i) >> 8 & UINT32_MAX;
        kept += found == i * 4 + MARK_DRAM;
        written += found == i * 4 + MARK_CACHE;
    }
    values[0] = ran;
    values[1] = lines;
    values[2] = kept;
    values[3] = written;
    values[4] = lines - kept - written;
}

/* ---- CR0.CD ---- */

static void caches_off(void)
{
    write_cr0((read_cr0() | CR0_CD) & ~CR0_NW);     /* and nothing is flushed */
}

void try_cd_read(void)
{
    marks_freeze(region_bytes, false);
    caches_off();
    marks_read(region_bytes);
    marks_drop_and_count(region_bytes, values);
}

void try_cd_write(void)
{
    marks_freeze(region_bytes, false);
    caches_off();
    marks_write(MARK_OTHER, region_bytes);
    marks_drop_and_count(region_bytes, values);
}

void try_cd_late(void)
{
    memory_freeze(region_bytes, false);
    marks_write(MARK_DRAM, region_bytes);
    write_back_all();
    caches_off();
    marks_write(MARK_CACHE, region_bytes);
    marks_drop_and_count(region_bytes, values);
}
