/* uart.h — the 16550 UART: National Semiconductor PC16550D, "Registers". */
#pragma once

/* Registers, as offsets from the base port. */
#define UART_DATA    0u     /* divisor low while DLAB */
#define UART_IER     1u     /* divisor high while DLAB */
#define UART_FCR     2u
#define UART_LCR     3u
#define UART_MCR     4u
#define UART_LSR     5u
#define LCR_8N1      0x03u
#define LCR_DLAB     0x80u
#define FCR_ENABLE_AND_CLEAR 0x07u
#define MCR_DTR_RTS  0x03u
#define LSR_DATA     0x01u
#define LSR_THR_EMPTY 0x20u
#define LSR_IDLE     0x40u
#define FIFO_BYTES   16u
