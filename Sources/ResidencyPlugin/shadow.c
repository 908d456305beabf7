#include "shadow.h"

#include <stdlib.h>
#include <string.h>

#include "audit.h"
#include "plugin_base.h"
#include "violation.h"

#define WORD_BYTES 8u
#define USE_BITS   UINT64_C(0x60)   /* accessed, dirty: the CPU sets them as it walks */

static uint8_t *shadow;
static bool    *is_stored;          /* by line: since the last check */

static uint64_t own_bytes(void)
{
    return machine.slots_base - machine.set.region_base;
}

static uint64_t own_lines(void)
{
    return own_bytes() >> machine.line_shift;
}

static const uint8_t *live(void)
{
    return machine.ram + offset_of_address(machine.set.region_base);
}

void shadow_start(void)
{
    shadow = malloc(own_bytes());
    is_stored = calloc(own_lines(), sizeof *is_stored);
    if (!shadow || !is_stored)
        give_up("no memory for a copy of the hypervisor's own");
    memcpy(shadow, live(), own_bytes());
}

void shadow_stored(uint64_t address, uint32_t bytes)
{
    uint64_t offset = address - machine.set.region_base;
    uint64_t last = (offset + bytes - 1) >> machine.line_shift;

    if (!shadow)
        return;
    for (uint64_t line = offset >> machine.line_shift; line <= last && line < own_lines(); line++)
        is_stored[line] = true;
}

/* What entries and exits of the guest write; their other stores are none of the CPU's. */
static bool is_control_state(uint64_t address)
{
    uint64_t frame = address & ~(uint64_t)(FRAME_BYTES - 1);

    return frame == machine.vmcb || frame == (machine.host_state & ~(uint64_t)(FRAME_BYTES - 1));
}

static void check_line(uint64_t offset)
{
    uint64_t address = machine.set.region_base + offset;
    uint64_t ignored = audit_is_table(address) ? USE_BITS : 0;

    for (uint64_t at = offset; at < offset + (1u << machine.line_shift); at += WORD_BYTES) {
        uint64_t before, now;
        memcpy(&before, shadow + at, sizeof before);
        memcpy(&now, live() + at, sizeof now);
        if ((before ^ now) & ~ignored)
            violation_record((struct violation){ RESIDENCY_REGION_CHANGED,
                machine.set.region_base + at, NOWHERE, now, NULL });
    }
}

static void check_frame(uint64_t frame)
{
    uint32_t line_bytes = 1u << machine.line_shift;

    for (uint64_t offset = frame; offset < frame + FRAME_BYTES; offset += line_bytes) {
        if (memcmp(shadow + offset, live() + offset, line_bytes) == 0)
            continue;
        if (!is_stored[offset >> machine.line_shift]
            && !is_control_state(machine.set.region_base + offset))
            check_line(offset);
        memcpy(shadow + offset, live() + offset, line_bytes);
    }
}

void shadow_check(void)
{
    if (!shadow)
        return;
    for (uint64_t frame = 0; frame < own_bytes(); frame += FRAME_BYTES)
        if (memcmp(shadow + frame, live() + frame, FRAME_BYTES) != 0)
            check_frame(frame);
    memset(is_stored, 0, own_lines() * sizeof *is_stored);
}

void shadow_reached(uint64_t address, uint64_t rip)
{
    violation_record((struct violation){ RESIDENCY_GUEST_REACH, address, rip, 0, NULL });
    shadow_check();
}
