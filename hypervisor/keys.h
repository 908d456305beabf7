/* keys.h — from a passphrase to the image key, and a session key out of nothing. Only after the freeze. */
#pragma once
#include "gcm.h"

/* Makes the image key; asks on COM1 where the image says so. Panics after three wrong answers. */
void keys_unlock_image(void);

/* Makes the session key from the CPU's random generator. */
void keys_make_session(void);

/* For the pager. */
extern const struct gcm_key *const keys_image, *const keys_session;

/* True when the CPU has a random generator. */
bool keys_random_supported(void);
