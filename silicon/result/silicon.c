#include "silicon.h"

/* What became of a line's marker in DRAM once INVD had dropped all caches. `kept`: it has what was
 * written before the freeze, so nothing of it went out since. `written`: what only the cache should
 * have had. */
#define MARKS "lines kept written other"

static const struct silicon_line lines[SILICON_ROWS] = {
    [ROW_CPU] = {"cpu", "highest ebx edx ecx", 1, "CPUID leaf 0: the highest leaf, the vendor", 0},
    [ROW_LEAF] = {"leaf", "leaf subleaf eax ebx ecx edx", 24, "a leaf of CPUID", 0},
    [ROW_BRAND] = {"brand", "part eax ebx ecx edx", 3, "the CPU's name", "CPUID has no name"},
    [ROW_CLOCK] = {"clock", "hertz", 1, "the time-stamp counter in a second of the RTC",
                   "the RTC stands still"},
    [ROW_BOOT] = {"boot", "uefi screen cache region", 1,
                  "how it was started, what shows it, and the sizes that are tested", 0},
    [ROW_MSR] = {"msr", "number value", 64, "a register as the firmware left it", 0},
    [ROW_GUARD_FAULT] = {"guard.fault", "", 1, "control: an instruction that faults on purpose", 0},
    [ROW_GUARD_HANG] = {"guard.hang", "", 1, "control: a loop without end",
                        "there is no local APIC, or no clock to set it by"},
    [ROW_LATENCY] = {"latency", "lines low median high dram-low dram-median slow", 1,
                     "cycles of a read of each line in random order, and of one that was flushed",
                     "CPUID has no CLFLUSH"},
    [ROW_MISSES] = {"misses", "lines sweeps misses control", 1,
                    "misses of the last cache by its counter, and with each line flushed before",
                    "no counter of misses whose number a manual gives"},
    [ROW_INVD] = {"invd", "bytes " MARKS, 10, "fit: each line dirtied, read, then INVD", 0},
    [ROW_THRASH] = {"thrash", "bytes " MARKS, 1,
                    "control: so many bytes of other write-back memory read, then INVD",
                    "64 MiB of RAM from 4000000h on are not free"},
    [ROW_CLFLUSH] = {"clflush", MARKS, 1, "control: each line flushed, then INVD",
                     "CPUID has no CLFLUSH"},
    [ROW_NTSTORE] = {"ntstore", MARKS, 1,
                     "MOVNTI of another marker (`other`) to each line, then INVD", 0},
    [ROW_CLDEMOTE] = {"cldemote", MARKS, 1, "CLDEMOTE of each line, then INVD",
                      "CPUID has no CLDEMOTE"},
    [ROW_UCALIAS] = {"ucalias", MARKS, 1,
                     "each line read through an uncacheable mapping, then INVD", 0},
    [ROW_REPMOVS] = {"repmovs", MARKS, 1, "REP MOVSB over half of the lines, then INVD", 0},
    [ROW_CODE] = {"code", "ran " MARKS, 1, "each line's code replaced and run, then INVD", 0},
    [ROW_CD_READ] = {"cd.read", MARKS, 1, "CR0.CD=1, each line read, then INVD", 0},
    [ROW_CD_WRITE] = {"cd.write", MARKS, 1,
                      "CR0.CD=1, another marker (`other`) written to each line, then INVD", 0},
    [ROW_CD_LATE] = {"cd.late", MARKS, 1,
                     "control: CR0.CD=1 and only then each line written, then INVD", 0},
    [ROW_CD_TIME] = {"cd.time", "lines low median high", 1,
                     "cycles of a read of each line under CR0.CD=1, in random order", 0},
    [ROW_CAT] = {"cat", "ways mask bytes " MARKS, 1,
                 "a region in its own ways of L3, other memory read in the others, then INVD",
                 "CPUID has no allocation of L3, or there is no memory to read"},
    [ROW_SMI] = {"smi", "counted before after cycles", 1,
                 "the port of SMIs written, with Intel's count before and after",
                 "the FADT names no port of SMIs"},
    [ROW_SMI_INVD] = {"smi.invd", MARKS, 1, "the same over a frozen region, then INVD",
                      "the FADT names no port of SMIs"},
    [ROW_EPT] = {"ept", "", 1, "CR0.CD=1 under nested paging", "needs a guest under VMX"},
    [ROW_MISSPATH] = {"misspath", "", 1, "the cycles of a page miss, homes write-combining",
                      "needs the hypervisor"},
};

static const char *const words[SILICON_OUTCOMES] = {
    [SILICON_OK] = "ok", [SILICON_FAULT] = "fault", [SILICON_HUNG] = "hung",
    [SILICON_ABSENT] = "absent", [SILICON_UNBUILT] = "unbuilt",
};

const struct silicon_line *silicon_line(uint32_t row)
{
    return row < SILICON_ROWS ? &lines[row] : NULL;
}

const char *silicon_outcome_word(uint32_t outcome)
{
    return outcome < SILICON_OUTCOMES ? words[outcome] : NULL;
}

uint32_t silicon_value_count(const struct silicon_line *line, uint32_t outcome)
{
    if (outcome == SILICON_FAULT)
        return 3;
    if (outcome != SILICON_OK || line->fields[0] == 0)
        return 0;
    uint32_t count = 1;
    for (const char *at = line->fields; *at != 0; at++)
        count += *at == ' ';
    return count;
}
