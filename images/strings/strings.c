/* strings.c — INS and OUTS on ports that the hypervisor watches, where they lie in pages of every
 * kind: what is read and written, what registers hold afterwards and in the middle of a fault, and
 * that a single step and a breakpoint come between the elements.
 *
 * source  AMD APM vol 3 (24594), INS, OUTS; vol 2 (24593), "Page-Protection Checks", "Page-Fault
 *         Exception (#PF)"; Intel 8042 data sheet */
#include "debug.h"
#include "guest.h"
#include "traps.h"

#define COM2          0x2F8u
#define KEYBOARD_DATA 0x60u
#define KEYBOARD      0x64u
#define SELF_TEST     0xAAu     /* to 64h: the controller answers 55h at 60h */
#define SELF_TEST_OK  0x55u
#define KEYBOARD_HAS  0x01u     /* status: a byte waits at 60h */
#define MSR_FS_BASE   0xC0000100u
#define CR4_SMAP      BIT(21)
#define CPUID_7_SMAP  BIT(20)
#define VECTOR_PF     14u
#define INSB_BYTES    1u
#define PTE_P 1u
#define PTE_W 2u
#define PTE_U 4u
#define PTE_A 0x20u
#define PTE_D 0x40u
#define ALL   (PTE_P | PTE_W | PTE_U)
#define ERROR_P 1u
#define ERROR_W 2u
#define ERROR_U 4u

#define LINEAR (UINT64_C(1) << 39)      /* the second entry of the highest table */
#define PAGES  4u
#define CODE   4u                       /* of ring 3, behind them */

struct registers {
    uint64_t rcx, rdx, rdi, rsi;
};

/* strings.asm */
void once_insb(struct registers *), rep_insb(struct registers *), rep_insw(struct registers *);
void rep_insw_down(struct registers *), rep_outsb(struct registers *);
void repne_outsd(struct registers *), rep_insb_32(struct registers *);
void once_outsb_fs(struct registers *), rep_insb_stepped(struct registers *);
void user_rep_insb(struct registers *, uint64_t stack, uint64_t code, void *task);
extern const uint8_t rep_insb_at[], once_insb_at[], fault_handler[], user_end[], user_code[];
extern volatile struct { uint64_t cr2, error, rcx, rdi, rsi; } fault_log;
extern volatile uint64_t fault_count, fault_gives, fault_takes;
extern volatile uint64_t *volatile fault_entry;

static _Alignas(PAGE_BYTES) volatile uint64_t pointers[512], directory[512], table[512];
static _Alignas(PAGE_BYTES) uint8_t frames[PAGES][PAGE_BYTES];
static uint64_t checks, wrong;

static void check(const char *what, bool is_right)
{
    checks++;
    if (is_right)
        return;
    print("strings: wrong: ");
    print(what);
    print_fact(", faults", fault_count);
    wrong++;
}

/* Page `page` is mapped so, its neighbours with all rights; frames are cleared. */
static void map(uint64_t page, uint64_t rights)
{
    for (uint64_t i = 0; i < PAGES; i++)
        table[i] = (uint64_t)(uintptr_t)frames[i] | (i == page ? rights : ALL);
    table[CODE] = (uint64_t)(uintptr_t)user_code | PTE_P | PTE_U;
    memset(frames, 0, sizeof frames);
    for (uint64_t i = 0; i <= CODE; i++)
        asm volatile("invlpg (%0)" : : "r"(LINEAR + i * PAGE_BYTES) : "memory");
    fault_entry = &table[page];
    fault_gives = ALL;
    fault_takes = 0;
    fault_count = 0;
}

static void map_tables(void)
{
    uint64_t cr3;
    asm volatile("mov %%cr3, %0" : "=r"(cr3));
    pointers[0] = (uint64_t)(uintptr_t)directory | ALL;
    directory[0] = (uint64_t)(uintptr_t)table | ALL;
    ((volatile uint64_t *)(uintptr_t)(cr3 & ~UINT64_C(0xFFF)))[1] =
        (uint64_t)(uintptr_t)pointers | ALL;
}

/* COM2 reads as ones: as many as were asked for, and no more. */
static bool is_filled(const uint8_t *at, uint64_t bytes)
{
    for (uint64_t i = 0; i < bytes; i++)
        if (at[i] != 0xFF)
            return false;
    return at[bytes] == 0 && at[-1] == 0;
}

static uint8_t keyboard_answer(void)
{
    for (uint32_t i = 0; i < 1000000 && !(in8(KEYBOARD) & KEYBOARD_HAS); i++)
        ;
    struct registers answer = {1, KEYBOARD_DATA, LINEAR, 0};
    once_insb(&answer);
    return frames[0][0];
}

