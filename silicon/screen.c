#include "screen.h"

#include "memory.h"

#define TEXT_MEMORY  0xB8000u       /* of a PC's text mode: character and colour, a byte each */
#define TEXT_COLOUR  0x0700u
#define PORT_CRTC    0x3D4u         /* of a VGA: index, and data */
#define CRTC_CURSOR  0x0Au
#define CURSOR_OFF   0x20u
#define CELL_WIDTH   6u             /* dots: the glyph, and space around it */
#define CELL_HEIGHT  9u
#define GLYPH_WIDTH  5u
#define GLYPH_HEIGHT 7u
#define WHITE        0xFFFFFFu

enum screen_kind screen_kind(void)
{
    uint64_t bytes = (uint64_t)screen.pixels_per_line * screen.height * 4;
    if (!screen.is_uefi)
        return SCREEN_TEXT;
    return screen.framebuffer != 0 && bytes <= FRAME_BYTES / 2 &&
           screen.width >= SCREEN_COLUMNS * CELL_WIDTH &&
           screen.height >= SCREEN_ROWS * CELL_HEIGHT ? SCREEN_PIXELS : SCREEN_NONE;
}

static void draw(uint32_t row, uint32_t column, char character)
{
    uint32_t scale = screen.width / (SCREEN_COLUMNS * CELL_WIDTH);
    uint32_t most = screen.height / (SCREEN_ROWS * CELL_HEIGHT);
    uint64_t glyph = character == ' ' ? 0 : font_glyph(character);
    if (scale > most)
        scale = most;
    for (uint32_t y = 0; y < CELL_HEIGHT * scale; y++) {
        volatile uint32_t *line = memory_frame(screen.framebuffer) +
            (uint64_t)(row * CELL_HEIGHT * scale + y) * screen.pixels_per_line +
            column * CELL_WIDTH * scale;
        for (uint32_t x = 0; x < CELL_WIDTH * scale; x++) {
            uint32_t dot_y = y / scale, dot_x = x / scale;
            bool is_on = dot_y < GLYPH_HEIGHT && dot_x < GLYPH_WIDTH &&
                glyph >> ((GLYPH_HEIGHT - 1 - dot_y) * GLYPH_WIDTH + GLYPH_WIDTH - 1 - dot_x) & 1;
            line[x] = is_on ? WHITE : 0;
        }
    }
}

void screen_row(uint32_t row, const char *text)
{
    enum screen_kind kind = screen_kind();
    for (uint32_t column = 0; column < SCREEN_COLUMNS; column++) {
        char character = *text != 0 ? *text++ : ' ';
        if (kind == SCREEN_TEXT)
            ((volatile uint16_t *)(uint64_t)TEXT_MEMORY)[row * SCREEN_COLUMNS + column] =
                (uint16_t)(TEXT_COLOUR | (uint8_t)character);
        else if (kind == SCREEN_PIXELS)
            draw(row, column, character);
    }
}

void screen_start(void)
{
    uint64_t pixels = (uint64_t)screen.pixels_per_line * screen.height;
    if (screen_kind() == SCREEN_TEXT) {
        out8(PORT_CRTC, CRTC_CURSOR);
        out8(PORT_CRTC + 1, CURSOR_OFF);
    }
    for (uint64_t i = 0; screen_kind() == SCREEN_PIXELS && i < pixels; i++)
        memory_frame(screen.framebuffer)[i] = 0;
    screen_clear();
}

void screen_clear(void)
{
    for (uint32_t row = 0; row < SCREEN_ROWS; row++)
        screen_row(row, "");
}
