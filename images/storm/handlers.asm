; handlers.asm — interrupt handlers, each on a page of its own, with its counter on another: so that delivery itself,
; and every handler's first instruction and first access, can miss a page.
;
;   source  AMD APM vol 2 (24593), "Long-Mode Interrupt Control Transfers" (stack frame), "Debug Resources" (DR6, RF)
bits 64
default rel

RFLAGS_TF       equ 1 << 8
RFLAGS_RF       equ 1 << 16
FRAME_RIP       equ 0
FRAME_RFLAGS    equ 16
UD2_BYTES       equ 2
DIV_BYTES       equ 2
DR6_B0          equ 1 << 0
DR6_B1          equ 1 << 1
DR6_BS          equ 1 << 14
DR6_CLEAR       equ 0xFFFF0FF0

; %1 = name: a handler on its own page that counts in storm_<name>_count
%macro handler 1
section .text
        align   4096
global storm_%1
storm_%1:
        inc     qword [storm_%1_count]
%endmacro

%macro counter 1
section .bss
        alignb  4096
global storm_%1_count
storm_%1_count: resq 1
%endmacro

handler divide
        add     qword [rsp + FRAME_RIP], DIV_BYTES
        iretq
counter divide

handler nmi
        iretq
counter nmi

handler breakpoint                      ; a trap: RIP is behind INT3
        iretq
counter breakpoint

handler undefined
        add     qword [rsp + FRAME_RIP], UD2_BYTES
        iretq
counter undefined

handler call                            ; INT 80h
        iretq
counter call

; The timer. Its interrupt is acknowledged by the interrupted program, not here: a slow machine, where a tick takes
; longer than a millisecond, must still get on.
handler timer
        iretq
counter timer

handler debug
        push    rax
        mov     rax, dr6
        test    eax, DR6_BS
        jz      .not_step
        inc     qword [storm_step_count]
.not_step:
        test    eax, DR6_B1
        jz      .not_write
        inc     qword [storm_watch_count]
.not_write:
        test    eax, DR6_B0
        jz      .not_execute
        inc     qword [storm_execute_count]
        or      dword [rsp + 8 + FRAME_RFLAGS], RFLAGS_RF       ; a fault: run the instruction this time
.not_execute:
        mov     eax, DR6_CLEAR
        mov     dr6, rax
        pop     rax
        iretq
counter debug
counter step
counter watch
counter execute

; Programs that cause events, each on a page of its own.
%macro program 1
section .text
        align   4096
global storm_%1
storm_%1:
%endmacro

program cause_divide
        xor     ecx, ecx
        xor     edx, edx
        mov     eax, 1
        div     ecx                     ; DIV_BYTES long
        ret

program cause_breakpoint
        int3
        ret

program cause_undefined
        ud2
        ret

program cause_call
        int     0x80
        ret

; Where the execution breakpoint stands.
program broken_at
        ret

; storm_step_over — single-steps over rdi accesses to memory.
;
;   in      rdi = how many, rsi = array of addresses
;   out     the debug handler counted 5 rdi + 1 steps; rax, rdx, rdi, rsi changed
program step_over
        pushfq
        pop     rax
        mov     rdx, rax
        or      edx, RFLAGS_TF
        push    rax
        push    rdx
        popfq                           ; steps begin behind the next instruction
.next:
        mov     rdx, [rsi]
        lock or byte [rdx], 0
        add     rsi, 8
        dec     rdi
        jnz     .next
        popfq                           ; the last step: it began with TF set
        ret
