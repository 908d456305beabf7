/* cache_rules.h — every reason for which the model moves a line, with the sentence and source to
 * print. */
#pragma once
#include <stdint.h>

enum cache_rule : uint8_t {
    RULE_FILL,
    RULE_WRITE_ALLOCATE,
    RULE_PREFETCH,
    RULE_REPLACE_CLEAN,
    RULE_REPLACE_DIRTY,
    RULE_UC,
    RULE_UC_HIT,
    RULE_WC,
    RULE_WC_HIT,
    RULE_WT_WRITE,
    RULE_WT_MODIFIED,
    RULE_WP_WRITE,
    RULE_WP_HIT,
    RULE_NT_STORE,
    RULE_NT_HIT,
    RULE_CLFLUSH,
    RULE_CLWB,
    RULE_CLDEMOTE,
    RULE_WBINVD,
    RULE_WBNOINVD,
    RULE_INVD,
    RULE_AMD_INVD_WBINVD,
    RULE_AMD_CD,
    RULE_AMD_CD_HIT,
    RULE_INTEL_NO_FILL,
    RULE_INTEL_NESTED_CD,
    RULE_INTEL_NESTED_CD_HIT,
    RULE_COUNT,
};

struct cache_rule_text {
    const char *id;         /* lower case, dashes; never changes once published */
    const char *sentence;
    const char *source;     /* says [recalled] or [chosen] where no manual was re-read for it */
};

/* Of RULE_COUNT or above: all three "?". */
const struct cache_rule_text *cache_rule_text(enum cache_rule rule);
