/* debug.c — what debug registers and flags hold after instructions that the hypervisor carries out:
 * what the CPU changes when it delivers an exception, and breakpoints on watched ports and on
 * operands. A port that nobody watches shows that the machine itself does so.
 *
 * source  AMD APM vol 2 (24593), "Debug Exception (#DB)", "Breakpoints", "CR0 Register"; Intel SDM
 *         (325462) vol 3, 17.2 and 17.3.1.1 (RF) */
#include "debug.h"

#include "guest.h"
#include "traps.h"

#define COM2            0x2F8u
#define KEYBOARD_DATA   0x60u
#define SYSTEM_PORT_B   0x61u       /* not watched */
#define KEYBOARD        0x64u
#define SYSTEM_CONTROL  0x92u
#define RESET_CONTROL   0xCF9u
#define MSR_FEATURE_CONTROL 0x3Au
#define CR0_RESERVED    (BIT(6) | BIT(15) | BIT(17) | BIT(19) | BIT(28))
#define WRMSR_BYTES     2u
#define MONITOR_BYTES   3u

static uint64_t checks, wrong;

static void check(const char *what, bool is_right)
{
    checks++;
    if (is_right)
        return;
    print("debug: wrong: ");
    print(what);
    print_fact(", traps", debug_count);
    for (uint64_t i = 0; i < debug_count && i < 16; i++) {
        print_hexadecimal(debug_log[i].dr6);
        print(" ");
        print_hexadecimal(debug_log[i].dr7);
        print("\n");
    }
    wrong++;
}

/* One trap for these causes, or none for no cause, since WATCH. DR7.GD must have ended with it. */
static void expect(const char *what, uint64_t causes)
{
    bool is_right = causes == 0 ? debug_count == 0
                                : debug_count == 1 && (debug_log[0].dr6 & DR6_CAUSES) == causes &&
                                      !(debug_log[0].dr7 & DR7_GD);
    check(what, is_right);
    write_dr7(0);
    debug_count = 0;
}

static void general_detect(void)
{
    uint32_t a = 0, c = 0;

    write_dr7(DR7_GD);
    asm volatile(STEPPED "cpuid" : "+a"(a), "+c"(c) : : "rbx", "rdx", "memory");
    expect("GD ends with a single step", DR6_BS);
    WATCH(0, COM2, TYPE_PORT, 0);
    write_dr7(DR7_GLOBAL(0) | DR7_TYPE(0, TYPE_PORT) | DR7_GD);
    (void)in8(COM2);
    expect("GD ends with a breakpoint", BIT(0));
}

/* A fault's RFLAGS are pushed with RF, a trap's without. */
static void resume_flag(void)
{
    traps_expect(VECTOR_GP, WRMSR_BYTES);
    wrmsr(MSR_FEATURE_CONTROL, 0);
    check("RF with #GP", trap_flags & RFLAGS_RF);
    trap_flags = 0;
    traps_expect(VECTOR_UD, MONITOR_BYTES);
    asm volatile("monitor" : : "a"(&checks), "c"(0), "d"(0));
    check("RF with #UD", trap_flags & RFLAGS_RF);
    asm volatile(STEPPED "wbinvd" : : : "memory");
    check("no RF with #DB", !(debug_log[0].rflags & RFLAGS_RF));
    expect("a step", DR6_BS);
}

static void control_register(void)
{
    uint64_t before, after;

    asm volatile("mov %%cr0, %0" : "=r"(before));
    asm volatile("mov %1, %%cr0; mov %%cr0, %0; mov %2, %%cr0"
                 : "=r"(after) : "r"(before | CR0_RESERVED), "r"(before));
    check("reserved bits of CR0 read as 0", after == before);
}

static void ports(void)
{
    uint16_t pm1a = (uint16_t)entry.pm1a_control;
    static const uint16_t readable[] = {
        SYSTEM_PORT_B, COM2, COM2 + 7, KEYBOARD_DATA, KEYBOARD, SYSTEM_CONTROL, RESET_CONTROL};

    for (uint32_t i = 0; i < sizeof readable / sizeof readable[0]; i++) {
        WATCH(0, readable[i], TYPE_PORT, 0);
        (void)in8(readable[i]);
        expect("IN", BIT(0));
    }
    WATCH(1, pm1a, TYPE_PORT, 1);
    (void)in16(pm1a);
    expect("IN from PM1a", BIT(1));
    WATCH(3, COM2, TYPE_PORT, 0);
    out8(COM2, 0);
    expect("OUT to COM2", BIT(3));
    uint8_t control = in8(SYSTEM_CONTROL);
    WATCH(0, SYSTEM_CONTROL, TYPE_PORT, 0);
    out8(SYSTEM_CONTROL, control);
    expect("OUT to 92h", BIT(0));
    WATCH(2, RESET_CONTROL, TYPE_PORT, 0);
    out8(RESET_CONTROL, 0);
    expect("OUT to CF9h", BIT(2));

    WATCH(0, COM2 + 1, TYPE_PORT, 0);
    (void)in16(COM2);
    expect("a word's second byte", BIT(0));
    WATCH(0, COM2 + 1, TYPE_PORT, 0);
    (void)in8(COM2);
    expect("the port before it", 0);
    WATCH(0, COM2, TYPE_PORT, 3);
    (void)in8(COM2 + 3);
    expect("four ports, the last", BIT(0));
    WATCH(0, COM2 + 4, TYPE_PORT, 3);
    (void)in8(COM2 + 3);
    expect("the port before four", 0);
    WATCH(0, COM2, TYPE_WRITE, 0);
    out8(COM2, 0);
    expect("a breakpoint on memory", 0);
    WATCH(0, COM2, TYPE_PORT, 0);
    write_dr7(DR7_TYPE(0, TYPE_PORT));
    (void)in8(COM2);
    expect("a breakpoint that is off", 0);
    WATCH(0, COM2, TYPE_PORT, 0);
    write_cr4(read_cr4() & ~CR4_DE);
    (void)in8(COM2);
    write_cr4(read_cr4() | CR4_DE);
    expect("without CR4.DE", 0);

    WATCH(1, COM2, TYPE_PORT, 0);
    WATCH(2, COM2, TYPE_PORT, 0);
    write_dr7(DR7_GLOBAL(1) | DR7_TYPE(1, TYPE_PORT) | DR7_GLOBAL(2) | DR7_TYPE(2, TYPE_PORT));
    asm volatile(STEPPED "inb %%dx, %%al" : : "d"(COM2) : "rax", "memory");
    expect("two breakpoints and a step", BIT(1) | BIT(2) | DR6_BS);
}

static void operand(void)
{
    static uint64_t word, other;

    asm volatile("mov %%cr0, %0" : "=r"(word));
    WATCH(0, &word, TYPE_ACCESS, 1);
    asm volatile("lmsw %0" : : "m"(word));
    expect("LMSW's operand", BIT(0));
    WATCH(0, &other, TYPE_ACCESS, 1);
    asm volatile("lmsw %0" : : "m"(word));
    expect("LMSW of another", 0);
}

int main(void)
{
    traps_start();
    traps_set(VECTOR_DB, debug_handler);
    write_cr4(read_cr4() | CR4_DE);
    general_detect();
    resume_flag();
    control_register();
    ports();
    operand();
    print_fact("debug: checks", checks);
    print_fact("debug: failures", wrong);
    return 0;
}
