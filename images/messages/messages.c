/* messages.c — what leaves the local APIC and the I/O APIC. An interrupt and an NMI of its own
 * arrive; what would start, stop or interrupt another CPU, or be an SMI, is dropped; and the
 * instructions that write to these devices do what they say.
 *
 * source  Intel SDM (325462) vol 3, "Interrupt Command Register (ICR)", "Local Vector Table" and
 *         "x2APIC Register Address Space";
 *         Intel 82093AA (290566); AMD APM vol 3 (24594), OR */
#include "apic.h"
#include "guest.h"
#include "machine.h"
#include "traps.h"

#define VECTOR         0x40u
#define LVT_THERMAL    0x330u
#define APIC_TPR       0x80u
#define LVT_EXTENDED   0x500u       /* AMD's: AMD APM vol 2 (24593), "Extended LVT" */
#define TIMER_COUNT    0x380u       /* all 32 bits can be written; masked, it counts and no more */
#define LVT_MASKED     0x10000u
#define ICR_FIXED_SELF 0x44000u
#define IO_APIC        UINT64_C(0xFEC00000)
#define REDIRECTION    0x2Eu        /* of pin 15, low half */
#define MSR_APIC_BASE  0x1Bu
#define APIC_BASE_ON   BIT(11)
#define APIC_BASE_EXTD BIT(10)
#define CPUID_X2APIC   BIT(21)
#define X2APIC(offset) (0x800u + (offset) / 16)
#define WRMSR_BYTES    2u
#define COM2           0x2F8u       /* the hypervisor's: reads ones */
#define PIC1_MASKS     0x21u        /* Intel 8259A */
#define PIC2_MASKS     0xA1u
#define ROUNDS         400u
#define PAUSES         5000u

/* SMI, INIT, a reserved one, and the start-up message, for vector D0h: delivery modes. */
static const uint32_t modes[] = {0x200, 0x500, 0x300, 0x6D0};
#define MODES (sizeof modes / sizeof modes[0])
#define ASSERT 0x4000u
#define NMI    0x400u

static volatile uint64_t interrupts;
static uint64_t failures, checks;

asm("interrupt: push %rax\n"
    "incq interrupts(%rip)\n"
    "mov $0xFEE000B0, %eax\n"
    "movl $0, (%rax)\n"
    "pop %rax\n"
    "iretq\n");
extern const uint8_t interrupt[];

static void check(const char *what, bool is_right)
{
    checks++;
    failures += !is_right;
    if (!is_right) {
        print("messages: WRONG: ");
        print(what);
        print("\n");
    }
}

static void wait(void)
{
    for (uint32_t i = 0; i < PAUSES; i++)
        asm volatile("pause");
}

#define FLAGS_SET(instruction, flags, ...)                                                        \
    asm volatile(instruction "\n pushfq\n pop %0" : "=r"(flags) : __VA_ARGS__ : "cc", "memory")

/* Each form of a store, on a register that keeps what it is given. */
static void stores(void)
{
    volatile uint32_t *count = apic(TIMER_COUNT);
    uint64_t flags, ten = UINT64_C(0x1122334400000010);
    asm volatile("movl %k1, (%0)" : : "r"(count), "r"(ten) : "memory");
    check("MOV from a register", *count == 0x10);
    asm volatile("movl $0x12345678, 0x80(%0)" : : "r"(apic(TIMER_COUNT - 0x80)) : "memory");
    check("MOV of an immediate", *count == 0x12345678);
    asm volatile("mov %k0, %%r9d; mov %1, %%r10; movl %%r9d, (%%r10,%2,4)"
                 : : "r"(ten), "r"(apic(TIMER_COUNT - 0x40)), "r"(UINT64_C(0x10))
                 : "r9", "r10", "memory");
    check("MOV with REX and SIB", *count == 0x10);
    asm volatile("movabsl %%eax, 0xFEE00380" : : "a"(0x77) : "memory");
    check("MOV to an absolute address", *count == 0x77);
    FLAGS_SET("orl $-128, (%1)", flags, "r"(count));
    check("OR of a byte", *count == 0xFFFFFFF7 && (flags & 0x8C5) == 0x80);
    FLAGS_SET("andl $0xFF, (%1)", flags, "r"(count));
    check("AND of an immediate", *count == 0xF7 && (flags & 0x8C5) == 0);
    FLAGS_SET("xorl %k2, (%1)", flags, "r"(count), "r"(0xF7));
    check("XOR with a register", *count == 0 && (flags & 0x8C5) == 0x44);
    FLAGS_SET("orl %k2, (%1)", flags, "r"(count), "r"(0x30));
    check("OR with a register", *count == 0x30 && (flags & 0x8C5) == 4);
    FLAGS_SET("andl %k2, (%1)", flags, "r"(count), "r"(0x10));
    check("AND with a register", *count == 0x10 && (flags & 0x8C5) == 0);
    traps_expect(VECTOR_GP, 3);
    asm volatile("movb $1, (%0)" : : "a"(count) : "memory");
    check("a byte: #GP", *count == 0x10 && trap_counts[VECTOR_GP] == 1);
    uint32_t *to = (uint32_t *)(uintptr_t)count;
    asm volatile("cld; insl" : "+D"(to) : "d"(COM2) : "memory");
    check("INS from a watched port", *count == 0x10);
    *count = 0;
}

static uint32_t io_apic(uint32_t number, const uint32_t *value)
{
    volatile uint32_t *index = (volatile uint32_t *)IO_APIC, *data = index + 4;
    *index = number;
    if (value != 0)
        *data = *value;
    return *data;
}

