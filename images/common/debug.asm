; debug.asm — the #DB handler of the guests that look at debug registers.
;
;   in      as the CPU delivers it
;   out     a struct debug_trap more in debug_log; DR6 is cleared, and TF, unless debug_keeps_step
;   source  AMD APM vol 2 (24593), "Debug Exception (#DB)"
bits 64
default rel

TF              equ 1 << 8
DEBUG_TRAPS     equ 16

section .text
global debug_handler
debug_handler:
        push    rax
        push    rbx
        push    rcx
        mov     rax, dr7                ; with GD it would trap once more
        mov     rcx, [debug_count]
        cmp     rcx, DEBUG_TRAPS
        jae     .full
        shl     rcx, 5
        lea     rbx, [debug_log]
        add     rcx, rbx
        mov     [rcx + 8], rax
        mov     rax, dr6
        mov     [rcx], rax
        mov     rax, [rsp + 24]         ; RIP
        mov     [rcx + 16], rax
        mov     rax, [rsp + 24 + 16]    ; RFLAGS
        mov     [rcx + 24], rax
.full:  inc     qword [debug_count]
        xor     eax, eax
        mov     dr6, rax
        cmp     byte [debug_keeps_step], 0
        jne     .return
        and     qword [rsp + 24 + 16], ~TF
.return:
        pop     rcx
        pop     rbx
        pop     rax
        iretq

section .bss
alignb 8
global debug_log
global debug_count
global debug_keeps_step
debug_log:              resq 4 * DEBUG_TRAPS
debug_count:            resq 1
debug_keeps_step:       resb 1
