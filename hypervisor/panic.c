/* compiled alone: it erases keys, and the stack below its own frames */
#include "panic.h"

#include "bytes.h"
#include "registers.h"
#include "secrets.h"
#include "serial.h"
#include "state.h"
#include "tracer.h"
#include "vectors.h"

static const char *const words[] = {
    [PANIC_INTEGRITY]      = "integrity: DRAM was changed, page",
    [PANIC_STRAY]          = "stray: the guest touched memory it does not have, at",
    [PANIC_UNKNOWN_EXIT]   = "unknown exit, code",
    [PANIC_HOST_EXCEPTION] = "exception in the hypervisor, vector and address",
    [PANIC_NO_ENGINE]      = "no engine",
    [PANIC_NO_CIPHER]      = "no cipher: this CPU lacks AES-NI, PCLMULQDQ or RDRAND",
    [PANIC_HEADER]         = "the image header is damaged",
    [PANIC_KEY]            = "wrong passphrase, or the image header was changed",
    [PANIC_MEMORY_MAP]     = "the firmware offers no RAM where the image needs it, at",
    [PANIC_NO_ROOM]        = "the frozen region is too small, slots",
    [PANIC_ENTRY]          = "the CPU refused to enter the guest",
    [PANIC_INSTRUCTION]    = "cannot decode the guest's instruction at",
    [PANIC_COUNTER]        = "the seal counter is used up",
    [PANIC_INIT]           = "INIT signal: someone resets the machine",
    [PANIC_FREEZE]         = "this CPU cannot freeze the region in this way",
    [PANIC_STATE]          = "a contract inside the hypervisor was broken, at",
};

extern uint8_t stack_bottom[];  /* entry.asm */

void wipe_dead_stack(void)
{
    uint64_t from = (uint64_t)stack_bottom, to;
    asm volatile("mov %%rsp, %0" : "=r"(to));
    uint64_t bytes = to - from;
    asm volatile("rep stosb" : "+D"(from), "+c"(bytes) : "a"(0) : "memory");
}

void wipe_secrets(void)
{
    vectors_clear();
    bytes_wipe(&secrets, sizeof secrets);
    bytes_wipe(header.embedded_kek, sizeof header.embedded_kek);
    wipe_dead_stack();
    if (pager.frames != 0)
        bytes_wipe(pager.frames, (uint64_t)pager.slot_count * PAGE_BYTES);
    bytes_wipe(&guest.regs, sizeof guest.regs);
    if (engine != 0)
        engine->wipe();
}

[[noreturn]] static void stop(enum panic_code code, uint64_t value, uint32_t level, const char *const reasons[])
{
    static uint32_t depth;      /* a panic inside a panic stops at once */
    if (depth++ != 0)
        halt();
    wipe_secrets();
    console_text("\r\nfrostvisor: panic: ");
    console_text(words[code]);
    for (const char *const *reason = reasons; *reason != 0; reason++)
        console_text(*reason);
    console_text(": ");
    console_hex(value);
    if (level != LEVEL_NONE) {
        console_text(", level ");
        console_text((const char[]){(char)('0' + level), 0});
    }
    console_text("\r\n");
    serial_flush(COM1);
    tracer_add((struct trace_record){.kind = TRACE_PANIC, .detail = code, .value = value, .level = (uint8_t)level});
    tracer_end(ENDING_PANIC, code);
    halt();
}

void panic(enum panic_code code, uint64_t value)
{
    panic_because(code, value, (const char *[]){0});
}

void panic_because(enum panic_code code, uint64_t value, const char *const reasons[])
{
    stop(code, value, LEVEL_NONE, reasons);
}

void panic_page(uint64_t index, uint32_t level)
{
    stop(PANIC_INTEGRITY, index, level, (const char *[]){0});
}
