/* compiled alone: what hashes for it has hashed, or will hash, what keys are made of */
#include "measure/measure.h"

#include "cpu/registers.h"
#include "devices/acpi.h"
#include "devices/chipset.h"
#include "kdf.h"
#include "measure/event_log.h"
#include "measure/tpm.h"
#include "measure/tpm_registers.h"
#include "report/panic.h"
#include "report/serial.h"
#include "report/tracer.h"
#include "residency/memory_map.h"
#include "residency/residency.h"

#define EMPTY_PASSWORD_BYTES 9u     /* of an authorisation: handle, no nonce, attributes, no
                                     * password */

static enum trace_tpm tpm;
static uint64_t log_base;
static uint32_t log_end, log_bytes;
static uint8_t entries[1024];       /* for the log, until it is the guest's */
static uint32_t entry_bytes;
static struct tpm_message command, answer;

[[gnu::noinline]] static void find_log(const uint8_t *table)
{
    uint64_t base;
    __builtin_memcpy(&base, table + TPM2_LOG, sizeof base);
    log_bytes = event_load(table + TPM2_LOG_BYTES);
    if (base != 0 && base < IDENTITY_END && log_bytes < IDENTITY_END - base)
        log_end = event_log_end((const uint8_t *)base, log_bytes);
    log_base = base;
}

void measure_start(void)
{
    uint64_t at = acpi_find(TPM2_SIGNATURE);
    const uint8_t *table = (const uint8_t *)at;
    if (at != 0) {
        uint64_t control;
        uint32_t told = event_load(table + TPM2_METHOD);
        __builtin_memcpy(&control, table + TPM2_CONTROL, sizeof control);
        if (told == TPM_FIFO || (told == TPM_CRB && control == TPM_BASE + CRB_CTRL_REQ))
            tpm = (enum trace_tpm)told;
        else
            console_text("frostvisor: this TPM has neither FIFO nor CRB registers: it is not "
                         "used\r\n");
    }
    tracer_fact(FACT_TPM, tpm);
    if (tpm == TPM_NONE)
        return;
    if (acpi_bytes(at) >= TPM2_WITH_LOG)
        find_log(table);
    memory_map_add_window(TPM_BASE, TPM_BASE + PAGE_BYTES);
}

/* MARK: the log */

static void log_data(const void *data, uint32_t bytes)
{
    if (bytes > sizeof entries - entry_bytes)
        panic(PANIC_STATE, bytes);
    __builtin_memcpy(entries + entry_bytes, data, bytes);
    entry_bytes += bytes;
}

static void log_number(uint64_t value, uint32_t bytes)
{
    log_data(&value, bytes);
}

/* The digests as the TPM has answered: of the same shape, but with its numbers. */
static void log_event(uint32_t pcr, const char *text, uint32_t text_bytes)
{
    uint32_t banks = (uint32_t)tpm_get(&answer, 4);
    log_number(pcr, 4);
    log_number(EV_IPL, 4);
    log_number(banks, 4);
    while (banks-- > 0) {
        uint32_t algorithm = (uint32_t)tpm_get(&answer, 2);
        if (event_digest_bytes(algorithm) == 0)
            panic(PANIC_TPM, algorithm);
        log_number(algorithm, 2);
        for (uint32_t left = event_digest_bytes(algorithm); left > 0; left--)
            log_number(tpm_get(&answer, 1), 1);
    }
    log_number(text_bytes, 4);
    log_data(text, text_bytes);
}

/* MARK: what is measured */

static void measure(uint32_t pcr, const char *text)
{
    if (tpm == TPM_NONE)
        return;
    uint32_t bytes = 0;
    while (text[bytes] != 0)
        bytes++;
    tpm_begin(&command, TPM_ST_SESSIONS, TPM_CC_PCR_EVENT);
    tpm_put(&command, pcr, 4);
    tpm_put(&command, EMPTY_PASSWORD_BYTES, 4);
    tpm_put(&command, TPM_RS_PW, 4);
    tpm_put(&command, 0, EMPTY_PASSWORD_BYTES - 4);
    tpm_put(&command, bytes, 2);
    for (uint32_t i = 0; i < bytes; i++)
        tpm_put(&command, (uint8_t)text[i], 1);
    uint32_t code = tpm_execute(tpm == TPM_CRB, &command, &answer);
    if (code != TPM_RC_SUCCESS)
        panic(PANIC_TPM, code);
    tpm_get(&answer, 4);        /* bytes of what follows, but for the authorisation */
    log_event(pcr, text, bytes);
}

void measure_guest(const struct image_header *header)
{
    char text[sizeof MEASURE_GUEST + 2 * SHA256_BYTES] = MEASURE_GUEST;
    uint8_t digest[SHA256_BYTES];
    struct sha256 sha;
    sha256_start(&sha);
    sha256_add(&sha, header, IMAGE_AUTHENTICATED_BYTES);
    sha256_finish(&sha, digest);
    for (uint32_t i = 0; i < 2 * SHA256_BYTES; i++)
        text[sizeof MEASURE_GUEST - 1 + i] =
            "0123456789abcdef"[digest[i / 2] >> (i % 2 ? 0 : 4) & 0xF];
    measure(MEASURE_GUEST_PCR, text);
}

void measure_phase(const char *phase)
{
    measure(MEASURE_PHASE_PCR, phase);
}

void measure_give_log(void)
{
    if (log_end == 0 || entry_bytes > log_bytes - log_end)
        return;
    for (uint32_t i = 0; i < entry_bytes; i++) {
        uint64_t to = log_base + log_end + i, in_page = to % PAGE_BYTES;
        if (memory_map_kind(to) != MEMORY_RAM)
            return;
        ((uint8_t *)residency_page(to - in_page, true))[in_page] = entries[i];
    }
}
