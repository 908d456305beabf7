/* event_log.h — the firmware's record of what it measured. Nothing authenticates it: who believes a
 * TPM's quote computes it again. TCG PC Client Platform Firmware Profile 1.05, 10.2.
 *
 *   TCG_PCR_EVENT     its first entry, EV_NO_ACTION with "Spec ID Event03": pcr, type, SHA-1,
 *                     size, data
 *   TCG_PCR_EVENT2    each that follows: pcr, type, count, count times algorithm and digest,
 *                     size, data
 */
#pragma once
#include <stdint.h>

#define EV_NO_ACTION    3u
#define EV_IPL          13u         /* what a boot loader measured, as text */
#define EVENT_PCRS      24u
#define EVENT_BANKS     8u          /* at most, that are believed */
#define FIRST_EVENT_SIZE 28u
#define SPEC_ID_0       0x63657053u /* "Spec": of its data, "Spec ID Event03" */
#define SPEC_ID_12      0x00333074u /* "t03" */

static inline uint32_t event_load(const uint8_t *at)
{
    uint32_t value;
    __builtin_memcpy(&value, at, sizeof value);
    return value;
}

/* TPM 2.0 Library 1.59, part 2, 6.3; 0: another. */
[[gnu::noinline]] static uint32_t event_digest_bytes(uint32_t algorithm)
{
    switch (algorithm) {
    case 0x04: return 20;                       /* SHA-1 */
    case 0x0B: case 0x12: case 0x27: return 32; /* SHA-256, SM3, SHA3-256 */
    case 0x0C: case 0x28: return 48;            /* SHA-384, SHA3-384 */
    case 0x0D: case 0x29: return 64;            /* SHA-512, SHA3-512 */
    default: return 0;
    }
}

/* Bytes of the entry, a TCG_PCR_EVENT2; 0: it is none. */
[[gnu::noinline]] static uint32_t event_bytes(const uint8_t *event)
{
    uint32_t count = event_load(event + 8), at = 12;
    if (event_load(event) >= EVENT_PCRS || count == 0 || count > EVENT_BANKS)
        return 0;
    while (count-- > 0) {
        uint32_t digest = event_digest_bytes(event_load(event + at) & 0xFFFF);
        if (digest == 0)
            return 0;
        at += 2 + digest;
    }
    uint32_t size = event_load(event + at);
    return size > UINT16_MAX ? 0 : at + 4 + size;
}

/* Where the next entry goes in the `bytes` at `log`; 0: there is no log of this kind. */
static inline uint32_t event_log_end(const uint8_t *log, uint32_t bytes)
{
    uint32_t at = FIRST_EVENT_SIZE + 4 + event_load(log + FIRST_EVENT_SIZE), next;
    if (bytes <= at || event_load(log + 4) != EV_NO_ACTION ||
        event_load(log + FIRST_EVENT_SIZE + 4) != SPEC_ID_0 ||
        event_load(log + FIRST_EVENT_SIZE + 16) != SPEC_ID_12)
        return 0;
    while (bytes - at > 16 && (next = event_bytes(log + at)) != 0 && next <= bytes - at)
        at += next;
    return at;
}
