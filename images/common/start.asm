; start.asm — a 64-bit guest's first instructions.
;
;   in      rbx = ACPI PM1a control port (0: none), rdx = BIOS drive, rsi = boot parameters or 0,
;           rdi = end of the RAM that begins at 1 MiB, exclusive. Long mode, interrupts off, identity-mapped
;   out     `entry` holds these; main runs on the guest's own stack; when main returns the machine is powered off
bits 64
default rel

STACK_BYTES equ 16384

extern main
extern power_off

section .text.start progbits alloc exec nowrite align=16
global start
start:
        cld
        mov     [entry.pm1a_control], rbx
        mov     [entry.drive], rdx
        mov     [entry.boot_parameters], rsi
        mov     [entry.ram_end], rdi
        lea     rsp, [stack_top]
        xor     ebp, ebp
        call    main
        call    power_off

section .bss
alignb 16
global entry                            ; struct entry of guest.h
entry:
.pm1a_control:          resq 1
.drive:                 resq 1
.boot_parameters:       resq 1
.ram_end:               resq 1

alignb 4096
stack:                  resb STACK_BYTES
stack_top:
