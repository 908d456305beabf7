/* guest.c — console, power and the memory functions that a freestanding compiler calls.
 *
 * source  NS 16550 data sheet (line status); ACPI 6.4, section 4.8.3.2 (PM1 control) */
#include "guest.h"

#include "contract.h"
#include "machine.h"

#define COM_LINE_STATUS 5u
#define LINE_EMPTY      0x20u       /* transmitter holding register */
#define CMD_LINE_PTR    0x228u      /* in Linux's boot_params: Documentation/arch/x86/zero-page */
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

/* What stands behind "name=", or null. */
static const char *option_value(const char *name)
{
    if (entry.boot_parameters == 0)
        return 0;
    uintptr_t   pointer = (uintptr_t)(entry.boot_parameters + CMD_LINE_PTR);
    const char *at = (const char *)(uintptr_t)*(const uint32_t *)pointer;
    while (at != 0 && *at != 0) {
        size_t i = 0;
        while (name[i] != 0 && at[i] == name[i])
            i++;
        if (name[i] == 0 && at[i] == '=')
            return at + i + 1;
        while (*at != 0 && *at++ != ' ')
            ;
    }
    return 0;
}

uint64_t option(const char *name, uint64_t otherwise)
{
    const char *digits = option_value(name);
    uint64_t value = 0;
    if (digits == 0)
        return otherwise;
    for (; *digits >= '0' && *digits <= '9'; digits++)
        value = value * 10 + (uint64_t)(*digits - '0');
    return value;
}

bool option_is(const char *name, const char *value)
{
    const char *given = option_value(name);
    if (given == 0)
        return false;
    for (; *value != 0 && *given == *value; given++, value++)
        ;
    return *value == 0 && (*given == 0 || *given == ' ');
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
