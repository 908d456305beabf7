; vmx_enter — run the guest until its next exit.
;
;   in      rdi = struct guest_regs *, sil = whether this VMCS was launched before
;   out     eax = enum vmx_status; guest registers at [rdi], but rsp, rip, rflags: those stand in the VMCS
;   note    CR2, DR0-3, DR6, x87 and vector registers, XCR0 and the SYSCALL MSRs stay the guest's all the time: the
;           host uses none of them, or gives them back.
;   source  Intel SDM (325462) vol 3, "VM Entries", "VM Exits"; vol 3, "VMX Instruction Reference"
%include "layout.inc"
%include "engine/enter.inc"

        section .text
        global  vmx_enter
        global  vmx_nmi
        global  vmx_unblock_nmis
        global  vmx_is_on

vmx_enter:
        push_all CALLEE_SAVED
        push    rdi
        mov     eax, VMCS_HOST_RSP
        vmwrite rax, rsp
        mov     ecx, VMCS_HOST_RIP
        lea     rax, [rel .exit]
        vmwrite rcx, rax
        test    sil, sil                ; the moves below keep the flags
        mov     rax, [rdi + REGS_RAX]
        load_all BUT_RDI
        mov     rdi, [rdi + REGS_RDI]   ; last: it was the base
        jnz     .resume
        vmlaunch
        jmp     .failed
.resume:
        vmresume
.failed:                                ; CF: no current VMCS; ZF: the VMCS says why
        mov     eax, VM_FAIL_INVALID
        mov     ecx, VM_FAIL_VALID
        cmovz   eax, ecx
        jmp     .return
.exit:
        push    rdi                     ; the guest's
        mov     rdi, [rsp + 8]
        mov     [rdi + REGS_RAX], rax
        store_all BUT_RDI
        pop     qword [rdi + REGS_RDI]
        mov     eax, VM_SUCCEED
.return:
        pop     rdi
        pop_all CALLEE_SAVED
        cld
        ret

; vmx_nmi — an NMI that arrives while the hypervisor runs is the guest's: an exit is asked for as soon as the guest
; can take it. Between VMXOFF and the end of the run it is dropped.
vmx_nmi:
        push    rax
        push    rdx
        cmp     byte [rel vmx_is_on], 0
        je      .dropped
        mov     edx, VMCS_PROC_CONTROLS
        vmread  rax, rdx
        or      eax, PROC_NMI_WINDOW
        vmwrite rdx, rax
.dropped:
        pop     rdx
        pop     rax
        iretq

; vmx_unblock_nmis — after an exit for an NMI the CPU holds back further ones until an IRET.
vmx_unblock_nmis:
        mov     rax, rsp
        push    HOST_DS
        push    rax
        pushfq
        push    HOST_CS
        lea     rax, [rel .done]
        push    rax
        iretq
.done:  ret

        section .bss
vmx_is_on:
        resb    1
