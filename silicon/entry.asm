; entry.asm — the program's first instructions, its stack, its exception entries, and the way back out of an
; experiment that failed.
%include "layout.inc"

        extern  start, unguarded
        extern  bss_start, image_end
        extern  guard_fault

        section .text.entry
        global  entry, screen
; entry — from a loader, as hypervisor/boot/entry.asm.
;   in      rdi = physical address of struct boot_info; paging on, interrupts off
entry:
        test    eax, ENTRY_SIGNATURE >> 8       ; A9h and a number: the BIOS's loader looks for these bytes
        jmp     begin
        align   16
screen: times   32 db 0                         ; struct screen: uefi_screen.c fills it in, before this is moved
begin:
        mov     rbx, rdi
        mov     rdi, bss_start
        mov     rcx, image_end
        sub     rcx, rdi
        xor     eax, eax
        cld
        rep     stosb
        mov     rsp, stack_top
        mov     rdi, rbx
        call    start
        ud2

        section .text
        global  guard_enter, watchdog, spurious
; guard_enter — calls a function that may fail.
;   in      rdi = function
;   out     eax = 0: it returned; 1: guard_fault says what ended it. Interrupts are off then
guard_enter:
        push    rbx
        push    rbp
        push    r12
        push    r13
        push    r14
        push    r15
        push    qword [guard_stack]             ; that of a guard around this one; and the stack is aligned
        mov     [guard_stack], rsp
        call    rdi
        xor     eax, eax
leave_guard:
        pop     qword [guard_stack]
        pop     r15
        pop     r14
        pop     r13
        pop     r12
        pop     rbp
        pop     rbx
        ret

%include "boot/exceptions.inc"
watchdog:
        push    0
        push    0xF0                            ; WATCHDOG_VECTOR
exception_common:
        cld
        pop     qword [guard_fault]             ; vector, error code, rip
        pop     qword [guard_fault + 8]
        pop     qword [guard_fault + 16]
        cmp     qword [guard_stack], 0
        je      .nobody
        mov     rsp, [guard_stack]
        mov     eax, 1
        jmp     leave_guard
.nobody:
        mov     rsp, stack_top
        call    unguarded
spurious:
        iretq

        section .bss align=4096
guard_stack:
        resq    1
        alignb  4096
        resb    STACK_BYTES
stack_top:
