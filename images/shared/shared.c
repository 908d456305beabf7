/* shared.c — a guest of SEV in small: finds the C-bit, runs with it in CR3, shares pages by naming
 * them without it, and lets QEMU's edu move data between them, where there is one.
 *
 * source  AMD APM vol 2 (24593), "Secure Encrypted Virtualization", and vol 3 (24594), "Encrypted
 *         Memory Capabilities"; QEMU, docs/specs/edu.rst
 */
#include "acpi.h"
#include "contract.h"
#include "guest.h"
#include "machine.h"
#include "pci.h"
#include "sev.h"
#include "traps.h"

#define PAGE          (16 * MIB)            /* what is shared and taken back */
#define SOURCE        (17 * MIB)            /* what the device reads */
#define TARGET        (18 * MIB)            /* where it writes */
#define NEIGHBOUR     (SOURCE + PAGE_BYTES) /* private all the time */
#define PRESSURE      (24 * MIB)            /* more pages than there are slots */
#define PRESSURE_PAGES 600u

#define COM_LINE_STATUS 5u
#define LINE_EMPTY    0x20u

#define EDU_SOURCE    0x80u
#define EDU_TARGET    0x88u
#define EDU_COUNT     0x90u
#define EDU_COMMAND   0x98u
#define EDU_START     1u
#define EDU_TO_MEMORY 2u
#define EDU_BUFFER    UINT64_C(0x40000)
#define BYTES         64u

static void check(const char *what, bool holds)
{
    print("shared: ");
    print(what);
    print(holds ? ": ok\n" : ": WRONG\n");
}

static bool is_all(const volatile uint8_t *bytes, uint8_t value, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        if (bytes[i] != value)
            return false;
    return true;
}

/* Pages that were written go to DRAM, and their slots to others. */
static void press(void)
{
    for (uint64_t i = 0; i < PRESSURE_PAGES; i++)
        private(PRESSURE)[i * PAGE_BYTES] = (uint8_t)i;
}

/* MARK: names */

static void change_names(void)
{
    memset(private(PAGE), 0x5E, PAGE_BYTES);
    press();
    check("zeroes when shared", is_all(shared(PAGE), 0, PAGE_BYTES));

    memset(shared(PAGE), 0xA1, PAGE_BYTES);
    private(PAGE)[PAGE_BYTES] = 1;          /* the neighbours are opened ahead */
    press();
    check("kept while shared", is_all(shared(PAGE), 0xA1, PAGE_BYTES));

    bool is_blank = is_all(private(PAGE), 0, PAGE_BYTES);
    memset(private(PAGE), 0x5E, PAGE_BYTES);
    press();
    check("zeroes when taken back", is_blank && is_all(private(PAGE), 0x5E, PAGE_BYTES));
    check("zeroes when shared again", is_all(shared(PAGE), 0, PAGE_BYTES));

    memset(private(PAGE), 0x5E, PAGE_BYTES);        /* it has a slot, and a mapping */
    memset(shared(PAGE), 0xA1, PAGE_BYTES);
    check("neither name shows what the other had",
          is_all(private(PAGE), 0, PAGE_BYTES) && is_all(shared(PAGE), 0, PAGE_BYTES));
}

/* Kernels map them by either name. */
static void read_firmware(void)
{
    uint64_t rsdp = acpi_rsdp(), rsdt = rsdp != 0 ? acpi_load32(rsdp + 16) : 0;
    check("the firmware's tables by both names",
          rsdt != 0 && memcmp(shared(rsdp), private(rsdp), ACPI_ENTRIES) == 0 &&
          memcmp(shared(rsdt), "RSDT", 4) == 0 && memcmp(private(rsdt), "RSDT", 4) == 0);
}

/* The hypervisor carries it out: it reads the page by the same name. */
static void print_from_shared(void)
{
    static const char text[] = "shared: text from a shared page\r\n";
    uint64_t count = sizeof text - 1;
    const uint8_t *from = shared(PAGE);
    memcpy(shared(PAGE), text, count);
    for (uint64_t i = 0; i < count; i++) {
        while (!(in8(COM1 + COM_LINE_STATUS) & LINE_EMPTY))
            ;
        asm volatile("outsb" : "+S"(from) : "d"((uint16_t)COM1) : "memory");
    }
}

