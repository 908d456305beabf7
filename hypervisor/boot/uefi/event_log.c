#include "boot/uefi/event_log.h"

#include <stdbool.h>

#include "cpu/registers.h"
#include "devices/chipset.h"
#include "measure/event_log.h"
#include "measure/tpm_registers.h"

static uint8_t *area;
static uint32_t area_bytes, used;
static const struct efi_tcg2_final_events *final_events;
static uint64_t known_events;       /* of these: the log has them */

static uint64_t load64(const uint8_t *at)
{
    uint64_t value;
    __builtin_memcpy(&value, at, sizeof value);
    return value;
}

/* 0: there is none, or it names no area for a log. */
static const uint8_t *find_table(const uint8_t *rsdp)
{
    if (rsdp == 0 || load64(rsdp + RSDP_XSDT) == 0)
        return 0;
    const uint8_t *root = (const uint8_t *)load64(rsdp + RSDP_XSDT);
    for (uint32_t at = TABLE_HEADER; at + 8 <= event_load(root + TABLE_LENGTH); at += 8) {
        const uint8_t *table = (const uint8_t *)load64(root + at);
        if (event_load(table) == TPM2_SIGNATURE &&
            event_load(table + TABLE_LENGTH) >= TPM2_WITH_LOG)
            return table;
    }
    return 0;
}

static void append(const void *events, uint64_t bytes)
{
    if (bytes > area_bytes - used)
        return;
    if (events != area + used)
        __builtin_memcpy(area + used, events, bytes);
    used += (uint32_t)bytes;
}

void event_log_keep(const struct efi_boot_services *services, const uint8_t *rsdp,
                    const struct efi_tcg2_final_events *final)
{
    static const struct efi_guid guid = {EFI_TCG2_LOW, EFI_TCG2_HIGH};
    struct efi_tcg2 *tcg2;
    const uint8_t *log, *last, *table = find_table(rsdp);
    bool is_truncated;
    if (table == 0 || services->locate_protocol(&guid, 0, (void **)&tcg2) != 0 ||
        tcg2->get_event_log(tcg2, EFI_TCG2_LOG_2, &log, &last, &is_truncated) != 0 || last <= log)
        return;
    area = (uint8_t *)load64(table + TPM2_LOG);
    area_bytes = event_load(table + TPM2_LOG_BYTES);
    append(log, (uint64_t)(last - log) + event_bytes(last));
    final_events = final;
    known_events = final != 0 ? final->count : 0;
}

void event_log_finish(void)
{
    if (final_events == 0)
        return;
    const uint8_t *event = final_events->events;
    for (uint64_t i = 0; i < final_events->count; i++) {
        uint32_t bytes = event_bytes(event);
        if (i >= known_events)
            append(event, bytes);
        event += bytes;
    }
}
