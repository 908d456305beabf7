/* decode.h — which instructions matter to the cache beyond the loads and stores that QEMU reports.
 * */
#pragma once
#include <stddef.h>
#include <stdint.h>

enum instruction : uint8_t {
    PLAIN,
    WRITE_CR,               /* number, source */
    WRITE_MSR,
    ENTER_GUEST,            /* VMRUN: its memory operand is physical */
    CONTROL_BLOCK,          /* VMLOAD, VMSAVE: likewise */
    FLUSH_TRANSLATIONS,     /* INVLPG, INVPCID, INVLPGA */
    LOAD_GDTR,
    LOAD_IDTR,
    DRAW_RANDOM,            /* RDRAND, RDSEED */
    CACHE_ALL,              /* access: WBINVD, WBNOINVD, INVD */
    CACHE_LINE,             /* access: CLFLUSH, PREFETCHh and so on; base, index, ... */
    NON_TEMPORAL,           /* a store past the cache */
};

#define NO_REGISTER 0xFF

struct decoded {
    enum instruction what;
    uint8_t          access;        /* enum access_kind, where `what` says so */
    uint8_t          number;        /* of the control register */
    uint8_t          source;        /* general register that is written there */
    uint8_t          base, index, scale;    /* operand of CACHE_LINE; NO_REGISTER: none */
    uint8_t          is_rip_relative;
    uint8_t          is_unknown;            /* its base is FS's or GS's, or it has another address
                                               size */
    int32_t          displacement;
    uint8_t          length;
};

/* Any instruction of up to 15 bytes; what is not in the list above is PLAIN.
 *   source     AMD APM vol 3 (24594), 1.2 and appendix A; Intel SDM vol 2 (325383), chapter 2
 */
struct decoded decode(const uint8_t *bytes, size_t count);
