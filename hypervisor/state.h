/* state.h — the hypervisor's few global objects; all of them lie in the frozen region. */
#pragma once
#include "engine/engine.h"
#include "gcm.h"
#include "guest.h"
#include "image.h"
#include "kdf.h"
#include "pager.h"

/* Everything that opens ciphertext, in one place that one call erases. */
struct secrets {
    struct gcm_key image;
    struct gcm_key session;
    struct pbkdf2  derivation;
    uint8_t        raw[GCM_KEY_BYTES];
    uint8_t        passphrase[128];
    _Alignas(16) uint8_t guest_vectors[16][16];     /* the guest's XMM registers while the cipher has them */
};

extern struct secrets secrets;
extern struct guest guest;
extern struct pager pager;
extern struct image_header header;
extern const struct engine *engine;     /* the one that was chosen; null until then */
