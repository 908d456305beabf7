/* keys.h — from a passphrase to the image key, and a session key out of nothing. Only after the freeze. */
#pragma once

/* Fills secrets.image; asks on COM1 where the image says so. Panics after three wrong answers. */
void keys_unlock_image(void);

/* Fills secrets.session from the CPU's random generator. */
void keys_make_session(void);

/* True when the CPU has a random generator. */
bool keys_random_supported(void);
