/* compiled alone: it erases the stack below its own frames */
#include "report/panic.h"

#include "cpu/registers.h"
#include "cpu/vectors.h"
#include "report/serial.h"
#include "report/tracer.h"

static const char *const words[] = {
    [PANIC_INTEGRITY]      = "integrity: DRAM was changed, page",
    [PANIC_STRAY]          = "stray: the guest touched what nested tables do not reach, at",
    [PANIC_UNKNOWN_EXIT]   = "unknown exit, code",
    [PANIC_HOST_EXCEPTION] = "exception in the hypervisor, vector and address",
    [PANIC_NO_ENGINE]      = "no engine",
    [PANIC_NO_CIPHER]      = "no cipher",
    [PANIC_HEADER]         = "the image header is damaged",
    [PANIC_KEY]            = "wrong passphrase, or the image header was changed",
    [PANIC_MEMORY_MAP]     = "the firmware offers no RAM where the image needs it, at",
    [PANIC_NO_ROOM]        = "the frozen region is too small",
    [PANIC_ENTRY]          = "the CPU refused to enter the guest",
    [PANIC_INSTRUCTION]    = "cannot decode the guest's instruction at",
    [PANIC_COUNTER]        = "the seal counter is used up",
    [PANIC_INIT]           = "INIT signal: someone resets the machine",
    [PANIC_FREEZE]         = "this CPU cannot freeze the region in this way",
    [PANIC_TASK]           = "a task switch that is not carried out, vector or exit code",
    [PANIC_STATE]          = "a contract inside the hypervisor was broken, at",
    [PANIC_IOMMU]          = "an IOMMU does not do what it is told, at",
    [PANIC_SMI]            = "a system management interrupt, exit code",
    [PANIC_TPM]            = "the TPM",
};

extern uint8_t stack_bottom[];  /* boot/entry.asm */

#define OWNERS 4u
static struct { void (*erase)(void *); void *owner; } erasers[OWNERS];
static uint32_t eraser_count;

void wipe_also(void (*erase)(void *owner), void *owner)
{
    if (eraser_count == OWNERS)
        panic(PANIC_STATE, OWNERS);
    erasers[eraser_count].erase = erase;
    erasers[eraser_count++].owner = owner;
}

void wipe_dead_stack(void)
{
    uint64_t from = (uint64_t)stack_bottom, to;
    asm volatile("mov %%rsp, %0" : "=r"(to));
    uint64_t bytes = to - from;
    asm volatile("rep stosb" : "+D"(from), "+c"(bytes) : "a"(0) : "memory");
}

/* Not inline: tools look for it (contract.h). */
[[gnu::noinline]] void wipe_secrets(void)
{
    for (uint32_t i = 0; i < eraser_count; i++)
        erasers[i].erase(erasers[i].owner);
    vectors_clear();
    wipe_dead_stack();
}

void ending_close(enum trace_ending ending, uint64_t value)
{
    wipe_secrets();
    if (ending == ENDING_TRIPLE_FAULT)
        console_text("\r\nfrostvisor: the guest ended in a triple fault\r\n");
    serial_flush(COM1);
    tracer_end(ending, value);
}

[[noreturn]] static void stop(enum panic_code code, uint64_t value, uint32_t level,
                              const char *const reasons[])
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
    tracer_add((struct trace_record){
        .kind = TRACE_PANIC, .detail = code, .value = value, .level = (uint8_t)level});
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

void host_exception(uint64_t vector, uint64_t rip)
{
    panic(PANIC_HOST_EXCEPTION, vector << 56 | (rip & (BIT(56) - 1)));
}
