; strings.asm — a page fault's handler that keeps what it saw and then gives what was missing, string instructions with
; the registers of a struct, and a visit to ring 3.
;
;   source  AMD APM vol 2 (24593), "Page-Fault Exception (#PF)", "64-Bit Task State Segment"; vol 3 (24594), "INS", "OUTS"
bits 64
default rel

USER_DATA       equ 0x20 + 3
USER_CODE       equ 0x28 + 3
KERNEL_DATA     equ 0x18
TASK            equ 0x30
IOPL_3          equ 0x3002              ; RFLAGS: ring 3 may use ports

struc registers                         ; struct registers of strings.c
.rcx:           resq 1
.rdx:           resq 1
.rdi:           resq 1
.rsi:           resq 1
endstruc

section .text
global fault_handler
fault_handler:
        push    rax
        push    rbx
        lea     rbx, [fault_log]
        mov     rax, cr2
        mov     [rbx], rax
        mov     [rbx + 16], rcx
        mov     [rbx + 24], rdi
        mov     [rbx + 32], rsi
        mov     rax, [rsp + 16]
        mov     [rbx + 8], rax          ; error
        inc     qword [fault_count]
        mov     rbx, [fault_entry]
        mov     rax, [fault_gives]
        or      [rbx], rax
        mov     rax, [fault_takes]
        not     rax
        and     [rbx], rax
        mov     rax, cr2
        invlpg  [rax]
        pop     rbx
        pop     rax
        add     rsp, 8
        iretq

; void NAME(struct registers *registers)
%macro define 2+
global %1
%1:
        push    rbx
        mov     rbx, rdi
        mov     rcx, [rbx + registers.rcx]
        mov     rdx, [rbx + registers.rdx]
        mov     rsi, [rbx + registers.rsi]
        mov     rdi, [rbx + registers.rdi]
global %1_at
%1_at:  %2
        cld
        mov     [rbx + registers.rcx], rcx
        mov     [rbx + registers.rdi], rdi
        mov     [rbx + registers.rsi], rsi
        pop     rbx
        ret
%endmacro

        define  once_insb, insb
        define  rep_insb, rep insb
        define  rep_insw, rep insw
        define  rep_outsb, rep outsb
        define  repne_outsd, repne outsd
        define  rep_insb_32, a32 rep insb
        define  once_outsb_fs, fs outsb

global rep_insw_down
rep_insw_down:
        std
        jmp     rep_insw

; The same with RFLAGS.TF from the REP on.
global rep_insb_stepped
rep_insb_stepped:
        push    rbx
        mov     rbx, rdi
        mov     rcx, [rbx + registers.rcx]
        mov     rdx, [rbx + registers.rdx]
        mov     rdi, [rbx + registers.rdi]
        pushfq
        or      dword [rsp], 0x100
        popfq
        jmp     rep_insb_at

; void user_rep_insb(struct registers *registers, user's stack, user's rep insb, task-state segment): at ring 3
global user_rep_insb
user_rep_insb:
        push    rbx
        push    rbp
        mov     [kernel_stack], rsp
        mov     [rcx + 4], rsp          ; RSP0
        mov     ax, TASK
        ltr     ax
        mov     rbx, rdi
        push    USER_DATA
        push    rsi
        push    IOPL_3
        push    USER_CODE
        push    rdx
        mov     rcx, [rbx + registers.rcx]
        mov     rdx, [rbx + registers.rdx]
        mov     rdi, [rbx + registers.rdi]
        iretq

; #UD, by which the user ends
global user_end
user_end:
        mov     rsp, [kernel_stack]
        mov     ax, KERNEL_DATA
        mov     ss, ax
        mov     [rbx + registers.rcx], rcx
        mov     [rbx + registers.rdi], rdi
        pop     rbp
        pop     rbx
        ret

        align   4096
global user_code
user_code:
        rep insb
        ud2

section .bss
alignb 8
global fault_log
global fault_count
global fault_entry
global fault_gives
global fault_takes
fault_log:      resq 5
fault_count:    resq 1
fault_entry:    resq 1
fault_gives:    resq 1
fault_takes:    resq 1
kernel_stack:   resq 1
