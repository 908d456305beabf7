; emulation.asm — what the hypervisor must do besides advancing RIP when it carries out an instruction for the guest.
;
;   in      0:7C00 in real mode, bx = ACPI PM1a control port
;   out     a line for each check, then off
;   source  AMD APM vol 2 (24593), "Single Stepping"; vol 3 (24594), LMSW, "ModRM and SIB Bytes"; Intel 8042 data sheet
org 0x7C00
bits 16
%include "real.inc"

COM2            equ 0x2F8               ; the hypervisor's
MSR_PAT         equ 0x277
TF              equ 1 << 8
CR0_MP          equ 1 << 1
CR0_TS          equ 1 << 3
CR0_PG          equ 1 << 31
CR4_PSE         equ 1 << 4
DR6_BS          equ 1 << 14
DIRECTORY       equ 0x20000
SEGMENT_BASE    equ 0x30000             ; of operands
FAR_OPERAND     equ 0x34560
EVEN_MIB        equ 0x200000
ODD_MIB         equ 0x300000
UNMAPPED        equ 0x800000
KEYBOARD        equ 0x64
KEYBOARD_DATA   equ 0x60
KEYBOARD_FULL   equ 2                   ; status: the controller has not taken the last byte yet
SYSTEM_CONTROL  equ 0x92

CODE16          equ 0x18
DATA16          equ 0x20
FAR32           equ 0x28                ; its base is SEGMENT_BASE

start:
        begin
        mov     [pm1a_control], bx
        mov     word [4 * 1], on_step
        mov     word [4 * 1 + 2], 0

        call    single_steps
        mov     si, steps_text
        call    judge
        call    lmsw_16
        mov     si, lmsw16_text
        call    judge

        call    strings_16
        mov     si, strings_text
        call    judge

        enter_protected_mode protected
back:   leave_protected_mode DATA16
        mov     al, [lmsw_failed]
        mov     [failed], al
        mov     si, lmsw32_text
        call    judge
        mov     al, [fault_failed]
        mov     [failed], al
        mov     si, fault_text
        call    judge
        mov     al, [a20_failed]
        mov     [failed], al
        mov     si, a20_text
        call    judge

        mov     si, failures_text
        call    print
        mov     al, [failures]
        add     al, '0'
        call    put
        mov     si, line_text
        call    print
        power_off

on_step:
        push    eax
        mov     eax, dr6
        test    ax, DR6_BS
        jz      .not_step
        inc     word [cs:steps]
.not_step:
        xor     eax, eax
        mov     dr6, eax
        pop     eax
        iret

; Each instruction between the two POPFs exits; and each must be followed by one trap, and one only.
single_steps:
        mov     word [steps], 0
        pushf
        pushf
        pop     ax
        or      ax, TF
        push    ax
        popf                            ; steps begin behind the next instruction
.first: cpuid
        wbinvd
        mov     dx, COM2
        in      al, dx
        in      ax, dx
        out     dx, al
        mov     ecx, MSR_PAT
        rdmsr
        wrmsr
        mov     eax, cr0
        mov     cr0, eax
        clts
        mov     dx, KEYBOARD
        in      al, dx
        popf
        cmp     word [steps], 15        ; POPF's own is the last
        setne   [failed]
        ret

; Sets TS and MP by LMSW from %1, then compares and clears them. Changes eax.
%macro try_lmsw 1
        lmsw    %1
        smsw    ax
        and     al, CR0_TS | CR0_MP | CR0_PE
        cmp     al, CR0_TS | CR0_MP | (CR0_PE * (__?BITS?__ / 32))
        setne   al
        or      [lmsw_failed], al
        xor     eax, eax
        lmsw    ax                      ; cannot clear PE
%endmacro

lmsw_16:
        mov     byte [lmsw_failed], 0
        mov     ax, SEGMENT_BASE >> 4
        mov     es, ax
        mov     fs, ax
        mov     bx, operand - 0x120
        mov     si, 0x110
        mov     di, FAR_OPERAND - SEGMENT_BASE
        mov     word [es:di], CR0_TS | CR0_MP
        try_lmsw [operand]
        try_lmsw [bx + si + 0x10]
        try_lmsw [bx + 0x120]
        try_lmsw [es:di]
        mov     di, FAR_OPERAND - SEGMENT_BASE + 0x1234
        try_lmsw [fs:di - 0x1234]
        mov     bp, operand
        try_lmsw [bp]                   ; by SS
        mov     ebx, operand - 0x444
        mov     esi, 0x111
        try_lmsw [ebx + 4 * esi]
        mov     al, [lmsw_failed]
        mov     [failed], al
        xor     ax, ax
        mov     es, ax
        ret

; INS and OUTS of the hypervisor's port: by ES, within 64 KiB, and with nothing of ECX and EDI changed above 16 bits.
strings_16:
        mov     byte [failed], 1
        mov     word [4 * 13], on_limit
        mov     word [4 * 13 + 2], 0
        mov     ax, SEGMENT_BASE >> 4
        mov     es, ax
        mov     dword [es:0], 0
        mov     dword [es:0xFFFC], 0
        mov     edi, 0x5678FFFE
        mov     ecx, 0x12340003
        mov     dx, COM2
        cld
        rep     insb                    ; at FFFEh, FFFFh and 0
        cmp     edi, 0x56780001
        jne     .wrong
        cmp     ecx, 0x12340000
        jne     .wrong
        cmp     dword [es:0xFFFC], 0xFFFF0000
        jne     .wrong
        cmp     dword [es:0], 0xFF
        jne     .wrong
        mov     di, 0xFFFF
