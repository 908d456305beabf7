; traps.asm — the CPU's 32 exceptions, all to trap_handle in C.
;
;   in      as the CPU delivers it
;   out     trap_handle has seen, and perhaps changed, the struct trap_frame on the stack
;   source  AMD APM vol 2 (24593), table "Interrupt Vector Source and Cause" (which vectors push an error code)
bits 64
default rel

extern trap_handle

%define HAS_ERROR_CODE ((1 << 8) | (1 << 10) | (1 << 11) | (1 << 12) | (1 << 13) | (1 << 14) | (1 << 17) | \
                        (1 << 21) | (1 << 29) | (1 << 30))

section .text
%assign vector 0
%rep 32
stub_%+vector:
  %if ((HAS_ERROR_CODE >> vector) & 1) == 0
        push    0
  %endif
        push    vector
        jmp     handle
  %assign vector vector + 1
%endrep

handle:
        push    r11
        push    r10
        push    r9
        push    r8
        push    rdi
        push    rsi
        push    rdx
        push    rcx
        push    rax
        mov     rdi, rsp
        cld
        call    trap_handle
        pop     rax
        pop     rcx
        pop     rdx
        pop     rsi
        pop     rdi
        pop     r8
        pop     r9
        pop     r10
        pop     r11
        add     rsp, 16                 ; vector and error
        iretq

section .rodata
global trap_stubs
trap_stubs:
%assign vector 0
%rep 32
        dq      stub_%+vector
  %assign vector vector + 1
%endrep