static void registers_after(void)
{
    map(0, ALL);
    struct registers r = {5, COM2, LINEAR + 16, 0};
    rep_insb(&r);
    check("rep insb", is_filled(frames[0] + 16, 5) && r.rcx == 0 && r.rdi == LINEAR + 21);

    map(0, ALL);
    r = (struct registers){4, COM2, LINEAR + 64, 0};
    rep_insw_down(&r);
    check("rep insw, down", is_filled(frames[0] + 58, 8) && r.rcx == 0 && r.rdi == LINEAR + 56);

    r = (struct registers){7, COM2, 0, LINEAR + 3};
    rep_outsb(&r);
    check("rep outsb", r.rcx == 0 && r.rsi == LINEAR + 10);
    r = (struct registers){3, COM2, 0, LINEAR};
    repne_outsd(&r);
    check("repne outsd", r.rcx == 0 && r.rsi == LINEAR + 12);

    map(0, ALL);
    r = (struct registers){9, COM2, LINEAR + 8, 0};
    once_insb(&r);
    check("insb", is_filled(frames[0] + 8, 1) && r.rcx == 9 && r.rdi == LINEAR + 9);
    r = (struct registers){0, COM2, LINEAR, LINEAR};
    rep_insb(&r);
    check("rep insb of nothing", frames[0][0] == 0 && r.rcx == 0 && r.rdi == LINEAR);

    r = (struct registers){BIT(32) + 3, COM2, BIT(40) + (uint64_t)(uintptr_t)frames[1], 0};
    rep_insb_32(&r);
    check("rep insb, 32-bit addresses", is_filled(frames[1], 3) && r.rcx == 0 &&
                                            r.rdi == (uint64_t)(uintptr_t)frames[1] + 3);
}

/* By way of the keyboard controller, which answers one command: the value comes from where FS
 * says. */
static void values(void)
{
    map(0, ALL);
    frames[1][7] = SELF_TEST;
    wrmsr(MSR_FS_BASE, LINEAR + PAGE_BYTES);
    struct registers r = {1, KEYBOARD, 0, 7};
    once_outsb_fs(&r);
    check("fs outsb, insb", keyboard_answer() == SELF_TEST_OK && r.rsi == 8);
    r = (struct registers){3, KEYBOARD, LINEAR + 32, 0};
    rep_insb(&r);
    check("rep insb from 64h", frames[0][32] == in8(KEYBOARD) && frames[0][34] == frames[0][32] &&
                                   frames[0][35] == 0);
}

static bool has_faulted(uint64_t cr2, uint64_t error, uint64_t rcx)
{
    return fault_count == 1 && fault_log.cr2 == cr2 && fault_log.error == error &&
           fault_log.rcx == rcx;
}

static void faults(void)
{
    map(1, 0);
    struct registers r = {8, COM2, LINEAR + PAGE_BYTES - 3, 0};
    rep_insb(&r);
    check("a page that is missing", has_faulted(LINEAR + PAGE_BYTES, ERROR_W, 5) &&
                                        fault_log.rdi == LINEAR + PAGE_BYTES && r.rcx == 0 &&
                                        is_filled(frames[1] - 3, 8));
    map(1, 0);
    r = (struct registers){2, COM2, LINEAR + PAGE_BYTES - 1, 0};
    rep_insw(&r);
    check("half a word's page", has_faulted(LINEAR + PAGE_BYTES, ERROR_W, 2) &&
                                    is_filled(frames[1] - 1, 4));
    map(1, PTE_P | PTE_U);
    r = (struct registers){2, COM2, LINEAR + PAGE_BYTES - 1, 0};
    rep_insb(&r);
    check("a page that is read-only",
          has_faulted(LINEAR + PAGE_BYTES, ERROR_W | ERROR_P, 1) && r.rcx == 0);
    map(1, 0);
    r = (struct registers){4, COM2, 0, LINEAR + PAGE_BYTES - 2};
    rep_outsb(&r);
    check("a page to be read", has_faulted(LINEAR + PAGE_BYTES, 0, 2) && r.rcx == 0 &&
                                   fault_log.rsi == LINEAR + PAGE_BYTES);
    traps_expect(VECTOR_GP, INSB_BYTES);
    r = (struct registers){1, COM2, BIT(62), 0};
    once_insb(&r);
    check("no canonical address", r.rdi == BIT(62) && trap_counts[VECTOR_GP] == 1);
}

static void marks(void)
{
    map(0, ALL);
    struct registers r = {2, COM2, 0, LINEAR + 2 * PAGE_BYTES};
    rep_outsb(&r);
    check("a page read is accessed", (table[2] & (PTE_A | PTE_D)) == PTE_A);
    r = (struct registers){2, COM2, LINEAR + PAGE_BYTES, 0};
    rep_insb(&r);
    check("a page written is dirty", (table[1] & (PTE_A | PTE_D)) == (PTE_A | PTE_D));
    check("others are neither", !(table[3] & (PTE_A | PTE_D)));
}

