
#include "bytes.h"
#include "engine/engines.h"
#include "report/panic.h"

const struct engine *engine;

static const struct engine *const engines[] = {&svm, &vmx};
#define ENGINES (sizeof engines / sizeof engines[0])

void engine_choose(enum image_engine allowed)
{
    const char *reasons[4 * ENGINES + 1] = {0};
    for (uint32_t i = 0; i < ENGINES; i++) {
        bool is_allowed = allowed == ENGINE_ANY || allowed == engines[i]->id;
        const char *lack = is_allowed ? engines[i]->lack() : "the image does not allow it";
        if (lack == 0) {
            engine = engines[i];
            return;
        }
        const char *const words[] = {i == 0 ? ": " : "; ", engines[i]->name, ": ", lack};
        __builtin_memcpy(&reasons[4 * i], words, sizeof words);
    }
    panic_because(PANIC_NO_ENGINE, allowed, reasons);
}

/* APM vol 2, "Breakpoint Length", "Setting Breakpoints": LEN also says which address bits count.
 * DR0 to DR3 are the guest's all the time. */
uint64_t breakpoints_met(uint64_t dr7, enum breakpoint_type type, uint64_t at, uint32_t bytes)
{
    uint64_t addresses[BREAKPOINTS], met = 0;
    asm volatile("mov %%dr0, %0; mov %%dr1, %1; mov %%dr2, %2; mov %%dr3, %3"
                 : "=r"(addresses[0]), "=r"(addresses[1]), "=r"(addresses[2]), "=r"(addresses[3]));
    for (uint32_t i = 0; i < BREAKPOINTS; i++) {
        uint64_t watches = dr7 >> (16 + 4 * i) & 3, length = dr7 >> (18 + 4 * i) & 3;
        uint64_t watched = length == 2 ? 8 : length + 1, base = addresses[i] & ~(watched - 1);
        if ((dr7 >> 2 * i & 3) && at < base + watched && base < at + bytes &&
            (watches == type || (watches == BREAKPOINT_ACCESS && type == BREAKPOINT_WRITE)))
            met |= BIT(i);
    }
    return met;
}

/* What the hypervisor never touches, and so is the guest's all the time: x87, vectors, tiles and
 * all else of XSAVE; breakpoints; system calls and segment bases.
 *
 *   source     Intel SDM vol 1, "XSAVE Area" (MXCSR at 24), "Operation of XRSTOR" (a header of
 *              zeroes gives each component its initial configuration)
 */
static void registers_clear(void)
{
    static const _Alignas(64) uint8_t initial[576] = {[24] = 0x80, [25] = 0x1F};
    static const struct { uint32_t first, last; } msrs[] = {
        {MSR_SYSENTER_CS, MSR_SYSENTER_EIP}, {MSR_STAR, MSR_SFMASK},
        {MSR_FS_BASE, MSR_KERNEL_GS_BASE},
    };
    if (cpuid(CPUID_FEATURES, 0).ecx & CPUID_1_ECX_XSAVE) {
        struct cpuid known = cpuid(CPUID_XSTATE, 0);
        write_cr4(read_cr4() | CR4_OSXSAVE);
        write_xcr0((uint64_t)known.edx << 32 | known.eax);
        asm volatile("xrstor64 %0" : : "m"(initial), "a"(UINT32_MAX), "d"(UINT32_MAX) : "memory");
    } else
        asm volatile("fninit");
    asm volatile("mov %0, %%dr0; mov %0, %%dr1; mov %0, %%dr2; mov %0, %%dr3; mov %0, %%cr2"
                 : : "r"(UINT64_C(0)));
    for (uint32_t i = 0; i < sizeof msrs / sizeof msrs[0]; i++)
        for (uint32_t msr = msrs[i].first; msr <= msrs[i].last; msr++)
            wrmsr((enum msr)msr, 0);
}

static void erase(void *owner)
{
    struct vcpu *vcpu = owner;
    bytes_wipe(&vcpu->regs, sizeof vcpu->regs);
    engine->wipe(vcpu);
    registers_clear();
}

void engine_prepare(struct vcpu *vcpu, const struct first_state *state, const uint8_t *ports)
{
    wipe_also(erase, vcpu);
    engine->prepare(vcpu, state, ports);
}
