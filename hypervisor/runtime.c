/* runtime.c — the four functions that the compiler may call on its own. */
#include <stddef.h>
#include <stdint.h>

void *memcpy(void *restrict to, const void *restrict from, size_t bytes);
void *memmove(void *to, const void *from, size_t bytes);
void *memset(void *to, int value, size_t bytes);
int memcmp(const void *a, const void *b, size_t bytes);

void *memcpy(void *restrict to, const void *restrict from, size_t bytes)
{
    void *at = to;
    size_t words = bytes / 8, rest = bytes % 8;
    asm volatile("rep movsq" : "+D"(at), "+S"(from), "+c"(words) : : "memory");
    asm volatile("rep movsb" : "+D"(at), "+S"(from), "+c"(rest) : : "memory");
    return to;
}

void *memmove(void *to, const void *from, size_t bytes)
{
    if ((uintptr_t)to - (uintptr_t)from >= bytes)
        return memcpy(to, from, bytes);
    for (size_t i = bytes; i-- > 0;)
        ((volatile uint8_t *)to)[i] = ((const uint8_t *)from)[i];
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

int memcmp(const void *a, const void *b, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++) {
        int difference = ((const volatile uint8_t *)a)[i] - ((const volatile uint8_t *)b)[i];
        if (difference != 0)
            return difference;
    }
    return 0;
}
