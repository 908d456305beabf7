/* guest.c — console, power and the memory functions that a freestanding compiler calls.
 *
 * source  NS 16550 data sheet (line status); ACPI 6.4, section 4.8.3.2 (PM1 control) */
#include "guest.h"

#include "machine.h"

#define COM1            0x3F8u
#define COM_LINE_STATUS 5u
#define LINE_EMPTY      0x20u       /* transmitter holding register */
#define PM1_SLP_EN      0x2000u     /* sleep now; type 0 is S5 on QEMU's PIIX4 */

static void print_byte(char byte)
{
    while (!(in8(COM1 + COM_LINE_STATUS) & LINE_EMPTY))
        ;
    out8(COM1, (uint8_t)byte);
}

void print(const char *text)
{
    for (; *text != 0; text++) {
        if (*text == '\n')
            print_byte('\r');
        print_byte(*text);
    }
}

static void print_number(uint64_t value, uint64_t base)
{
    char digits[21];
    char *at = digits + sizeof digits - 1;

    *at = 0;
    do {
        *--at = "0123456789abcdef"[value % base];
        value /= base;
    } while (value != 0);
    print(at);
}

void print_decimal(uint64_t value)
{
    print_number(value, 10);
}

void print_hexadecimal(uint64_t value)
{
    print("0x");
    print_number(value, 16);
}

void print_fact(const char *name, uint64_t value)
{
    print(name);
    print(": ");
    print_decimal(value);
    print("\n");
}

void power_off(void)
{
    if (entry.pm1a_control != 0)
        out16((uint16_t)entry.pm1a_control, PM1_SLP_EN);
    print("power-off did not happen\n");
    halt();
}

void *memset(void *to, int byte, size_t bytes)
{
    void *at = to;
    asm volatile("rep stosb" : "+D"(at), "+c"(bytes) : "a"(byte) : "memory");
    return to;
}

void *memcpy(void *restrict to, const void *restrict from, size_t bytes)
{
    void *at = to;
    asm volatile("rep movsb" : "+D"(at), "+S"(from), "+c"(bytes) : : "memory");
    return to;
}

int memcmp(const void *left, const void *right, size_t bytes)
{
    const uint8_t *l = left, *r = right;
    for (; bytes > 0; bytes--, l++, r++)
        if (*l != *r)
            return *l - *r;
    return 0;
}
