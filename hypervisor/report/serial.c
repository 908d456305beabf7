#include "report/serial.h"

#include "cpu/registers.h"
#include "report/uart.h"

void serial_start(uint16_t port)
{
    out8(port + UART_LCR, LCR_DLAB);
    out8(port + UART_DATA, 1);              /* 115200 */
    out8(port + UART_IER, 0);
    out8(port + UART_LCR, LCR_8N1);
    out8(port + UART_IER, 0);
    out8(port + UART_FCR, FCR_ENABLE_AND_CLEAR);
    out8(port + UART_MCR, MCR_DTR_RTS);
}

void serial_write(uint16_t port, const void *data, size_t bytes)
{
    const uint8_t *from = data;
    while (bytes != 0) {
        while (!(in8(port + UART_LSR) & LSR_THR_EMPTY))
            ;
        uint64_t chunk = bytes < FIFO_BYTES ? bytes : FIFO_BYTES;
        bytes -= chunk;
        asm volatile("rep outsb" : "+S"(from), "+c"(chunk) : "d"(port + UART_DATA) : "memory");
    }
}

void serial_flush(uint16_t port)
{
    while (!(in8(port + UART_LSR) & LSR_IDLE))
        ;
}

uint8_t serial_read(uint16_t port)
{
    while (!(in8(port + UART_LSR) & LSR_DATA))
        ;
    return in8(port + UART_DATA);
}

void console_text(const char *text)
{
    size_t bytes = 0;
    while (text[bytes] != 0)
        bytes++;
    serial_write(COM1, text, bytes);
}

void console_hex(uint64_t value)
{
    char text[18] = "0x";
    for (uint32_t i = 0; i < 16; i++)
        text[2 + i] = "0123456789abcdef"[value >> (60 - 4 * i) & 15];
    serial_write(COM1, text, sizeof text);
}
