/* uefi_screen.c — the application's first function where UEFI starts the silicon image: it asks for
 * the screen's memory, which nobody can once the firmware is left, and goes on to the loader.
 *
 * source  UEFI Specification 2.10, 12.9 "Graphics Output Protocol"
 */
#include "boot/uefi/efi.h"
#include "image.h"
#include "screen.h"

struct graphics_info {
    uint32_t version, width, height, format, masks[4], pixels_per_line;
};
struct graphics_mode {
    uint32_t modes, mode;
    const struct graphics_info *info;
    uint64_t info_bytes, framebuffer, framebuffer_bytes;
};
struct graphics_output {
    void *query_mode, *set_mode, *blt;
    const struct graphics_mode *mode;
};
#define PIXELS_OF_32_BITS 1u    /* formats up to this one: each colour in a byte of its own */

/* EFI_GRAPHICS_OUTPUT_PROTOCOL_GUID, 9042A9DE-23DC-4A38-96FB-7ADED080516A. */
static const struct efi_guid graphics_guid = {UINT64_C(0x4A3823DC9042A9DE),
                                              UINT64_C(0x6A5180D0DE7AFB96)};

efi_status efi_main(efi_handle self, const struct efi_system_table *system);
efi_status silicon_main(efi_handle self, const struct efi_system_table *system);
extern struct image_header image;       /* leave.asm; behind it this image's program */

efi_status silicon_main(efi_handle self, const struct efi_system_table *system)
{
    struct screen *screen = (struct screen *)((uint8_t *)&image + sizeof image + SCREEN_OFFSET);
    void *found;
    screen->is_uefi = 1;
    if (system->boot_services->locate_protocol(&graphics_guid, 0, &found) == 0) {
        const struct graphics_mode *mode = ((const struct graphics_output *)found)->mode;
        if (mode->info->format <= PIXELS_OF_32_BITS) {
            screen->framebuffer = mode->framebuffer;
            screen->width = mode->info->width;
            screen->height = mode->info->height;
            screen->pixels_per_line = mode->info->pixels_per_line;
        }
    }
    return efi_main(self, system);
}
