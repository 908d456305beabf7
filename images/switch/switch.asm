; switch.asm — calls a task: first one whose page directory is there, which returns; then one whose directory was never
; touched, so that the switch is cut short when it has been made in part. Executed again it gives #GP.
;
;   in      0:7C00 in real mode, bx = ACPI PM1a control port
;   source  AMD APM vol 2 (24593), "Task-Management Resources", "Task Switching"
org 0x7C00
bits 16
%include "real.inc"

MAIN            equ 0x18                ; task-state segments
CALLED          equ 0x20
TSS_CR3         equ 0x1C
CR0_PG          equ 1 << 31
CR4_PSE         equ 1 << 4
FIRST_4MIB      equ 0x83                ; present, writable, large
GATE_INTERRUPT  equ 0x8E00
VECTORS         equ 14
DIRECTORY       equ 0x8000
UNTOUCHED       equ 0x20000             ; the second task's: so far behind that nothing opens it ahead

start:
        begin_protected
        lidt    [idt_register]
        mov     word [gdt + MAIN + 2], main     ; bases, below 64 KiB
        mov     word [gdt + CALLED + 2], called
        mov     ax, MAIN
        ltr     ax
        mov     eax, CR4_PSE
        mov     cr4, eax
        mov     eax, directory
        mov     cr3, eax
        mov     [main + TSS_CR3], eax
        mov     [called + TSS_CR3], eax
        mov     eax, cr0
        or      eax, CR0_PG
        mov     cr0, eax
        mov     si, begin_text
        call    say
        call    CALLED:0
        mov     si, present_text
        call    say
        mov     dword [called + TSS_CR3], untouched
        call    CALLED:0
        mov     si, missing_text
        call    say
        power_off

on_call:
        iretd
        jmp     on_call                 ; where the task goes on at the next call

on_fault:
        mov     si, wrong_text
        call    say
        power_off

say:    movzx   esi, si
        define_print

        descriptor_table TSS_DESCRIPTOR, TSS_DESCRIPTOR
idt:            times VECTORS dw on_fault, CODE32, GATE_INTERRUPT, 0
idt_register:   dw $ - idt - 1
                dd idt
pm1a_control:   dw 0
begin_text:     db "switch: begins", 13, 10, 0
present_text:   db "switch: tables that are there: ok", 13, 10, 0
missing_text:   db "switch: tables that are not: ok", 13, 10, 0
wrong_text:     db "switch: wrong", 13, 10, 0
        align   16
main:           times TSS_BYTES db 0
called:
        task_state on_call
        times   DIRECTORY - 0x7C00 - ($ - $$) db 0
directory:      dd FIRST_4MIB
        times   1023 dd 0
        times   UNTOUCHED - 0x7C00 - ($ - $$) db 0
untouched:      dd FIRST_4MIB
        times   1023 dd 0
