; realmode.asm — a guest without long mode: firmware calls, the timer, the boot disk, then protected mode without
; paging over 8 MiB, back to real mode, and power-off by the firmware.
;
;   in      0:7C00 in real mode, sp = 7C00, dl = BIOS drive, ebx = ACPI PM1a control port (0: none); the firmware's
;           interrupt table and data are in place
;   out     lines on COM1; the machine is off
;   source  ACPI 6.4, 15.1 (INT 15h E820h); Enhanced Disk Drive Specification 3.0 (INT 13h 42h); APM BIOS 1.2,
;           "Set Power State"; AMD APM vol 2 (24593), "Mode Switching"
org 0x7C00
bits 16
%include "real.inc"

BUFFER          equ 0x9000              ; one sector, in pages that are blank so far
HEADER_LBA      equ 1
E820_MAGIC      equ 0x534D4150          ; "SMAP"
E820_RAM        equ 1
E820_BYTES      equ 20
TICKS           equ 4                   ; of 54.9 ms

WORDS_BASE      equ 0x200000
WORDS_BYTES     equ 0x800000
WORDS           equ WORDS_BYTES / 4
FACTOR          equ 0x9E3779B1          ; word n is n * FACTOR, modulo 2^32 ...
WORDS_SUM       equ ((WORDS / 2 * (WORDS - 1)) & 0xFFFFFFFF) * FACTOR & 0xFFFFFFFF   ; ... and this is their sum

CODE16          equ 0x18
DATA16          equ 0x20

start:
        begin
        sti
        cld
        mov     [pm1a_control], bx
        mov     [packet_drive], dl
        mov     si, hello_text
        call    print
        call    check_video
        call    check_memory_map
        call    check_disk
        call    check_ticks
        call    check_protected
        mov     si, result_text
        call    print
        movzx   eax, byte [passed]
        call    print_decimal
        mov     si, of_text
        call    print
        mov     si, bye_text
        call    print

        mov     ax, 0x5307              ; APM: set power state
        mov     bx, 1                   ; of all devices
        mov     cx, 3                   ; off
        int     0x15
        mov     si, fallback_text
        call    print
        power_off

; carry clear: a check passed; si = its name. Changes ax, si.
judge:
        mov     ax, failed_text
        jc      .say
        inc     byte [passed]
        mov     ax, ok_text
.say:   push    ax
        call    print
        pop     si
        jmp     print

; INT 10h writes a character and comes back with the registers that it must keep.
check_video:
        mov     ax, 0x0E00 + 'F'
        mov     bx, 7
        mov     cx, 0x1234
        mov     dx, 0x5678
        int     0x10
        cmp     cx, 0x1234
        jne     .wrong
        cmp     dx, 0x5678
        jne     .wrong
        clc
        jmp     .out
.wrong: stc
.out:   mov     si, video_text
        jmp     judge

; INT 15h E820h: the map has an entry for the RAM that this guest uses.
check_memory_map:
        mov     byte [found_ram], 0
        xor     ebx, ebx
.next:  mov     eax, 0xE820
        mov     edx, E820_MAGIC
        mov     ecx, E820_BYTES
        mov     di, map_entry
        int     0x15
        jc      .end
        cmp     eax, E820_MAGIC
        jne     .end
        cmp     dword [map_entry + 16], E820_RAM
        jne     .more
        cmp     dword [map_entry + 4], 0
        jne     .more
        cmp     dword [map_entry], WORDS_BASE
        ja      .more
        mov     eax, [map_entry]
        add     eax, [map_entry + 8]
        cmp     eax, WORDS_BASE + WORDS_BYTES
        jb      .more
        mov     byte [found_ram], 1
.more:  test    ebx, ebx
        jnz     .next
.end:   cmp     byte [found_ram], 1     ; carry: below 1
        mov     si, map_text
        jmp     judge

; INT 13h 42h: the boot disk's second sector begins with the image's magic.
check_disk:
        mov     dword [BUFFER], 0
        mov     si, packet
        mov     dl, [packet_drive]
        mov     ah, 0x42
        int     0x13
        jc      .out
        mov     si, BUFFER
        mov     di, magic
        mov     cx, magic_end - magic
        repe    cmpsb
        clc
        je      .out
        stc
.out:   mov     si, disk_text
        jmp     judge

; INT 1Ah: the timer's interrupt reaches the firmware, which counts.
check_ticks:
        xor     ah, ah
        int     0x1A
        mov     bp, dx
.wait:  hlt
        xor     ah, ah
        int     0x1A
        sub     dx, bp
        cmp     dx, TICKS
        jb      .wait
        cmp     dx, 100 * TICKS         ; and no absurd count
        cmc
        mov     si, ticks_text
        jmp     judge

; Protected mode, no paging: 8 MiB written, then read and compared.
check_protected:
        cli
        enter_protected_mode protected
back:   leave_protected_mode DATA16
        sti
        cmp     ebp, 1                  ; wrong words: carry when there is none
        cmc
        jc      .out
        cmp     edx, WORDS_SUM
        clc
        je      .out
        stc
.out:   mov     si, words_text
        jmp     judge

bits 32
; out: ebp = words that came back wrong, edx = sum of all
protected:
        load_segments DATA32
        mov     edi, WORDS_BASE
        mov     ecx, WORDS
        xor     eax, eax
.write: mov     [edi], eax
        add     eax, FACTOR
        add     edi, 4
        dec     ecx
        jnz     .write
        mov     esi, WORDS_BASE
        mov     ecx, WORDS
        xor     ebx, ebx
        xor     edx, edx
        xor     ebp, ebp
.read:  mov     eax, [esi]
        add     edx, eax
        cmp     eax, ebx
        je      .same
        inc     ebp
.same:  add     ebx, FACTOR
        add     esi, 4
        dec     ecx
        jnz     .read
        jmp     CODE16:back
bits 16

        define_print

; eax = number. Changes eax, ecx, edx.
print_decimal:
        mov     ecx, 10
        xor     edx, edx
        div     ecx
        push    dx
        test    eax, eax
        jz      .digit
        call    print_decimal
.digit: pop     ax
        add     al, '0'
        jmp     put

        ; CODE16 and DATA16 have 64 KiB, as real mode expects to find it.
        descriptor_table 0x00009B000000FFFF, 0x000093000000FFFF

packet: db      16, 0                   ; INT 13h 42h: size, reserved
        dw      1                       ; sectors
        dw      BUFFER, 0               ; offset, segment
        dq      HEADER_LBA
packet_drive:   db 0
found_ram:      db 0
passed:         db 0
pm1a_control:   dw 0
map_entry:      times E820_BYTES db 0
magic:          db 'FROSTIMG'
magic_end:

hello_text:     db 'realmode: this is the guest', 13, 10, 0
video_text:     db 'realmode: int 10h comes back', 0
map_text:       db 'realmode: int 15h E820h shows the RAM', 0
disk_text:      db 'realmode: int 13h reads the boot disk', 0
ticks_text:     db 'realmode: int 1Ah counts ticks', 0
words_text:     db 'realmode: 8 MiB in protected mode', 0
ok_text:        db ': ok', 13, 10, 0
failed_text:    db ': FAILED', 13, 10, 0
result_text:    db 'realmode: passed ', 0
of_text:        db ' of 5', 13, 10, 0
bye_text:       db 'realmode: powering off', 13, 10, 0
fallback_text:  db 'realmode: the firmware did not, by ACPI then', 13, 10, 0
