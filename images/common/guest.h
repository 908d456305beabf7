/* guest.h — what every small 64-bit guest may use. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PAGE_BYTES 4096u

/* What the guest was entered with; start.asm fills it in. */
struct entry {
    uint64_t pm1a_control;      /* I/O port; 0: none */
    uint64_t drive;             /* BIOS number of the boot disk */
    uint64_t boot_parameters;   /* 0: none */
    uint64_t ram_end;           /* of the RAM that begins at 1 MiB, bytes, exclusive */
};
extern const struct entry entry;
extern uint8_t image_end[];     /* guest.ld: the first page that is not the guest's own */

int main(void);
[[noreturn]] void power_off(void);

/* COM1, as firmware set it up; polled. A line ends in "\n" here and in CR LF on the wire. */
void print(const char *text);
void print_decimal(uint64_t value);
void print_hexadecimal(uint64_t value);
/* "name: value\n" */
void print_fact(const char *name, uint64_t value);

void *memset(void *to, int byte, size_t bytes);
void *memcpy(void *restrict to, const void *restrict from, size_t bytes);
int memcmp(const void *left, const void *right, size_t bytes);

/* Of the guest's command line, words with a space between: the number in "name=17", and whether
 * there is "name=value". */
uint64_t option(const char *name, uint64_t otherwise);
bool option_is(const char *name, const char *value);

/* Marsaglia's xorshift64*: the same numbers for the same seed, on every machine. The seed is not 0.
 * */
static inline uint64_t random_next(uint64_t *state)
{
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return *state * UINT64_C(0x2545F4914F6CDD1D);
}
