; monitor.asm — the way into every mode of the CPU, and back by whatever event comes first. It is copied to low memory,
; where real mode reaches it; the addresses are those of monitor.h.
;
;   source  AMD APM vol 2 (24593), "Mode Switching" is the order of the steps; "Interrupt Control Transfers"
bits 64
default abs

%include "monitor.inc"

section .rodata align=4096
global monitor
monitor:

; In: STATE. Out: STATE, the event in VECTOR and ERROR. Called from C.
        push    rbx
        push    rbp
        push    r12
        push    r13
        push    r14
        push    r15
        mov     [OWN_RSP], rsp
        mov     byte [INSIDE], 1
        mov     rsp, STACK_TOP
        cmp     qword [KIND], KIND_LONG
        jne     leave_long_mode
        mov     rax, [CR4_]
        mov     cr4, rax
        mov     rax, [CR3_]
        mov     cr3, rax
        mov     rax, [CR0_]
        mov     cr0, rax
        push    qword [SS_]
        push    qword [RSP_]
        push    qword [RFLAGS_]
        push    qword [CS_]
        push    qword [RIP_]
        mov     eax, [DS_]
        mov     ds, eax
        mov     es, [ES_]
%assign n 0
%rep 16
  %if n != 4
        mov     reg64(n), [REGISTER + 8 * n]
  %endif
  %assign n n + 1
%endrep
        iretq

leave_long_mode:
        push    CODE32
        push    at(compatible)
        o64 retf

; An event in long mode: vector and error code lie on the monitor's stack, above the CPU's frame.
event64:
        push    rax
        cmp     byte [INSIDE], 0
        je      .ours
        mov     rax, [OWN_CR3]          ; here STATE can be written
        mov     cr3, rax
%assign n 1
%rep 15
  %if n != 4
        mov     [REGISTER + 8 * n], reg64(n)
  %endif
  %assign n n + 1
%endrep
        pop     qword [RAX_]
        pop     qword [VECTOR]
        pop     qword [ERROR]
        pop     qword [RIP_]
        pop     qword [CS_]
        pop     qword [RFLAGS_]
        pop     qword [RSP_]
        pop     qword [SS_]
        mov     rax, cr0
        mov     [CR0_], rax
        mov     rax, cr2
        mov     [CR2_], rax
        mov     rax, cr4
        mov     [CR4_], rax
        mov     rax, [OWN_CR0]
        mov     cr0, rax
        mov     rax, [OWN_CR4]
        mov     cr4, rax
        jmp     back_in_c
.ours:                                  ; a late watchdog, or a breakpoint that a case has left
        mov     eax, DR7_OFF
        mov     dr7, rax
        pop     rax
        add     rsp, 16
        iretq

back_in_long_mode:
        and     byte [GDT + TSS64 + 5], ~2      ; not busy
        mov     eax, TSS64
        ltr     ax
        lidt    [IDT64_REGISTER]
back_in_c:
        mov     eax, DATA
        mov     ds, eax
        mov     es, eax
        mov     ss, eax
        mov     rsp, [OWN_RSP]
        mov     byte [INSIDE], 0
        pop     r15
        pop     r14
        pop     r13
        pop     r12
        pop     rbp
        pop     rbx
        cld
        ret

bits 32
compatible:
        mov     eax, DATA
        mov     ds, eax
        mov     es, eax
        mov     ss, eax
        mov     esp, STACK_TOP
        mov     eax, cr0
        and     eax, ~CR0_PG
        mov     cr0, eax
        mov     ecx, EFER
        rdmsr
        and     eax, ~EFER_LME
        wrmsr
        mov     eax, [CR4_]
        mov     cr4, eax
        mov     eax, [CR3_]
        mov     cr3, eax
        cmp     dword [KIND], KIND_REAL
        je      to_real_mode
        lidt    [IDT32_REGISTER]
        and     byte [GDT + TSS32 + 5], ~2
        mov     eax, TSS32
        ltr     ax
        mov     eax, [CR0_]
        mov     cr0, eax
        test    byte [CS_], 3
        jnz     .outer
        mov     esp, [RSP_]              ; IRETD will not change it
        jmp     .frame
.outer: push    dword [SS_]
        push    dword [RSP_]
.frame: push    dword [RFLAGS_]
        push    dword [CS_]
        push    dword [RIP_]
%assign n 0
%rep 8
  %if n != 4
        mov     reg32(n), [REGISTER + 8 * n]
  %endif
  %assign n n + 1
%endrep
        mov     es, [ES_]
        mov     ds, [DS_]
        iretd

to_real_mode:
        lidt    [IVT_REGISTER]
        mov     ebp, [CR0_]
        jmp     CODE16:in16(protected16)

; An event in protected mode: the registers, vector and error code lie above the CPU's frame.
event32:
        pushad
        mov     eax, DATA
        mov     ds, eax
        mov     es, eax
        mov     ebx, cr0
        mov     ecx, cr2
        mov     edx, cr4
        mov     eax, ebx
        and     eax, ~CR0_PG
        mov     cr0, eax                ; here STATE can be written; the stack is mapped 1:1
        mov     [CR0_], ebx
        mov     [CR2_], ecx
        mov     [CR4_], edx