static void traps(void)
{
    uint64_t at = (uint64_t)(uintptr_t)rep_insb_at;

    map(0, ALL);
    traps_set(VECTOR_DB, debug_handler);
    write_cr4(read_cr4() | CR4_DE);
    debug_count = 0;
    debug_keeps_step = true;
    struct registers r = {3, COM2, LINEAR, 0};
    rep_insb_stepped(&r);
    asm volatile("pushfq; andl $~0x100, (%%rsp); popfq" : : : "memory");
    debug_keeps_step = false;
    /* The jump there is stepped over as well; between the iterations RF is pushed. */
    check("single steps", debug_count > 4 && debug_log[0].rip == at && debug_log[1].rip == at &&
                              debug_log[2].rip == at && debug_log[3].rip != at &&
                              !(debug_log[0].rflags & RFLAGS_RF) &&
                              (debug_log[1].rflags & RFLAGS_RF) &&
                              (debug_log[2].rflags & RFLAGS_RF) &&
                              !(debug_log[3].rflags & RFLAGS_RF));
    WATCH(0, LINEAR + 17, TYPE_WRITE, 0);
    r = (struct registers){4, COM2, LINEAR + 16, 0};
    rep_insb(&r);
    check("a breakpoint on what is written", debug_count == 1 && debug_log[0].rip == at &&
                                                 (debug_log[0].dr6 & DR6_CAUSES) == BIT(0));
    WATCH(0, LINEAR + 17, TYPE_WRITE, 0);
    r = (struct registers){4, COM2, 0, LINEAR + 16};
    rep_outsb(&r);
    check("what is read", debug_count == 0);
    WATCH(2, COM2, TYPE_PORT, 0);
    r = (struct registers){4, COM2, LINEAR, 0};
    rep_insb(&r);
    check("a breakpoint on the port", debug_count == 4 && debug_log[0].rip == at &&
                                          debug_log[3].rip != at);
    write_dr7(0);
}

/* Of a page of the user's: the kernel may not, without RFLAGS.AC; the user may. */
static void privileges(void)
{
    static uint8_t task[0x68];
    static uint64_t descriptors[8] = {
        0, 0, 0x00AF9B000000FFFF, 0x00CF93000000FFFF, 0x00CFF3000000FFFF, 0x00AFFB000000FFFF};
    struct __attribute__((packed)) {
        uint16_t limit;
        uint64_t base;
    } pointer = {sizeof descriptors - 1, (uint64_t)(uintptr_t)descriptors};
    uint64_t base = (uint64_t)(uintptr_t)task;
    struct registers r;

    descriptors[6] = (sizeof task - 1) | (base & 0xFFFFFF) << 16 | UINT64_C(0x89) << 40 |
                     (base >> 24 & 0xFF) << 56;
    asm volatile("lgdt %0" : : "m"(pointer));
    traps_set(VECTOR_UD, user_end);
    map(1, PTE_P | PTE_W);
    r = (struct registers){4, COM2, LINEAR + PAGE_BYTES - 2, 0};
    user_rep_insb(&r, LINEAR + PAGE_BYTES, LINEAR + CODE * PAGE_BYTES, task);
    check("ring 3 in the kernel's page",
          has_faulted(LINEAR + PAGE_BYTES, ERROR_U | ERROR_W | ERROR_P, 2) && r.rcx == 0 &&
              is_filled(frames[1] - 2, 4));
    if (!(cpuid(7, 0).ebx & CPUID_7_SMAP)) {
        print("strings: no SMAP here\n");
        checks += 2;
        return;
    }
    map(1, ALL);
    write_cr4(read_cr4() | CR4_SMAP);
    asm volatile("stac");
    r = (struct registers){2, COM2, LINEAR + PAGE_BYTES, 0};
    rep_insb(&r);
    asm volatile("clac");
    check("SMAP with AC", fault_count == 0 && r.rcx == 0);
    fault_takes = PTE_U;
    r = (struct registers){2, COM2, LINEAR + PAGE_BYTES, 0};
    rep_insb(&r);
    write_cr4(read_cr4() & ~CR4_SMAP);
    check("SMAP", has_faulted(LINEAR + PAGE_BYTES, ERROR_W | ERROR_P, 2) && r.rcx == 0);
}

int main(void)
{
    map_tables();
    traps_start();
    traps_set(VECTOR_PF, fault_handler);
    registers_after();
    values();
    faults();
    marks();
    traps();
    privileges();
    print_fact("strings: checks", checks);
    print_fact("strings: failures", wrong);
    return 0;
}
