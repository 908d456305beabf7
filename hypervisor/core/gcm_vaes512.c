/* compiled alone: keys and plaintext pass through its registers and its stack */
#include "gcm_vaes512.h"

#include <cpuid.h>

#include "gcm_kernel.h"

#pragma clang attribute push(__attribute__((target(VAES512_TARGET))), apply_to = function)
#include "gcm_vector.h"
#pragma clang attribute pop

const struct gcm_kernel gcm_vaes512 = {
    .name = "vaes512", .id = GCM_VAES512, .ebx = bit_AVX512F | bit_AVX512BW | bit_AVX512VL,
    .ecx = bit_VAES | bit_VPCLMULQDQ,
    .state = 0xE6,      /* SSE, AVX; opmasks, upper halves of ZMM0-15, ZMM16-31 */
    .expand = vaes512_expand, .seal = vaes512_seal, .open = vaes512_open,
};
