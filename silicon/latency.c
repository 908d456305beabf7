/* latency.c — cycles of single reads, and misses by the CPU's own counter.
 *
 * source  Intel SDM (325462) vol 3, "Pre-defined Architectural Performance Events": LLC Misses,
 *         event 2Eh, mask 41h; AMD PPR family 19h model 21h (56214), PMCx043 "Demand Data Cache
 *         Fills by Data Source": from DRAM or IO, near 08h, far 40h [recalled; Linux has the same]
 */
#include "experiments.h"
#include "marks.h"

#define BUCKETS       4096u         /* of one cycle; the last has all above */
#define TRIES         5u
#define FLUSHED_LINES 1024u
#define SWEEPS        1000u
#define EVENT_LLC_MISSES 0x412Eu
#define EVENT_DRAM_FILLS 0x4843u
#define EVENT_COUNT   (BIT(16) | BIT(17) | BIT(22))     /* all rings, enabled */
#define CPUID_MONITOR 0xAu          /* Intel: performance monitoring */
#define NO_LLC_MISSES BIT(4)        /* EBX: the event is not there */

static uint32_t buckets[BUCKETS];

static inline void flush(uint64_t line)
{
    asm volatile("clflush (%0)" : : "r"(mark_line(REGION, line)) : "memory");
}

static inline uint64_t time_read(uint64_t line)
{
    volatile uint64_t *at = mark_line(REGION, line);
    asm volatile("mfence; lfence" : : : "memory");
    uint64_t begun = rdtsc();
    asm volatile("lfence; mov (%0), %%rax; lfence" : : "r"(at) : "rax", "memory");
    return rdtsc() - begun;
}

static void note(uint64_t cycles)
{
    buckets[cycles < BUCKETS ? cycles : BUCKETS - 1]++;
}

static void forget(void)
{
    for (uint32_t i = 0; i < BUCKETS; i++)
        buckets[i] = 0;
}

/* The smallest number of cycles that so many reads took at most. */
static uint64_t cycles_of(uint64_t reads)
{
    uint64_t seen = 0, i = 0;
    for (; i < BUCKETS - 1; i++) {
        seen += buckets[i];
        if (seen >= reads)
            break;
    }
    return i;
}

static uint64_t slower_than(uint64_t cycles)
{
    uint64_t count = 0;
    for (uint64_t i = cycles; i < BUCKETS; i++)
        count += buckets[i];
    return count;
}

static void read_all(uint64_t lines)
{
    forget();
    for (uint64_t i = 0; i < lines; i++)
        note(time_read(scattered(i, lines)));
}

/* A line that is missing would be missing each time; what an SMI or a refresh delays would not. */
void measure_latency(void)
{
    uint64_t lines = region_bytes / LINE_BYTES;
    marks_freeze(region_bytes, false);
    forget();
    for (uint64_t i = 0; i < FLUSHED_LINES; i++) {
        uint64_t line = scattered(i, lines);
        flush(line);
        note(time_read(line));
    }
    values[4] = cycles_of(FLUSHED_LINES / 20);
    values[5] = cycles_of(FLUSHED_LINES / 2);
    values[0] = values[6] = lines;
    for (uint32_t i = 0; i < TRIES; i++) {
        marks_freeze(region_bytes, false);
        read_all(lines);
        uint64_t slow = slower_than(values[4]);
        if (slow > values[6])
            continue;
        values[1] = cycles_of(1);
        values[2] = cycles_of(lines / 2);
        values[3] = cycles_of(lines);
        values[6] = slow;
    }
}

/* Hits under CR0.CD=1 are the cache's on Intel; on AMD the line is gone, and so is the code. */
void measure_cd(void)
{
    uint64_t lines = region_bytes / LINE_BYTES;
    marks_freeze(region_bytes, false);
    write_cr0((read_cr0() | CR0_CD) & ~CR0_NW);
    read_all(lines);
    values[0] = lines;
    values[1] = cycles_of(1);
    values[2] = cycles_of(lines / 2);
    values[3] = cycles_of(lines);
}

/* ---- misses ---- */

static uint32_t family(void)
{
    uint32_t eax = cpuid(CPUID_FEATURES, 0).eax, base = eax >> 8 & 0xF;
    return base == 0xF ? base + (eax >> 20 & 0xFF) : base;
}

bool has_misses(void)
{
    if (is_amd())
        return family() >= 0x19;
    struct cpuid leaf = cpuid(CPUID_MONITOR, 0);
    return cpuid(CPUID_VENDOR, 0).eax >= CPUID_MONITOR && (leaf.eax & 0xFF) != 0 &&
           leaf.eax >> 24 > 4 && !(leaf.ebx & NO_LLC_MISSES);
}

static uint64_t count_sweeps(uint64_t sweeps, uint64_t lines, bool flushed)
{
    uint32_t counter = is_amd() ? MSR_PERF_CTL0 + 1 : MSR_PMC0;
    uint64_t before = msr_read(counter);
    for (uint64_t sweep = 0; sweep < sweeps; sweep++)
        for (uint64_t i = 0; i < lines; i++) {
            if (flushed) {
                flush(scattered(i, lines));
                asm volatile("mfence" : : : "memory");
            }
            asm volatile("mov (%0), %%rax"
                         : : "r"(mark_line(REGION, scattered(i, lines))) : "rax", "memory");
        }
    return msr_read(counter) - before;
}

void measure_misses(void)
{
    uint64_t lines = region_bytes / LINE_BYTES;
    marks_freeze(region_bytes, false);
    msr_write(is_amd() ? MSR_PERF_CTL0 : MSR_PERFEVTSEL0,
              EVENT_COUNT | (is_amd() ? EVENT_DRAM_FILLS : EVENT_LLC_MISSES));
    if (!is_amd() && (cpuid(CPUID_MONITOR, 0).eax & 0xFF) > 1)
        msr_write(MSR_PERF_GLOBAL_CTRL, 1);
    values[0] = lines;
    values[1] = SWEEPS;
    values[2] = count_sweeps(SWEEPS, lines, false);
    values[3] = count_sweeps(1, lines, true);
    msr_write(is_amd() ? MSR_PERF_CTL0 : MSR_PERFEVTSEL0, 0);
}