%assign n 0
%rep 8
        mov     eax, [esp + 28 - 4 * n]
        mov     [REGISTER + 8 * n], eax
  %assign n n + 1
%endrep
        mov     eax, [esp + 32]
        mov     [VECTOR], eax
        mov     eax, [esp + 36]
        mov     [ERROR], eax
        mov     eax, [esp + 40]
        mov     [RIP_], eax
        mov     eax, [esp + 44]
        mov     [CS_], eax
        mov     ecx, [esp + 48]
        mov     [RFLAGS_], ecx
        lea     edx, [esp + 52]         ; where the stack was
        test    al, 3
        jz      .inner
        mov     edx, [esp + 52]
.inner: mov     [RSP_], edx

to_long_mode:                           ; no paging, flat segments
        mov     esp, STACK_TOP
        mov     eax, [OWN_CR4]
        mov     cr4, eax
        mov     eax, [OWN_CR3]
        mov     cr3, eax
        mov     ecx, EFER
        rdmsr
        or      eax, EFER_LME
        wrmsr
        mov     eax, [OWN_CR0]
        mov     cr0, eax
        jmp     CODE64:at(back_in_long_mode)

bits 16
protected16:
        mov     ax, DATA16
        mov     ds, ax
        mov     es, ax
        mov     ss, ax
        mov     cr0, ebp
        jmp     (BASE >> 4):in16(.real)
.real:  mov     ax, STATE >> 4
        mov     ds, ax
        mov     ss, [SS_ - STATE]
        mov     esp, [RSP_ - STATE]
        push    word [RFLAGS_ - STATE]
        push    word [CS_ - STATE]
        push    word [RIP_ - STATE]
%assign n 0
%rep 8
  %if n != 4
        mov     reg32(n), [REGISTER - STATE + 8 * n]
  %endif
  %assign n n + 1
%endrep
        mov     es, [ES_ - STATE]
        mov     ds, [DS_ - STATE]
        iret

; An event in real mode: the vector lies above the CPU's frame.
event16:
        pushad
        mov     ax, STATE >> 4
        mov     ds, ax
        mov     bp, sp
%assign n 0
%rep 8
        mov     eax, [bp + 28 - 4 * n]
        mov     [REGISTER - STATE + 8 * n], eax
  %assign n n + 1
%endrep
        movzx   eax, word [bp + 32]
        mov     [VECTOR - STATE], eax
        movzx   eax, word [bp + 34]
        mov     [RIP_ - STATE], eax
        movzx   eax, word [bp + 36]
        mov     [CS_ - STATE], eax
        movzx   eax, word [bp + 38]
        mov     [RFLAGS_ - STATE], eax
        lea     ax, [bp + 40]
        mov     [RSP_ - STATE], eax
        xor     eax, eax
        mov     [ERROR - STATE], eax
        mov     eax, cr2
        mov     [CR2_ - STATE], eax
        mov     eax, cr4
        mov     [CR4_ - STATE], eax
        o32 lgdt [GDT_REGISTER - STATE]
        mov     eax, cr0
        mov     [CR0_ - STATE], eax
        or      al, CR0_PE
        mov     cr0, eax
        jmp     dword CODE32:at(.protected)
bits 32
.protected:
        mov     eax, DATA
        mov     ds, eax
        mov     es, eax
        mov     ss, eax
        jmp     to_long_mode

; Entries for events in code of %1 bits, ENTRY_BYTES each; the last is for all other vectors. Real mode pushes no error codes.
ENTRY_BYTES     equ 16
%macro entries 1
bits %1
        align   ENTRY_BYTES
global monitor_entries_%1
monitor_entries_%1:
  %assign vector 0
  %rep STUBS + 1
        align   ENTRY_BYTES
    %if %1 != 16
      %if vector >= 32 || ((HAS_ERROR_CODE >> (vector & 31)) & 1) == 0
        push    0
      %endif
    %endif
    %if vector == STUBS
        push    OTHER_VECTOR
    %else
        push    vector
    %endif
        jmp     near event%1
    %assign vector vector + 1
  %endrep
%endmacro
        entries 64
        entries 32
        entries 16

global monitor_end
monitor_end:

section .text
bits 64
; vectors_swap — XMM0-15 from and to memory.
;   in      rdi = 256 bytes to load, or 0; rsi = 256 bytes to store to, or 0
global vectors_swap
vectors_swap:
        test    rsi, rsi
        jz      .load
%assign n 0
%rep 16
        movups  [rsi + 16 * n], xmm %+ n
  %assign n n + 1
%endrep
.load:  test    rdi, rdi
        jz      .out
%assign n 0
%rep 16
        movups  xmm %+ n, [rdi + 16 * n]
  %assign n n + 1
%endrep
.out:   ret
