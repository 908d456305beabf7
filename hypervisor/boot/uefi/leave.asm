; leave.asm — out of the firmware's memory, and into the hypervisor.
%include "layout.inc"

        bits    64
        section .text
        global  leave_firmware, enter_hypervisor

; leave_firmware — gives up the firmware's stack, page tables, and what it had turned on: they may be overwritten.
;   in      rcx = function, rdx = what it is given, r8 = top of stack, r9 = page tables
;   source  AMD APM vol 2 (24593), "CR4 Register": what else it holds (CET, PCIDE) the loader's tables know nothing of
leave_firmware:
        cli
        cld
        mov     cr3, r9
        mov     eax, 0x20               ; PAE alone
        mov     cr4, rax
        lea     rsp, [r8 - 40]          ; room for four arguments, and a return address: as Microsoft's convention has it
        mov     rax, rcx
        mov     rcx, rdx
        xor     ebp, ebp
        call    rax
        ud2

; enter_hypervisor — its first instruction.
enter_hypervisor:
        mov     edi, BOOT_INFO_BASE
        mov     rax, HYPERVISOR_BASE
        jmp     rax

; The image's header, hypervisor and payload, whose place make-image gives to them: the last section.
        section .frost data align=4096
        global  image
image:  times   4096 db 0
