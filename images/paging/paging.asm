; paging.asm — a guest that executes intercepted instructions through aliases. The CPU does not tell the hypervisor
; where such an instruction ends, so it must find the bytes by walking the guest's own tables; a wrong walk finds
; others, and stops the guest.
;
;   in      0:7C00 in real mode, bx = ACPI PM1a control port
;   out     a line for each kind of paging, then off
;   source  AMD APM vol 2 (24593), "Page Translation and Protection", "Mode Switching"
org 0x7C00
bits 16
%include "real.inc"

CR0_PG          equ 1 << 31
CR4_PSE         equ 1 << 4
CR4_PAE         equ 1 << 5
CR4_LA57        equ 1 << 12
EFER            equ 0xC0000080
EFER_LME        equ 1 << 8
CPUID_LA57      equ 16                  ; bits of leaf 7 ECX
CPUID_PAGE1GB   equ 26                  ; and of leaf 80000001h EDX

TABLE           equ 3                   ; present, writable
LARGE           equ 0x83                ; and large
DIRECTORY2      equ 0x20000             ; tables of 2-level paging
TABLE2          equ 0x21000
PDPT3           equ 0x22000             ; of PAE
DIRECTORY3      equ 0x23000
TABLE3          equ 0x24000
PML4            equ 0x25000
PDPT4           equ 0x26000
PML5            equ 0x27000
TABLES_BYTES    equ 0x8000

SMALL_ALIAS     equ 0x0C00000           ; 4 KiB page of the probe
LARGE_ALIAS     equ 0x1000000           ; a large page from physical 0 on
HUGE_ALIAS      equ 0x40000000          ; 1 GiB page from physical 0 on

CODE64          equ 0x18

start:
        begin_protected
        cld
        xor     eax, eax
        cpuid
        mov     [vendor], ebx
        mov     [vendor + 4], edx
        mov     [vendor + 8], ecx
        call    build_tables

        mov     eax, probe
        call    try
        mov     esi, none_text
        call    say

        mov     eax, CR4_PSE
        mov     ebx, DIRECTORY2
        call    paging_on
        call    try_aliases
        call    paging_off
        mov     esi, two_text
        call    say

        mov     eax, CR4_PAE
        mov     ebx, PDPT3
        call    paging_on
        call    try_aliases
        call    paging_off
        mov     esi, three_text
        call    say

        mov     ecx, EFER
        rdmsr
        or      eax, EFER_LME
        wrmsr
        mov     eax, CR4_PAE
        mov     ebx, PML4
        call    paging_on
        call    CODE64:try_long
        call    paging_off
        mov     esi, four_text
        call    say

        mov     eax, 7
        xor     ecx, ecx
        cpuid
        bt      ecx, CPUID_LA57
        jnc     .end
        mov     eax, CR4_PAE | CR4_LA57
        mov     ebx, PML5
        call    paging_on
        call    CODE64:try_long
        call    paging_off
        mov     esi, five_text
        call    say

.end:   mov     esi, failures_text
        call    print
        mov     al, [failures]
        add     al, '0'
        call    put
        mov     esi, line_text
        call    print
        power_off

; eax = CR4, ebx = CR3
paging_on:
        mov     cr4, eax
        mov     cr3, ebx
        mov     eax, cr0
        or      eax, CR0_PG
        mov     cr0, eax
        ret

paging_off:
        mov     eax, cr0
        and     eax, ~CR0_PG
        mov     cr0, eax
        ret

build_tables:
        mov     edi, DIRECTORY2
        mov     ecx, TABLES_BYTES / 4
        xor     eax, eax
        rep     stosd
        mov     dword [DIRECTORY2], LARGE                           ; 4 MiB pages
        mov     dword [DIRECTORY2 + (LARGE_ALIAS >> 22) * 4], LARGE
        mov     dword [DIRECTORY2 + (SMALL_ALIAS >> 22) * 4], TABLE2 + TABLE
        mov     dword [TABLE2], probe_page + TABLE
        mov     dword [PDPT3], DIRECTORY3 + 1
        mov     dword [DIRECTORY3], LARGE                           ; 2 MiB pages
        mov     dword [DIRECTORY3 + (LARGE_ALIAS >> 21) * 8], LARGE
        mov     dword [DIRECTORY3 + (SMALL_ALIAS >> 21) * 8], TABLE3 + TABLE
        mov     dword [TABLE3], probe_page + TABLE
        mov     dword [PDPT4], DIRECTORY3 + TABLE
        mov     dword [PDPT4 + (HUGE_ALIAS >> 30) * 8], LARGE
        mov     dword [PML4], PDPT4 + TABLE
        mov     dword [PML5], PML4 + TABLE
        ret

try_aliases:
        mov     eax, SMALL_ALIAS + probe - probe_page
        call    try
        mov     eax, LARGE_ALIAS + probe
; eax = where to call the probe; counts a failure unless CPUID answers there as it did before.
try:
        call    eax
compare:
        cmp     ebx, [vendor]
        jne     .wrong
        cmp     edx, [vendor + 4]
        jne     .wrong
        cmp     ecx, [vendor + 8]
        je      .right
.wrong: inc     byte [failures]
.right: ret

; esi = name of what was tried
say:
        push    esi
        mov     esi, paging_text
        call    print
        pop     esi
        call    print
        mov     esi, ok_text
        cmp     byte [failures], 0
        je      print
        mov     esi, wrong_text
        jmp     print
        define_print

bits 64
try_long:                               ; called far from 32-bit code
        mov     eax, SMALL_ALIAS + probe - probe_page
        call    .one
        mov     eax, LARGE_ALIAS + probe
        call    .one
        mov     eax, 0x80000001
        cpuid
        bt      edx, CPUID_PAGE1GB
        jnc     .out
        mov     eax, HUGE_ALIAS + probe
        call    .one
.out:   retfd
.one:   call    rax
        cmp     ebx, [vendor]
        jne     .wrong
        cmp     edx, [vendor + 4]
        jne     .wrong
        cmp     ecx, [vendor + 8]
        je      .right
.wrong: inc     byte [failures]
.right: ret

        descriptor_table 0x00AF9B000000FFFF
vendor:         dd 0, 0, 0
pm1a_control:   dw 0
failures:       db 0
paging_text:    db "paging: ", 0
none_text:      db "none", 0
two_text:       db "2 levels", 0
three_text:     db "3 levels", 0
four_text:      db "4 levels", 0
five_text:      db "5 levels", 0
ok_text:        db ": ok"
line_text:      db 13, 10, 0
wrong_text:     db ": wrong", 13, 10, 0
failures_text:  db "paging: failures: ", 0

; Its bytes mean the same in 32- and 64-bit code.
        times   (0x1000 - ($ - $$ + 0x7C00) % 0x1000) % 0x1000 db 0
probe_page:
        times   64 db 0xF4              ; HLT, in case something lands beside it
probe:
        wbinvd
        xor     eax, eax
        cpuid
        ret
