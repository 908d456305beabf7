; largest.asm — the largest flat guest there can be: it fills every page from 7C00h to the loader's memory, and finds
; each word as the image had it. A loader that writes outside of its own memory changes one of them, or a home.
;
;   in      0:7C00 in real mode, ebx = ACPI PM1a control port (0: none)
;   out     lines on COM1; the machine is off
org 0x7C00
bits 16
%include "real.inc"

END             equ 0x60000             ; LOADER_LOW_BASE of core/include/image.h: one byte more is refused
PAGE            equ 0x1000
WORDS           equ 0x8000              ; each holds its own address; a page boundary

start:
        begin
        cld
        mov     [pm1a_control], bx
        mov     edx, WORDS
.page:  mov     eax, edx
        shr     eax, 4
        mov     ds, ax
        xor     si, si
.word:  lodsd
        cmp     eax, edx
        jne     .changed
        add     edx, 4
        cmp     si, PAGE
        jb      .word
        cmp     edx, END
        jb      .page
        mov     si, same
        jmp     .say
.changed:
        mov     si, changed
.say:   xor     ax, ax
        mov     ds, ax
        call    print
        power_off

define_print

pm1a_control:   dw 0
same:           db "largest: every word is as it was sealed", 13, 10, 0
changed:        db "largest: a word was changed", 13, 10, 0

        times   WORDS - 0x7C00 - ($ - $$) db 0
%assign at WORDS
%rep (END - WORDS) / 4
        dd      at
  %assign at at + 4
%endrep
