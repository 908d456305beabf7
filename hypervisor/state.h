/* state.h — the hypervisor's few global objects; all of them lie in the frozen region. */
#pragma once
#include "engine/engine.h"
#include "gcm.h"
#include "guest.h"
#include "image.h"
#include "kdf.h"
#include "pager.h"
#include "vectors.h"

/* Everything that opens ciphertext, in one place that one call erases. */
struct secrets {
    struct gcm_key image;
    struct gcm_key session;
    struct pbkdf2  derivation;
    uint8_t        raw[GCM_KEY_BYTES];
    uint8_t        passphrase[128];
    _Alignas(16) vector_area guest_vectors;     /* while the cipher has the registers */
};

extern struct secrets secrets;
extern struct guest guest;
extern struct pager pager;
extern struct image_header header;
extern const struct engine *engine;     /* the one that was chosen; null until then */
