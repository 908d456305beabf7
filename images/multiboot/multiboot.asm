; multiboot.asm — a kernel as the Multiboot Specification has it, without ELF: holds what it is started with against the
; specification, then writes to each page of RAM that the memory map gives it above 1 MiB.
;
;   in      protected mode with 32 bits, no paging; eax = magic, ebx = information
;   out     a line for each check on COM1; the machine is reset
;   source  Multiboot Specification 0.6.96, "OS image format", "Machine state", "Boot information format"
org 0x100000
bits 32

HEADER_MAGIC    equ 0x1BADB002
FLAGS           equ 0x10003             ; modules at pages, memory, and the addresses below
MAGIC           equ 0x2BADB002
CR0_PG          equ 1 << 31
EFLAGS_IF       equ 1 << 9
IA32_EFER       equ 0xC0000080
EFER_LMA        equ 1 << 10

; Fields of the information.
MEM_LOWER       equ 4
MEM_UPPER       equ 8
COMMAND_LINE    equ 16
MODULES         equ 20
MODULE_TABLE    equ 24
MMAP_LENGTH     equ 44
MMAP            equ 48
WANTED          equ 1 | 1 << 2 | 1 << 3 | 1 << 6        ; memory, command line, modules, memory map

PAGE            equ 4096
MARK            equ 0x9E3779B1
COM1            equ 0x3F8
COM_EMPTY       equ 0x20

        jmp     start                   ; not the entry: that the header is heeded shows
        align   4
header: dd      HEADER_MAGIC, FLAGS, -(HEADER_MAGIC + FLAGS)
        dd      header, $$, data_end, bss_end, start

%macro check 1                          ; zero flag: passed
        mov     esi, %1
        call    judge
%endmacro

start:
        mov     esp, stack_top
        cld
        mov     [information], ebx
        cmp     eax, MAGIC
        check   magic_text

        pushfd
        pop     ecx
        and     ecx, EFLAGS_IF
        mov     eax, cr0
        and     eax, CR0_PG
        or      ecx, eax
        push    ecx
        mov     ecx, IA32_EFER
        rdmsr
        pop     ecx
        and     eax, EFER_LMA
        or      eax, ecx
        check   state_text

        mov     eax, [ebx]
        and     eax, WANTED
        cmp     eax, WANTED
        check   flags_text

        mov     esi, [ebx + COMMAND_LINE]
        mov     edi, command_line
        mov     ecx, command_line_bytes
        repe cmpsb
        check   command_line_text

        cmp     dword [ebx + MODULES], 2
        check   count_text
        mov     edx, [ebx + MODULE_TABLE]
        mov     edi, first
        mov     ecx, first_bytes
        call    check_module
        check   first_text
        mov     edx, [ebx + MODULE_TABLE]
        add     edx, 16
        mov     edi, second
        mov     ecx, second_bytes
        call    check_module
        check   second_text

        call    check_memory
        mov     eax, [failures]
        test    eax, eax
        check   all_text
        mov     al, 0xFE                ; reset, by the keyboard controller
        out     0x64, al
        hlt

; edx = module's row, edi = what it holds, ecx = bytes of that. Zero flag: it lies at a page and holds that, and its text is
; what stands behind.
check_module:
        mov     esi, [edx]
        test    esi, PAGE - 1
        jnz     .done
        mov     eax, [edx + 4]
        sub     eax, esi
        cmp     eax, ecx
        jne     .done
        repe cmpsb
        jne     .done
        mov     esi, [edx + 8]
.text:  mov     al, [esi]
        cmp     al, [edi]
        jne     .done
        inc     esi
        inc     edi
        test    al, al
        jnz     .text
.done:  ret

; Every page of RAM from 1 MiB on gets a mark of its own but those of kernel and modules; then all are looked at.
check_memory:
        mov     ebp, write_page
        call    each_page
        mov     eax, [pages]
        shl     eax, 2                  ; KiB
        cmp     eax, [ebx + MEM_UPPER]  ; this machine has no other RAM above 1 MiB than that, less the hidden range
        check   upper_text
        cmp     dword [ebx + MEM_LOWER], 600
        setb    al
        test    al, al
        check   lower_text
        mov     ebp, read_page
        call    each_page
        cmp     dword [wrong], 0
        check   marks_text
        ret

; Calls ebp with edi = page. Counts those of the range that begins at 1 MiB.
each_page:
        mov     dword [pages], 0
        mov     esi, [ebx + MMAP]
        mov     edx, esi
        add     edx, [ebx + MMAP_LENGTH]
.row:   cmp     esi, edx
        jae     .done
        cmp     dword [esi + 20], 1
        jne     .next
        cmp     dword [esi + 8], 0      ; above 4 GiB
        jne     .next
        mov     edi, [esi + 4]
        cmp     edi, 0x100000
        jb      .next
        mov     ecx, [esi + 12]
        shr     ecx, 12
.page:  jecxz   .next
        cmp     dword [esi + 4], 0x100000
        jne     .other
        inc     dword [pages]
.other: cmp     edi, [kept_end]
        jb      .skip
        call    ebp
.skip:  add     edi, PAGE
        dec     ecx
        jmp     .page
.next:  add     esi, [esi]
        add     esi, 4
        jmp     .row
.done:  ret

write_page:
        mov     eax, edi
        xor     eax, MARK
        mov     [edi], eax
        ret

read_page:
        mov     eax, edi
        xor     eax, MARK
        cmp     [edi], eax
        je      .done
        inc     dword [wrong]
.done:  ret

; esi = what was checked. Changes eax.
judge:
        mov     eax, ok_text
        jz      .say
        inc     dword [failures]
        mov     eax, failed_text
.say:   push    eax
        push    esi
        mov     esi, name_text
        call    print
        pop     esi
        call    print
        pop     esi
print:
        lodsb
        test    al, al
        jz      .done
        push    edx
        push    eax
        mov     dx, COM1 + 5
.wait:  in      al, dx
        test    al, COM_EMPTY
        jz      .wait
        pop     eax
        mov     dx, COM1
        out     dx, al
        pop     edx
        jmp     print
.done:  ret

command_line:
        db      "multiboot one  two", 0
command_line_bytes equ $ - command_line
first:  incbin  "first.txt"
first_bytes     equ $ - first
        db      "first.txt", 0
second: incbin  "second.txt"
second_bytes    equ $ - second
        db      "second.txt with words", 0

name_text:      db "multiboot: ", 0
ok_text:        db ": ok", 10, 0
failed_text:    db ": FAILED", 10, 0
magic_text:     db "magic", 0
state_text:     db "no paging, no interrupts, no long mode", 0
flags_text:     db "flags", 0
command_line_text: db "command line", 0
count_text:     db "two modules", 0
first_text:     db "first module", 0
second_text:    db "second module", 0
upper_text:     db "mem_upper is what the memory map has at 1 MiB", 0
lower_text:     db "mem_lower", 0
marks_text:     db "each page of RAM is one of its own", 0
all_text:       db "all", 0
kept_end:       dd 0x200000             ; kernel and modules lie below
data_end:
absolute $
alignb 4
information:    resd 1
failures:       resd 1
pages:          resd 1
wrong:          resd 1
                resb 4096
stack_top:
bss_end:
