/* vectors.c — vector registers and XCR0 across page misses: the hypervisor's cipher uses the very
 * registers that the guest has live here, whatever XCR0 the guest runs with.
 *
 * command line    width=N   bytes of a register that are checked at most: 16, 32, 64
 *
 * source  Intel SDM (325462) vol 1, "Managing State Using the XSAVE Feature Set" */
#include "guest.h"
#include "machine.h"
#include "moves.h"

#define CPUID_FEATURES  1u
#define FEATURE_XSAVE   BIT(26)
#define CPUID_XSTATE    0xDu
#define XCR0_X87        BIT(0)
#define XCR0_SSE        BIT(1)
#define XCR0_AVX        BIT(2)
#define XCR0_AVX512     (BIT(5) | BIT(6) | BIT(7))
#define TOUCHES         200u
#define THRASHED_PAGES  768u     /* more than there are slots */

/* A width of registers: what XCR0 must have for it, and how they are reached. */
static const struct width {
    const char *name;
    uint64_t bytes, count, state;
    void (*load)(const void *from);
    void (*store)(void *to);
} widths[] = {
    {"XMM", 16, 16, 0, xmm_load, xmm_store},
    {"YMM", 32, 16, XCR0_SSE | XCR0_AVX, ymm_load, ymm_store},
    {"ZMM", 64, 32, XCR0_SSE | XCR0_AVX | XCR0_AVX512, zmm_load, zmm_store},
};
static const struct width *width = widths;

static uint8_t wanted[32 * 64], seen[32 * 64];
static uint64_t masks_wanted[8], masks_seen[8];
static uint64_t offered, first_page, failures, seed = UINT64_C(0xD1B54A32D192ED03);

static uint64_t read_xcr0(void)
{
    uint32_t low, high;
    asm volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return (uint64_t)high << 32 | low;
}

static void write_xcr0(uint64_t value)
{
    asm volatile("xsetbv" : : "c"(0), "a"((uint32_t)value), "d"((uint32_t)(value >> 32)));
}

static void choose_width(void)
{
    uint64_t most = option("width", 64);
    if (cpuid(CPUID_FEATURES, 0).ecx & FEATURE_XSAVE)
        offered = cpuid(CPUID_XSTATE, 0).eax;
    for (uint32_t i = 1; i < sizeof widths / sizeof widths[0]; i++)
        if ((offered & widths[i].state) == widths[i].state && widths[i].bytes <= most)
            width = &widths[i];
    print("vectors: registers: ");
    print(width->name);
    print("\n");
}

static void fail(const char *what, uint64_t value)
{
    print("vectors: FAILED: ");
    print_fact(what, value);
    failures++;
}

/* Names the first register that is wrong, and its first wrong byte. */
static void compare(const char *when)
{
    width->store(seen);
    for (uint64_t i = 0; i < width->count * width->bytes; i++)
        if (seen[i] != wanted[i]) {
            print("vectors: FAILED: ");
            print(when);
            print(": register ");
            print_decimal(i / width->bytes);
            print_fact(", byte", i % width->bytes);
            failures++;
            return;
        }
}

/* Where registers are ZMM. */
static void compare_masks(const char *when)
{
    if (width->bytes != 64)
        return;
    masks_store(masks_seen);
    for (uint32_t i = 0; i < 8; i++)
        if (masks_seen[i] != masks_wanted[i]) {
            print("vectors: FAILED: ");
            print(when);
            print_fact(": opmask", i);
            failures++;
            return;
        }
}

static void touch_pages(void)
{
    for (uint32_t i = 0; i < TOUCHES; i++) {
        uint64_t page = (random_next(&seed) >> 20) % THRASHED_PAGES;
        volatile uint64_t *word = (volatile uint64_t *)(first_page + page * PAGE_BYTES);
        if (word[1] != word[0] * 3)
            fail("a page is not what was written", page);
        word[0]++;
        word[1] += 3;
    }
}

/* All registers live, XCR0 as given, and pages come and go. */
static void live_over(uint64_t xcr0)
{
    for (uint32_t i = 0; i < sizeof wanted; i += 8) {
        uint64_t word = random_next(&seed);
        memcpy(wanted + i, &word, sizeof word);
    }
    width->load(wanted);
    for (uint32_t i = 0; i < 8; i++)
        masks_wanted[i] = random_next(&seed);
    if (width->bytes == 64)
        masks_load(masks_wanted);
    if (offered != 0)
        write_xcr0(xcr0);
    touch_pages();
    if (offered != 0) {
        if (read_xcr0() != xcr0)
            fail("XCR0", read_xcr0());
        write_xcr0(XCR0_X87 | width->state);
    }
    print("vectors: kept with XCR0 = ");
    print_hexadecimal(xcr0);
    print("\n");
    compare("after misses");
    compare_masks("after misses");
}

int main(void)
{
    first_page = ((uintptr_t)image_end + PAGE_BYTES - 1) & ~(uint64_t)(PAGE_BYTES - 1);
    choose_width();
    if (offered != 0) {
        write_cr4(read_cr4() | CR4_OSXSAVE);
        if (read_xcr0() != XCR0_X87)
            fail("XCR0 at first", read_xcr0());
        write_xcr0(XCR0_X87 | width->state);
    }
    compare("at first");
    compare_masks("at first");

    const uint64_t states[] = {XCR0_X87, XCR0_X87 | XCR0_SSE, XCR0_X87 | XCR0_SSE | XCR0_AVX,
                               XCR0_X87 | XCR0_SSE | XCR0_AVX | XCR0_AVX512};
    for (uint32_t i = 0; i < sizeof states / sizeof states[0]; i++)
        if ((states[i] & ~(XCR0_X87 | width->state)) == 0)
            live_over(states[i]);
    if (offered & ~states[3])
        live_over(offered);     /* with all else that the CPU has */
    print_fact("vectors: failures", failures);
    if (failures == 0)
        print("vectors: all kept\n");
    return 0;
}
