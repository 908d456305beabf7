; svm_enter — run the guest until its next exit.
;
;   in      rdi = struct guest_regs *, rsi = physical address of the VMCB
;   out     guest registers at [rdi], but rax, rsp, rip, rflags: those stand in the VMCB
;   note    FS, GS, TR, LDTR and the SYSCALL and SYSENTER MSRs stay the guest's all the time: the host uses none of
;           them, so one VMLOAD before the first entry is enough. GIF is 0 from the exit to the next VMRUN.
;   source  AMD APM vol 2 (24593), "VMRUN Instruction"
%include "layout.inc"

        section .text
        global  svm_enter
        global  svm_load
%define CALLEE_SAVED rbx, rbp, r12, r13, r14, r15
%macro push_all 1-*
%rep %0
        push    %1
%rotate 1
%endrep
%endmacro
%macro pop_all 1-*                      ; last first
%rep %0
%rotate -1
        pop     %1
%endrep
%endmacro
%macro load_all 2-*                     ; name in guest_regs, register, ...
%rep %0 / 2
        mov     %2, [rdi + REGS_%1]
%rotate 2
%endrep
%endmacro
%macro store_all 2-*
%rep %0 / 2
        mov     [rdi + REGS_%1], %2
%rotate 2
%endrep
%endmacro
%define BUT_RDI RBX,rbx, RCX,rcx, RDX,rdx, RSI,rsi, RBP,rbp, R8,r8, R9,r9, R10,r10, R11,r11, R12,r12, R13,r13, R14,r14, R15,r15

svm_enter:
        push_all CALLEE_SAVED
        push    rdi
        mov     rax, rsi
        load_all BUT_RDI
        mov     rdi, [rdi + REGS_RDI]   ; last: it was the base
        vmrun                           ; of the VMCB at rax
        push    rdi                     ; the guest's
        mov     rdi, [rsp + 8]
        store_all BUT_RDI
        pop     qword [rdi + REGS_RDI]
        pop     rdi
        pop_all CALLEE_SAVED
        cld
        ret

; svm_load — FS, GS, TR, LDTR and system-call state from the VMCB.
;   in      rdi = physical address of the VMCB
svm_load:
        mov     rax, rdi
        vmload                          ; of the VMCB at rax
        ret
