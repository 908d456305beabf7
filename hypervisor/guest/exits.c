#include "guest/exits.h"

#include "devices/ports.h"
#include "guest/control.h"
#include "guest/cpuid.h"
#include "guest/device_write.h"
#include "guest/msr.h"
#include "guest/string_io.h"
#include "report/panic.h"
#include "report/tracer.h"
#include "residency/memory_map.h"
#include "residency/residency.h"
#include "residency/shared.h"

static uint64_t edx_eax(const struct guest_regs *regs)
{
    return regs->rdx << 32 | (uint32_t)regs->rax;
}

/* Whether it is of a page that the guest shares; leaves the address without the C-bit. Not inline,
 * so that misses of images without devices save no registers for it. */
[[gnu::noinline]] static bool is_shared_miss(const struct vcpu *vcpu, struct exit *exit)
{
    struct guest_mode mode = engine->mode(vcpu);
    bool has_c_bit = (mode.cr0 & CR0_PG) && (mode.cr3 & memory_map.c_bit);
    bool is_shared = shared_miss(exit->gpa, has_c_bit);
    exit->gpa &= ~memory_map.c_bit;
    return is_shared;
}

/* The guest repeats what it did. */
static void handle_miss(const struct vcpu *vcpu, struct exit *exit, uint64_t start)
{
    uint32_t flags = exit->access;
    enum trace_counter counter;
    if (memory_map.c_bit != 0 && is_shared_miss(vcpu, exit)) {
        flags |= MISS_SHARED;
        counter = COUNT_SHARED_MISS;
    } else {
        counter = residency_miss(exit->gpa, &flags);
    }
    uint64_t cycles = rdtsc() - start;
    tracer_count(counter, cycles);
    tracer_event(TRACE_MISS, 0, flags, exit->gpa, cycles);
}

/* This and what is below return false where the guest gets #GP. */
static bool handle_msr(struct vcpu *vcpu, bool is_write)
{
    struct guest_regs *regs = &vcpu->regs;
    uint64_t value = edx_eax(regs);
    if (!msr_access(vcpu, (uint32_t)regs->rcx, is_write, &value)) {
        tracer_count(COUNT_MSR_REFUSED, 0);
        return false;
    }
    if (!is_write) {
        regs->rax = (uint32_t)value;
        regs->rdx = value >> 32;
    }
    return true;
}

static bool handle_port(struct vcpu *vcpu, const struct exit *exit, struct fault *fault)
{
    uint64_t mask = BIT(8 * exit->width) - 1, *rax = &vcpu->regs.rax;
    struct port_access access = {
        .port = exit->port, .width = exit->width, .is_input = exit->is_input,
        .value = (uint32_t)(*rax & mask)};
    struct string_io io;

    if (exit->is_string && !string_io_begin(vcpu, exit, &io, &access, fault))
        return false;
    if (exit->is_string && io.is_none)
        return true;
    ports_access(&access);
    if (exit->is_string)
        string_io_end(vcpu, exit, &io, &access);
    else if (exit->is_input)
        *rax = exit->width == 4 ? access.value : (*rax & ~mask) | access.value;
    if ((exit->dr7 & DR7_ENABLED) && (engine->mode(vcpu).cr4 & CR4_DE))
        vcpu->debug_hits |=
            breakpoints_met(exit->dr7, BREAKPOINT_PORT, exit->port, exit->width);
    return true;
}

void exits_start(struct vcpu *vcpu, const struct image_header *header)
{
    ports_open(header->ports);
    msr_open(vcpu);
}

void exit_handle(struct vcpu *vcpu, struct exit *exit)
{
    uint64_t start = rdtsc(), subject = exit->raw;
    enum trace_counter counter;
    struct fault fault = {.vector = EXCEPTION_GP};
    bool is_done = false;       /* else the guest gets `fault` */

    switch (exit->kind) {
    case EXIT_MISS:
        handle_miss(vcpu, exit, start);
        return;
    case EXIT_DEVICE_WRITE:
        counter = COUNT_EXIT_DEVICE;
        subject = exit->gpa;
        is_done = device_write(vcpu, exit);
        break;
    case EXIT_CPUID:
        counter = COUNT_EXIT_CPUID;
        subject = (uint32_t)vcpu->regs.rax;
        cpuid_answer(vcpu);
        is_done = true;
        break;
    case EXIT_MSR_READ: case EXIT_MSR_WRITE:
        counter = COUNT_EXIT_MSR;
        subject = (uint32_t)vcpu->regs.rcx;
        is_done = handle_msr(vcpu, exit->kind == EXIT_MSR_WRITE);
        break;
    case EXIT_CR0_WRITE:
        counter = COUNT_EXIT_CR;
        is_done = cr0_write(vcpu, exit->value);
        break;
    case EXIT_XCR0_WRITE:
        counter = COUNT_EXIT_CR;
        is_done = xcr0_write((uint32_t)vcpu->regs.rcx, edx_eax(&vcpu->regs));
        break;
    case EXIT_CR_FAULT:
        counter = COUNT_EXIT_CR;
        fault = exit->fault;
        break;
    case EXIT_PORT:
        counter = COUNT_EXIT_PORT;
        subject = exit->port;
        is_done = handle_port(vcpu, exit, &fault);
        break;
    case EXIT_CACHE:        /* a write-back of all caches would be the leak itself; the guest needs
                             * none */
        counter = COUNT_EXIT_CACHE;
        is_done = true;
        break;
    case EXIT_DENIED:
        counter = COUNT_EXIT_DENIED;
        fault.vector = EXCEPTION_UD;
        break;
    case EXIT_TRIPLE_FAULT:
        ending_close(ENDING_TRIPLE_FAULT, vcpu->regs.rip);
        halt();
    case EXIT_INIT:
        panic(PANIC_INIT, exit->raw);
    case EXIT_SMI:
        panic(PANIC_SMI, exit->raw);
    case EXIT_TASK:
        panic(PANIC_TASK, exit->raw);
    case EXIT_REFUSED:
        panic_because(PANIC_ENTRY, exit->raw, (const char *[]){": ", exit->why, 0});
    case EXIT_UNKNOWN: default:
        panic(PANIC_UNKNOWN_EXIT, exit->raw);
    }
    if (!is_done) {
        engine->inject(vcpu, fault);
    } else if (vcpu->emulated != EMULATED_ITERATION && exit->next_rip != vcpu->regs.rip) {
        vcpu->regs.rip = exit->next_rip;        /* else the guest repeats it */
        vcpu->emulated = EMULATED_INSTRUCTION;
    }
    uint64_t cycles = rdtsc() - start;
    tracer_count(counter, cycles);
    tracer_event(TRACE_EXIT, 0, counter, subject, cycles);
}
