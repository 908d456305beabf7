; sector.asm — the first 512 bytes of the image: what a BIOS loads and starts.
;
;   in      0:7C00, real mode; dl = BIOS drive number
;   out     header at LOADER_LOW_BASE, loader behind it; dl unchanged
;   source  BIOS Enhanced Disk Drive Specification (INT 13h extensions)
%include "layout.inc"

        bits    16
        org     0x7C00

        jmp     0:start                 ; some BIOSes start us at 07C0:0000
start:
        cli
        xor     ax, ax
        mov     ds, ax
        mov     es, ax
        mov     ss, ax
        mov     sp, 0x7C00
        sti
        cld

        mov     si, read_header
        call    read
        mov     ax, LOADER_SEGMENT
        mov     es, ax
        mov     ax, [es:IMAGE_LOADER_SECTORS]
        cmp     ax, LOADER_MAX_SECTORS
        ja      damaged
        mov     [read_loader.count], ax
        mov     si, read_loader
        call    read
        jmp     LOADER_SEGMENT:LOADER_CODE_OFFSET

read:                                   ; si = disk address packet
        mov     ah, 0x42
        int     0x13
        mov     bx, disk_error
        jc      fail
        ret
damaged:
        mov     bx, image_error
fail:                                   ; bx = text. Teletype only: the serial line is not set up yet
        mov     al, [bx]
        inc     bx
        test    al, al
        jz      .halt
        push    bx
        mov     ah, 0x0E
        mov     bx, 7
        int     0x10
        pop     bx
        jmp     fail
.halt:  hlt
        jmp     .halt

disk_error:  db "frostvisor: cannot read the disk", 13, 10, 0
image_error: db "frostvisor: the image is damaged", 13, 10, 0

        align   4
read_header:
        db      16, 0
        dw      IMAGE_HEADER_SECTORS
        dw      0, LOADER_SEGMENT
        dq      IMAGE_HEADER_LBA
read_loader:
        db      16, 0
.count: dw      0
        dw      LOADER_CODE_OFFSET, LOADER_SEGMENT
        dq      IMAGE_LOADER_LBA

; make-image writes the table of partitions.
        times   0x1BE - ($ - $$) db 0
        times   510 - ($ - $$) db 0
        dw      0xAA55
