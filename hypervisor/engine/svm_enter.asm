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
svm_enter:
        push    rbx
        push    rbp
        push    r12
        push    r13
        push    r14
        push    r15
        push    rdi
        mov     rax, rsi
        mov     rbx, [rdi + REGS_RBX]
        mov     rcx, [rdi + REGS_RCX]
        mov     rdx, [rdi + REGS_RDX]
        mov     rsi, [rdi + REGS_RSI]
        mov     rbp, [rdi + REGS_RBP]
        mov     r8,  [rdi + REGS_R8]
        mov     r9,  [rdi + REGS_R9]
        mov     r10, [rdi + REGS_R10]
        mov     r11, [rdi + REGS_R11]
        mov     r12, [rdi + REGS_R12]
        mov     r13, [rdi + REGS_R13]
        mov     r14, [rdi + REGS_R14]
        mov     r15, [rdi + REGS_R15]
        mov     rdi, [rdi + REGS_RDI]   ; last: it was the base
        vmrun                           ; of the VMCB at rax
        push    rdi                     ; the guest's
        mov     rdi, [rsp + 8]
        mov     [rdi + REGS_RBX], rbx
        mov     [rdi + REGS_RCX], rcx
        mov     [rdi + REGS_RDX], rdx
        mov     [rdi + REGS_RSI], rsi
        pop     qword [rdi + REGS_RDI]
        mov     [rdi + REGS_RBP], rbp
        mov     [rdi + REGS_R8],  r8
        mov     [rdi + REGS_R9],  r9
        mov     [rdi + REGS_R10], r10
        mov     [rdi + REGS_R11], r11
        mov     [rdi + REGS_R12], r12
        mov     [rdi + REGS_R13], r13
        mov     [rdi + REGS_R14], r14
        mov     [rdi + REGS_R15], r15
        pop     rdi
        pop     r15
        pop     r14
        pop     r13
        pop     r12
        pop     rbp
        pop     rbx
        cld                             ; RFLAGS is the host's again, but the ABI wants DF = 0 said once
        ret

; svm_load — FS, GS, TR, LDTR and system-call state from the VMCB.
;   in      rdi = physical address of the VMCB
svm_load:
        mov     rax, rdi
        vmload                          ; of the VMCB at rax
        ret