/* #GP in front of an instruction at an address that RCX would go back to. */
extern const uint8_t fetch_refused[];
asm("fetch_refused: add $8, %rsp; mov %rcx, (%rsp); xor %eax, %eax; iretq");

static void run_shared(void)
{
    static const uint8_t code[] = {0xB8, 1, 0, 0, 0, 0xFF, 0xE1};  /* mov eax, 1; jmp rcx */
    uint32_t did_run = 1;
    memcpy(shared(PAGE), code, sizeof code);
    traps_set(VECTOR_GP, fetch_refused);
    asm volatile("lea 1f(%%rip), %%rcx; jmp *%1; 1:" : "=a"(did_run) : "r"(shared(PAGE))
                 : "rcx", "memory");
    print(did_run ? "shared: code in a shared page: RAN\n"
                  : "shared: code in a shared page: refused\n");
}

/* MARK: a device */

static volatile uint64_t *registers;

static void transfer(uint64_t from, uint64_t to, uint64_t command)
{
    registers[EDU_SOURCE / 8] = from;
    registers[EDU_TARGET / 8] = to;
    registers[EDU_COUNT / 8] = BYTES;
    registers[EDU_COMMAND / 8] = EDU_START | command;
    while (registers[EDU_COMMAND / 8] & EDU_START)
        ;
}

/* What the device finds there, by way of TARGET: one byte all over, or something else. */
static bool device_finds(uint64_t physical, uint8_t value)
{
    transfer(physical, EDU_BUFFER, 0);
    transfer(EDU_BUFFER, TARGET, EDU_TO_MEMORY);
    return is_all(shared(TARGET), value, BYTES);
}

static void check_device(const char *what, bool is_held)
{
    print("shared: the device and ");
    print(what);
    print(is_held ? ": held back\n" : ": REACHED\n");
}

static void use_device(void)
{
    uint64_t window = pci_find_edu(MEMORY_SPACE | BUS_MASTER);
    if (window == 0) {
        print("shared: no device\n");
        return;
    }
    registers = (volatile uint64_t *)shared(window);
    print(*(volatile uint32_t *)registers == EDU_ID ? "shared: the device's registers: ok\n"
                                                    : "shared: the device's registers: WRONG\n");
    memset(shared(SOURCE), 0xA5, PAGE_BYTES);
    memset(shared(TARGET), 0xFF, PAGE_BYTES);
    bool moves = device_finds(SOURCE, 0xA5);
    print(moves ? "shared: the device moves data between shared pages\n"
                : "shared: the device moves nothing\n");
    if (!moves)
        return;

    /* Their homes hold ciphertext, which is not all zeroes; what is held back reads as zeroes. */
    memset(private(NEIGHBOUR), 0x5E, PAGE_BYTES);
    press();
    check_device("a private page", device_finds(NEIGHBOUR, 0));
    memset(private(SOURCE), 0x5E, PAGE_BYTES);
    press();
    check_device("a page that was taken back", device_finds(SOURCE, 0));
    transfer(EDU_BUFFER + BYTES, SOURCE, EDU_TO_MEMORY);
    check("a page that was taken back is as it was", is_all(private(SOURCE), 0x5E, PAGE_BYTES));
}

int main(void)
{
    if (!sev_start()) {
        print("shared: not offered\n");
        power_off();
    }
    print_fact("shared: the C-bit is bit", (uint64_t)__builtin_ctzll(c_bit));
    traps_start();

    /* As kernels unpack themselves: the bit is in entries already. */
    load_cr3((uint64_t)top);
    memset(private(PAGE), 0x5E, PAGE_BYTES);
    shared(PAGE)[1] = 0x5F;
    check("both names before the C-bit is in CR3",
          memcmp(private(PAGE), shared(PAGE), PAGE_BYTES) == 0 && private(PAGE)[1] == 0x5F);

    load_cr3((uint64_t)top | c_bit);
    press();
    check("private pages afterwards",
          private(PAGE)[0] == 0x5E && is_all(private(PAGE) + 2, 0x5E, PAGE_BYTES - 2));
    change_names();
    read_firmware();
    print_from_shared();
    run_shared();
    use_device();
    print("shared: done\n");
    power_off();
}
