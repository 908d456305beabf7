; entry.asm — the hypervisor's first instructions, its stack, and its exception entries.
%include "layout.inc"

        extern  start
        extern  host_exception, refusable_wrmsr
        extern  bss_start
        extern  image_end

        section .text.entry
        global  entry
; entry — from the loader.
;   in      rdi = physical address of struct boot_info; paging on, interrupts off
;   out     calls start(boot_info) on the hypervisor's own stack, bss cleared; never returns
entry:
        test    eax, ENTRY_SIGNATURE >> 8       ; A9h and a number: the loader looks for these bytes
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

; exception_N — one stub a vector; pushes what the CPU does not, so that host_exception sees one shape.
;   source  AMD APM vol 2 (24593), "Long-Mode Interrupt Control Transfers"
%macro exception 1
exception_%1:
%if %1 != 8 && %1 != 10 && %1 != 11 && %1 != 12 && %1 != 13 && %1 != 14 && %1 != 17 && %1 != 21 && %1 != 29 && %1 != 30
        push    0
%endif
        push    %1
        jmp     exception_common
%endmacro
        section .text
%assign vector 0
%rep 32
        exception vector
%assign vector vector + 1
%endrep
exception_common:
        pop     rdi                     ; vector
        mov     rsi, [rsp + 8]          ; rip
        cmp     edi, 13                 ; #GP
        jne     .fatal
        cmp     rsi, refusable_wrmsr    ; guest/msr.c: goes on behind it, with CF set
        jne     .fatal
        add     rsp, 8                  ; error code
        add     qword [rsp], 2          ; rip
        or      byte [rsp + 16], 1      ; rflags
        iretq
.fatal: call    host_exception          ; report/panic.c; does not return

        section .rodata
        global  exception_stubs
        align   8
exception_stubs:
%assign vector 0
%rep 32
        dq      exception_ %+ vector
%assign vector vector + 1
%endrep

        section .bss align=4096
        global  stack_bottom
stack_bottom:
        resb    STACK_BYTES
stack_top:
