#include "report.h"

#include "bytes.h"
#include "contract.h"
#include "cpu/registers.h"
#include "guard.h"
#include "report/uart.h"
#include "screen.h"

#define WIRE_TRIES   100000u        /* of a byte: then there is no UART, or nobody drives it */
#define PAGE_ROWS    (SCREEN_ROWS - 2)
#define PAGE_SECONDS 8u
#define HERTZ_GUESS  UINT64_C(2000000000)

struct text {
    char     bytes[SILICON_LINE_BYTES + 1];
    uint32_t used;
};

static struct text kept[SILICON_LINES + 2];
static uint32_t kept_count, lines, sum, next_row;

static void add(struct text *text, const char *more)
{
    while (*more != 0 && text->used < SILICON_LINE_BYTES)
        text->bytes[text->used++] = *more++;
    text->bytes[text->used] = 0;
}

/* At least so many digits. */
static void add_number(struct text *text, uint64_t value, uint32_t digits)
{
    char number[17] = {0};
    uint32_t at = 16;
    do {
        number[--at] = "0123456789abcdef"[value & 15];
        value >>= 4;
    } while (value != 0 || 16 - at < digits);
    add(text, number + at);
}

/* ---- where it goes ---- */

static void send(const char *text)
{
    for (; *text != 0; text++) {
        uint32_t tries = 0;
        while (!(in8(COM1 + UART_LSR) & LSR_THR_EMPTY))
            if (++tries == WIRE_TRIES)
                return;
        out8(COM1 + UART_DATA, (uint8_t)*text);
    }
}

static void tell(const char *text)
{
    send(text);
    send("\r\n");
    if (next_row == SCREEN_ROWS) {
        screen_clear();
        next_row = 0;
    }
    screen_row(next_row++, text);
}

static void keep(const struct text *text)
{
    kept[kept_count++] = *text;
    tell(text->bytes);
}

void report_start(void)
{
    out8(COM1 + UART_LCR, LCR_DLAB);
    out8(COM1 + UART_DATA, 1);              /* 115200 */
    out8(COM1 + UART_IER, 0);
    out8(COM1 + UART_LCR, LCR_8N1);
    out8(COM1 + UART_FCR, FCR_ENABLE_AND_CLEAR);
    out8(COM1 + UART_MCR, MCR_DTR_RTS);
    screen_start();
    struct text text = {.used = 0};
    add(&text, SILICON_BEGIN);
    keep(&text);
}

void report_note(const char *words)
{
    struct text text = {.used = 0};
    add(&text, "-- ");
    add(&text, words);
    tell(text.bytes);
}

void report_line(enum silicon_row row, enum silicon_outcome outcome, const uint64_t *values)
{
    const struct silicon_line *line = silicon_line(row);
    struct text text = {.used = 0};
    if (lines == SILICON_LINES)
        return;
    add_number(&text, lines++, 2);
    add(&text, " ");
    add(&text, line->name);
    add(&text, " ");
    add(&text, silicon_outcome_word(outcome));
    for (uint32_t i = 0; i < silicon_value_count(line, outcome); i++) {
        add(&text, " ");
        add_number(&text, values[i], 1);
    }
    sum = crc32(sum, text.bytes, text.used);
    sum = crc32(sum, "\n", 1);
    uint32_t own = crc32(0, text.bytes, text.used);
    add(&text, " ");
    add_number(&text, own & 0xFFFF, 4);
    keep(&text);
}

/* ---- the end ---- */

static void wait(void)
{
    uint64_t begun = rdtsc(), each = guard_hertz() != 0 ? guard_hertz() : HERTZ_GUESS;
    while (rdtsc() - begun < PAGE_SECONDS * each)
        asm volatile("pause");
}

void report_end(void)
{
    struct text text = {.used = 0};
    add(&text, SILICON_END);
    add_number(&text, lines, 2);
    add(&text, " ");
    add_number(&text, sum, 8);
    add(&text, " ==");
    keep(&text);
    report_note(SILICON_DONE);

    uint32_t pages = (kept_count + PAGE_ROWS - 1) / PAGE_ROWS;
    for (uint32_t page = 0;; page = (page + 1) % pages) {
        struct text head = {.used = 0};
        add(&head, "-- page ");
        add_number(&head, page + 1, 1);
        add(&head, " of ");
        add_number(&head, pages, 1);
        add(&head, ", all of them come again. photograph each, then switch off");
        screen_row(0, head.bytes);
        screen_row(1, "");
        for (uint32_t i = 0; i < PAGE_ROWS; i++) {
            uint32_t at = page * PAGE_ROWS + i;
            screen_row(2 + i, at < kept_count ? kept[at].bytes : "");
        }
        wait();
    }
}
