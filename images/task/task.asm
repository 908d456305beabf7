; task.asm — a fault that is delivered through a task gate: first to a task whose stack is there, which returns; then to
; one whose stack page was never touched, so that delivery is cut short when the switch has been made.
;
;   in      0:7C00 in real mode, bx = ACPI PM1a control port
;   source  AMD APM vol 2 (24593), "Task-Management Resources", "Task Switching"
org 0x7C00
bits 16
%include "real.inc"

MAIN            equ 0x18                ; task-state segments
HANDLER         equ 0x20
BAD_SELECTOR    equ 0xFFF8
UNTOUCHED       equ 0x1800000           ; a page that nobody has
TSS_ESP         equ 0x38
TSS_EIP         equ 0x20
GATE_TASK       equ 0x8500

start:
        begin_protected
        lidt    [idt_register]
        mov     word [gdt + MAIN + 2], main     ; bases, below 64 KiB
        mov     word [gdt + HANDLER + 2], handler
        mov     ax, MAIN
        ltr     ax
        mov     si, begin_text
        call    say
        mov     dword [STACK - 0x1004], 0
        call    fault
        mov     si, resident_text
        call    say
        mov     dword [handler + TSS_ESP], UNTOUCHED + 0x1000
        call    fault
        mov     si, missing_text
        call    say
        power_off

; #GP with the selector as its error code. The handler counts it and goes on behind.
fault:  mov     ax, BAD_SELECTOR
.at:    mov     fs, ax
        ret

on_fault:
        pop     eax                     ; error code
        cmp     eax, BAD_SELECTOR
        jne     .wrong
        cmp     dword [main + TSS_EIP], fault.at
        jne     .wrong
        add     dword [main + TSS_EIP], fault_bytes
        iretd
        jmp     on_fault                ; where the task goes on at the next fault
.wrong: mov     si, wrong_text
        call    say
        power_off
fault_bytes     equ 2

say:    movzx   esi, si
        define_print

        descriptor_table TSS_DESCRIPTOR, TSS_DESCRIPTOR
idt:            times 13 dq 0
                dw 0, HANDLER, GATE_TASK, 0
idt_register:   dw $ - idt - 1
                dd idt
pm1a_control:   dw 0
begin_text:     db "task: begins", 13, 10, 0
resident_text:  db "task: a stack that is there: ok", 13, 10, 0
missing_text:   db "task: a stack that is not: ok", 13, 10, 0
wrong_text:     db "task: wrong", 13, 10, 0
        align   16
main:           times TSS_BYTES db 0
handler:
        task_state on_fault
