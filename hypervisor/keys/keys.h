/* keys.h — from a passphrase to the image key, and a session key out of nothing. Only after the
 * freeze. */
#pragma once
#include "gcm.h"
#include "image.h"

/* Keeps the header, and has it and all keys erased with the other secrets. */
void keys_start(struct image_header *header);

/* Makes the image key; asks on COM1 where the image says so. Panics after three wrong answers. */
void keys_unlock_image(const struct gcm_kernel *kernel);

/* Makes the session key by RDSEED or RDRAND; the CPU has the latter. */
void keys_make_session(const struct gcm_kernel *kernel);

/* For the pager. */
extern const struct gcm_key *const keys_image, *const keys_session;
