#include "residency_record.h"

#define APM "AMD APM vol 2 (24593), "

static const struct residency_rule_text texts[RESIDENCY_RULES] = {
    [RESIDENCY_CACHE_RULE] = { "cache-rule",
        "A line of the frozen region moved between cache and DRAM.",
        "the cache rule that is named with it" },
    [RESIDENCY_NEVER_FROZEN] = { "never-frozen",
        "A secret was drawn, or the guest entered, before every line of the frozen region was "
        "held modified.",
        "docs/design/freezing.md" },
    [RESIDENCY_FLUSH_UNKNOWN] = { "flush-unknown",
        "A cache-line instruction ran whose operand the plugin cannot read; it counts as one on "
        "the frozen region.",
        "AMD APM vol 3 (24594), CLFLUSH, CLFLUSHOPT, CLWB [chosen]" },
    [RESIDENCY_HOST_FETCH] = { "host-fetch",
        "The hypervisor fetched an instruction from DRAM.",
        "docs/glossary.md, frozen region" },
    [RESIDENCY_HOST_TABLE] = { "host-table",
        "A page table of the hypervisor lies outside of the frozen region: walks read it from "
        "DRAM.",
        APM "5.3, Long-Mode Page Translation" },
    [RESIDENCY_NESTED_TABLE] = { "nested-table",
        "A nested page table lies outside of the frozen region: walks read it from DRAM.",
        APM "15.25.5, Nested Table Walk" },
    [RESIDENCY_NESTED_MAPPING] = { "nested-mapping",
        "A nested entry lets the guest reach RAM outside of the frozen region, or a slot past the "
        "cache.",
        APM "15.25.8, Combining Memory Types, MTRRs" },
    [RESIDENCY_CONTROL_BLOCK] = { "control-block",
        "The CPU keeps guest or host state, or reads permissions, outside of the frozen region.",
        APM "15.5.1, Basic Operation; 15.30.4, VM_HSAVE_PA MSR" },
    [RESIDENCY_DESCRIPTOR_TABLE] = { "descriptor-table",
        "A descriptor table, task state or exception stack of the hypervisor lies outside of the "
        "frozen region.",
        APM "4.6, Descriptor Tables; 12.2.5, 64-Bit Task State Segment" },
    [RESIDENCY_HOST_STORE] = { "host-store",
        "The hypervisor wrote to cacheable memory outside of the frozen region.",
        "docs/design/freezing.md, fit" },
    [RESIDENCY_WIDER_WRITE_BACK] = { "wider-write-back",
        "Memory beside the frozen region is write-back: any access to it may push lines of the "
        "region out.",
        "docs/design/freezing.md, fit" },
    [RESIDENCY_REGION_TYPE] = { "region-type",
        "The frozen region is not write-back any more: accesses to it go to DRAM.",
        "docs/design/freezing.md, fit" },
    [RESIDENCY_GUEST_CACHE_CONTROL] = { "guest-cache-control",
        "The guest executed WBINVD, INVD or the like, or wrote CR0.CD or an MTRR, and nothing "
        "intercepted it.",
        APM "15.13, Miscellaneous Intercepts" },
    [RESIDENCY_GUEST_REACH] = { "guest-reach",
        "The guest reached memory that is no slot.",
        "docs/design/proof.md" },
    [RESIDENCY_REGION_CHANGED] = { "region-changed",
        "The hypervisor's own memory changed, and no instruction stored there.",
        "docs/design/proof.md" },
    [RESIDENCY_SHARED_UNASKED] = { "shared-unasked",
        "A nested entry leads to the home of a page that the guest did not name without its C-bit.",
        "docs/design/shared-pages.md, What an address means" },
    [RESIDENCY_SHARED_EXECUTABLE] = { "shared-executable",
        "A shared page could be executed: who writes DRAM would write the guest's instructions.",
        "docs/design/shared-pages.md, What happens to a page" },
    [RESIDENCY_SHARED_NOT_ZEROED] = { "shared-not-zeroed",
        "A page became shared, and what stood at its home before can be read there.",
        "docs/design/shared-pages.md, What happens to a page" },
    [RESIDENCY_SHARED_SLOT_KEPT] = { "shared-slot-kept",
        "A page became shared, and its slot is still mapped by the private name.",
        "docs/design/shared-pages.md, What happens to a page" },
    [RESIDENCY_SHARED_KEPT] = { "shared-kept",
        "The guest took a page back, and its home is still mapped.",
        "docs/design/shared-pages.md, What happens to a page" },
};

const struct residency_rule_text *residency_rule_text(enum residency_rule rule)
{
    static const struct residency_rule_text unknown = { "?", "?", "?" };

    return rule < RESIDENCY_RULES ? &texts[rule] : &unknown;
}