.limit: insw                            ; #GP, which is stepped over
        cmp     byte [limit_met], 1
        jne     .wrong
        mov     si, steps_text
        mov     cx, 4
        rep     outsb
        cmp     si, steps_text + 4
        jne     .wrong
        mov     byte [failed], 0
.wrong: xor     ax, ax
        mov     es, ax
        ret

on_limit:
        push    bp
        mov     bp, sp
        cmp     word [bp + 2], strings_16.limit
        jne     .return
        mov     byte [limit_met], 1
        inc     word [bp + 2]
.return:
        pop     bp
        iret

bits 32
protected:
        load_segments DATA32
        mov     ax, FAR32
        mov     fs, ax
        mov     esp, STACK
        mov     byte [lmsw_failed], 0
        mov     ebx, operand
        mov     ecx, -0x40
        mov     edi, FAR_OPERAND - SEGMENT_BASE
        try_lmsw [operand]
        try_lmsw [ebx]
        try_lmsw [ebx + 2 * ecx + 0x80]
        try_lmsw [ecx + ebx + 0x12340040 - 0x12340000]
        try_lmsw [fs:edi]
        mov     ebp, operand + 1
        try_lmsw [ebp - 1]
        a16 lmsw [operand]
        push    dword CR0_TS | CR0_MP | CR0_PE
        try_lmsw [esp]
        pop     eax
        call    check_fault
        call    check_a20
        lidt    [real_idt]
        mov     ax, DATA16
        mov     fs, ax
        jmp     CODE16:back

; LMSW from a page that is not there.
check_fault:
        mov     byte [fault_failed], 1
        lidt    [idt_register]
        mov     dword [DIRECTORY], 0x83
        mov     dword [DIRECTORY + 4 * (UNMAPPED >> 22)], 0
        mov     eax, CR4_PSE
        mov     cr4, eax
        mov     eax, DIRECTORY
        mov     cr3, eax
        mov     eax, cr0
        or      eax, CR0_PG
        mov     cr0, eax
.fault: lmsw    [UNMAPPED + 0x123]
.after: mov     eax, cr0
        and     eax, ~CR0_PG
        mov     cr0, eax
        ret

on_fault:                               ; esp: error code, eip, cs, eflags
        cmp     dword [esp], 0          ; a supervisor's read, nothing there
        jne     .wrong
        cmp     dword [esp + 4], check_fault.fault
        jne     .wrong
        mov     eax, cr2
        cmp     eax, UNMAPPED + 0x123
        jne     .wrong
        mov     byte [fault_failed], 0
.wrong: mov     dword [esp + 4], check_fault.after
        add     esp, 4
        iret

; By each of the ways to close the gate; were it closed, an odd MiB would be the one below.
check_a20:
        mov     byte [a20_failed], 0
        xor     eax, eax
        out     SYSTEM_CONTROL, al
        call    compare
        mov     al, 0xD1                ; the next byte goes to the output port
        call    command
        call    wait_for_keyboard
        mov     al, 0xDD                ; bit 1: A20
        out     KEYBOARD_DATA, al
        call    wait_for_keyboard
        call    compare
        mov     al, 0xDD                ; close A20
        call    command
        call    wait_for_keyboard
        jmp     compare

command:
        push    eax
        call    wait_for_keyboard
        pop     eax
        out     KEYBOARD, al
        ret

wait_for_keyboard:
        in      al, KEYBOARD
        test    al, KEYBOARD_FULL
        jnz     wait_for_keyboard
        ret

compare:
        mov     dword [EVEN_MIB], 0x11111111
        mov     dword [ODD_MIB], 0x22222222
        cmp     dword [EVEN_MIB], 0x11111111
        je      .right
        mov     byte [a20_failed], 1
.right: ret

bits 16
; si = name of what was tried, [failed] = how it went
judge:
        push    si
        mov     si, name_text
        call    print
        pop     si
        call    print
        mov     si, ok_text
        mov     al, [failed]
        add     [failures], al
        test    al, al
        jz      print
        mov     si, wrong_text
        jmp     print
        define_print

        descriptor_table 0x00009B000000FFFF, 0x000093000000FFFF, 0x00CF93000000FFFF | (SEGMENT_BASE << 16)
idt:            times 14 dq 0
                dw on_fault             ; below 64 KiB
                dw CODE32, 0x8E00, 0
idt_register:   dw $ - idt - 1
                dd idt
real_idt:       dw 0x3FF
                dd 0
operand:        dw CR0_TS | CR0_MP
steps:          dw 0
pm1a_control:   dw 0
failed:         db 0
failures:       db 0
lmsw_failed:    db 0
limit_met:      db 0
fault_failed:   db 0
a20_failed:     db 0
name_text:      db "emulation: ", 0
steps_text:     db "single steps", 0
lmsw16_text:    db "LMSW, 16-bit addresses", 0
strings_text:   db "INS and OUTS, 16-bit addresses", 0
lmsw32_text:    db "LMSW, 32-bit addresses", 0
fault_text:     db "LMSW, page fault", 0
a20_text:       db "A20 stays open", 0
ok_text:        db ": ok"
line_text:      db 13, 10, 0
wrong_text:     db ": wrong", 13, 10, 0
failures_text:  db "emulation: failures: ", 0
