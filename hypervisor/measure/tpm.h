/* tpm.h — commands to a TPM 2.0, as bytes: what they say is the caller's.
 *
 * Everything in a message crosses the TPM's bus in the clear.
 */
#pragma once
#include <stdint.h>

/* TPM 2.0 Library 1.59, part 2: 6.5.2 (command codes), 6.6 (response codes), 6.9 (structure tags),
 * 7.4 (permanent handles). */
#define TPM_ST_SESSIONS   0x8002u
#define TPM_RS_PW         0x40000009u       /* authorisation by a password */
#define TPM_CC_PCR_EVENT  0x13Cu
#define TPM_RC_SUCCESS    0u
#define TPM_RC_YIELDED    0x908u            /* this and those below: ask again */
#define TPM_RC_TESTING    0x90Au
#define TPM_RC_RETRY      0x922u
#define TPM_HEADER_BYTES  10u               /* tag, size, command or response code */

#define TPM_MESSAGE_BYTES 512u
struct tpm_message {
    uint32_t bytes, at;         /* `at`: what is read next */
    uint8_t  data[TPM_MESSAGE_BYTES];
};

/* Big-endian, as all numbers of a TPM's. Past the end: panic. */
void tpm_put(struct tpm_message *message, uint64_t value, uint32_t bytes);
uint64_t tpm_get(struct tpm_message *message, uint32_t bytes);

void tpm_begin(struct tpm_message *command, uint32_t tag, uint32_t code);
/* Returns the response code; `answer` is to be read behind its header. Panics where a TPM does not
 * answer as its registers want, or only ever asks for patience. `is_crb`: the kind of registers. */
uint32_t tpm_execute(bool is_crb, struct tpm_message *command, struct tpm_message *answer);
