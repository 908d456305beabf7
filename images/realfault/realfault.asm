; realfault.asm — a fault in real mode, where none pushes an error code; the page that takes its frame was never
; touched, so that its delivery is cut short, and is done again.
;
;   in      0:7C00 in real mode, bx = ACPI PM1a control port
;   source  Intel SDM (325462) vol 3, "Real-Address Mode Exceptions", "Information for VM Exits During Event Delivery"
org 0x7C00
bits 16
%include "real.inc"

VECTOR_GP       equ 13
UNTOUCHED       equ 0x7000              ; a segment
TOP             equ 0x2000

        begin
        mov     [pm1a_control], bx
        lidt    [idt_register]
        mov     word [VECTOR_GP * 4], on_fault
        mov     word [VECTOR_GP * 4 + 2], 0
        mov     ax, UNTOUCHED
        mov     ss, ax
        mov     sp, TOP
fault:  int     VECTOR_GP + 1           ; behind the table: #GP
        power_off

; The frame is IP, CS, FLAGS, and nothing else.
on_fault:
        mov     si, wrong_text
        cmp     sp, TOP - 6
        jne     .say
        pop     ax
        cmp     ax, fault
        jne     .say
        mov     si, right_text
.say:   xor     ax, ax
        mov     ss, ax
        mov     sp, STACK
        call    print
        power_off

        define_print
idt_register:   dw VECTOR_GP * 4 + 3
                dd 0
pm1a_control:   dw 0
right_text:     db "realfault: three words, and the fault's address", 13, 10, 0
wrong_text:     db "realfault: wrong", 13, 10, 0
