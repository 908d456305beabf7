/* serial.h — two 16550 UARTs: COM1 is the guest's console, COM2 carries the trace. */
#pragma once
#include <stddef.h>
#include <stdint.h>

#include "contract.h"

#define UART_PORTS 8u

void serial_start(uint16_t port);       /* 115200 8N1 */
void serial_write(uint16_t port, const void *data, size_t bytes);
void serial_flush(uint16_t port);       /* until the last bit is on the wire */
uint8_t serial_read(uint16_t port);     /* waits */

void console_text(const char *text);    /* COM1 */
void console_hex(uint64_t value);
