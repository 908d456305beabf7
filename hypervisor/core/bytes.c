/* bytes.c — wiping and checksums. */
#include "bytes.h"

void bytes_wipe(void *memory, size_t bytes)
{
    __builtin_memset(memory, 0, bytes);
    __asm__ volatile("" : : "r"(memory) : "memory");
}

[[gnu::noinline]] void bytes_wipe_frames(void)
{
    uint8_t frames[1024];

    bytes_wipe(frames, sizeof frames);
}

/* What four bits shifted out of the register do to it. */
static const uint32_t crc32_nibble[16] = {
    0x00000000, 0x1DB71064, 0x3B6E20C8, 0x26D930AC, 0x76DC4190, 0x6B6B51F4, 0x4DB26158, 0x5005713C,
    0xEDB88320, 0xF00F9344, 0xD6D6A3E8, 0xCB61B38C, 0x9B64C2B0, 0x86D3D2D4, 0xA00AE278, 0xBDBDF21C,
};

uint32_t crc32(uint32_t crc, const void *data, size_t bytes)
{
    const uint8_t *byte = data;

    crc = ~crc;
    for (size_t i = 0; i < bytes; i++) {
        crc ^= byte[i];
        crc = crc >> 4 ^ crc32_nibble[crc & 15];
        crc = crc >> 4 ^ crc32_nibble[crc & 15];
    }
    return ~crc;
}
