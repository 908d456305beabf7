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

%include "boot/exceptions.inc"
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

        section .bss align=4096
        global  stack_bottom
stack_bottom:
        resb    STACK_BYTES
stack_top:
