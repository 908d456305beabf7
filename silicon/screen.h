/* screen.h — 25 rows of 80 characters: a BIOS's text mode, or UEFI's framebuffer with a font of our
 * own. */
#pragma once
#include <stdint.h>

#define SCREEN_OFFSET  16u          /* entry.asm: of `screen` in the flat image */
#define SCREEN_ROWS    25u
#define SCREEN_COLUMNS 80u

/* What UEFI tells of its screen; all zero where a BIOS has started us. */
struct screen {
    uint64_t framebuffer;           /* physical; 0: none that we could draw into */
    uint32_t width, height;         /* pixels of 32 bits */
    uint32_t pixels_per_line;
    uint32_t is_uefi;
};
extern struct screen screen;

enum screen_kind : uint32_t { SCREEN_NONE, SCREEN_TEXT, SCREEN_PIXELS };
enum screen_kind screen_kind(void);

void screen_start(void);
void screen_clear(void);
void screen_row(uint32_t row, const char *text);

/* 7 rows of 5 dots, the first in the highest bits; of what it lacks a box. */
uint64_t font_glyph(char character);
