/* report.h — the lines of the result: to COM1 and the screen as they come, and kept for the pages
 * at the end. */
#pragma once
#include <stdint.h>

#include "silicon.h"

void report_start(void);
void report_note(const char *text);         /* not of the result */
void report_line(enum silicon_row row, enum silicon_outcome outcome, const uint64_t *values);
/* The last line; then page by page on the screen, again and again. */
[[noreturn]] void report_end(void);
