; svm_enter — run the guest until its next exit.
;
;   in      rdi = struct guest_regs *, rsi = physical address of the VMCB
;   out     guest registers at [rdi], but rax, rsp, rip, rflags: those stand in the VMCB
;   note    FS, GS, TR, LDTR and the SYSCALL and SYSENTER MSRs stay the guest's all the time: the host uses none of
;           them, so one VMLOAD before the first entry is enough. GIF is 0 from the exit to the next VMRUN.
;   source  AMD APM vol 2 (24593), "VMRUN Instruction"
%include "layout.inc"
%include "engine/enter.inc"

        section .text
        global  svm_enter
        global  svm_load
        global  svm_save
        global  svm_debug

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

; svm_save — FS, GS, TR, LDTR and system-call state to the VMCB.
;   in      rdi = physical address of the VMCB
svm_save:
        mov     rax, rdi
        vmsave                          ; to the VMCB at rax
        ret

; svm_debug — the hypervisor's #DB entry. Bochs 2.7 takes the single step that a guest was making when it left along, and
; makes it here; no real CPU does, and nothing here sets TF or a breakpoint.
svm_debug:
        iretq