/* Of registers that describe messages: which take what they must not. */
static void registers(void)
{
    uint32_t taken = 0, before = io_apic(REDIRECTION, 0);
    for (uint32_t i = 0; i < MODES; i++) {
        uint32_t value = LVT_MASKED | modes[i];
        *apic(LVT_THERMAL) = value;
        taken += (*apic(LVT_THERMAL) & 0x700) == (value & 0x700);
        taken += (io_apic(REDIRECTION, &value) & 0x700) == (value & 0x700);
    }
    print_fact("messages: registers that took a message", taken);
    uint32_t fixed = LVT_MASKED | 0x51;
    check("the I/O APIC takes an interrupt", (io_apic(REDIRECTION, &fixed) & 0x107FF) == fixed);
    uint32_t own = *apic(APIC_ID), other = own ^ (1u << 24), nmi = LVT_MASKED | NMI;
    (void)io_apic(REDIRECTION + 1, &own);
    check("the I/O APIC takes an NMI", (io_apic(REDIRECTION, &nmi) & 0x107FF) == nmi);
    check("the NMI stays with us", io_apic(REDIRECTION + 1, &other) >> 24 == own >> 24);
    (void)io_apic(REDIRECTION, &before);
    (void)io_apic(REDIRECTION + 1, &other);
    check("the I/O APIC takes a destination", io_apic(REDIRECTION + 1, &other) == other);
    check("no NMI for others", (io_apic(REDIRECTION, &nmi) & 0x107FF) != nmi);
    (void)io_apic(REDIRECTION, &before);
    (void)io_apic(REDIRECTION + 1, &own);
    *apic(LVT_THERMAL) = LVT_MASKED | NMI;
    check("the LVT takes an NMI", (*apic(LVT_THERMAL) & 0x700) == NMI);
}

/* Where no register is, QEMU takes a message that a device might send; by its ID messages find a
 * CPU, so a new one would be another's. */
static void strange_registers(void)
{
    uint32_t own = *apic(APIC_ID);
    for (uint32_t offset = 0; offset < PAGE_BYTES; offset += 16)
        if (offset < APIC_TPR || offset > ICR_HIGH + 0xE0)
            for (uint32_t i = 0; i < MODES; i++)
                *apic(offset) = ASSERT | modes[i];
    *apic(APIC_ID) = own ^ 1u << 24;
    check("the ID stays", *apic(APIC_ID) == own);
}

static bool is_refused(uint32_t msr, uint64_t value)
{
    uint64_t before = trap_counts[VECTOR_GP];
    traps_expect(VECTOR_GP, WRMSR_BYTES);
    wrmsr(msr, value);
    traps_expect(TRAP_VECTORS, 0);
    return trap_counts[VECTOR_GP] == before + 1;
}

/* The same registers as MSRs: what the CPU refuses is a #GP, where it has them at all. */
static void x2apic(void)
{
    uint64_t base = rdmsr(MSR_APIC_BASE);
    bool has = cpuid(1, 0).ecx & CPUID_X2APIC;
    check("no MSR before x2APIC mode", !has || is_refused(X2APIC(ICR_LOW), ICR_FIXED_SELF));
    if (has)
        wrmsr(MSR_APIC_BASE, base | APIC_BASE_EXTD);
    check("a reserved register", !has || is_refused(X2APIC(ICR_HIGH), 0));
    check("a reserved bit", !has || is_refused(X2APIC(LVT_THERMAL), BIT(40) | LVT_MASKED));
    check("the ID", !has || is_refused(X2APIC(APIC_ID), 1));
    check("AMD's own", !has || is_refused(X2APIC(LVT_EXTENDED), LVT_MASKED | modes[0]));
    if (has)
        wrmsr(X2APIC(LVT_THERMAL), LVT_MASKED | VECTOR);
    check("an interrupt", !has || rdmsr(X2APIC(LVT_THERMAL)) == (LVT_MASKED | VECTOR));
    print_fact("messages: x2APIC", has);
    if (has) {
        wrmsr(MSR_APIC_BASE, base & ~(APIC_BASE_ON | APIC_BASE_EXTD));
        wrmsr(MSR_APIC_BASE, base);
    }
}

static void send(uint32_t destination, uint32_t command)
{
    *apic(ICR_HIGH) = destination << 24;
    *apic(ICR_LOW) = command;
}

/* To CPU 1, to all others, and to all. */
static void to_others(void)
{
    static const uint32_t shorthands[] = {0, 0xC0000, 0x80000};
    for (uint32_t round = 0; round < option("rounds", ROUNDS); round++) {
        for (uint32_t i = 0; i < 3; i++) {
            send(1, shorthands[i] | ASSERT | NMI);
            for (uint32_t mode = 0; mode < MODES; mode++)
                send(1, shorthands[i] | ASSERT | modes[mode]);
        }
        wait();
    }
}

int main(void)
{
    traps_start();
    traps_set(VECTOR, interrupt);
    out8(PIC1_MASKS, 0xFF);
    out8(PIC2_MASKS, 0xFF);
    *apic(APIC_SPURIOUS) |= APIC_ENABLED;
    print("messages: ready\n");
    stores();
    registers();
    traps_expect(VECTOR_NMI, 0);
    send(*apic(APIC_ID) >> 24, ASSERT | NMI);
    wait();
    asm volatile("sti");
    send(0, ICR_FIXED_SELF | VECTOR);
    wait();
    asm volatile("cli");
    print_fact("messages: interrupts", interrupts);
    print_fact("messages: NMIs", trap_counts[VECTOR_NMI]);
    to_others();
    strange_registers();
    x2apic();
    print_fact("messages: checks", checks);
    print_fact("messages: failures", failures);
    return 0;
}
