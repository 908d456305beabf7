/* runtime.c — of the functions that the compiler may call on its own, those that it does call:
 * where it wants another, the linker says so. */
#include <stddef.h>
#include <stdint.h>

void *memcpy(void *restrict to, const void *restrict from, size_t bytes);
void *memset(void *to, int value, size_t bytes);

void *memcpy(void *restrict to, const void *restrict from, size_t bytes)
{
    void *at = to;
    size_t words = bytes / 8, rest = bytes % 8;
    asm volatile("rep movsq" : "+D"(at), "+S"(from), "+c"(words) : : "memory");
    asm volatile("rep movsb" : "+D"(at), "+S"(from), "+c"(rest) : : "memory");
    return to;
}

void *memset(void *to, int value, size_t bytes)
{
    void *at = to;
    size_t words = bytes / 8, rest = bytes % 8;
    uint64_t word = (uint8_t)value * UINT64_C(0x0101010101010101);
    asm volatile("rep stosq" : "+D"(at), "+c"(words) : "a"(word) : "memory");
    asm volatile("rep stosb" : "+D"(at), "+c"(rest) : "a"(word) : "memory");
    return to;
}
