/* secrets.h — everything that opens ciphertext, in one place that one call erases. A file that
 * includes this is compiled alone (ci/rooms). */
#pragma once
#include "gcm.h"
#include "kdf.h"

struct secrets {
    struct gcm_key image;
    struct gcm_key session;
    struct pbkdf2  derivation;
    uint8_t        raw[GCM_KEY_BYTES];
    uint8_t        passphrase[128];
};

extern struct secrets secrets;
