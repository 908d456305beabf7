; nmi.asm — an NMI is counted, and nothing else happens.
;
;   in      as the CPU delivers it
;   out     nmi_count is one more
bits 64
default rel

section .text
global nmi_arrived
nmi_arrived:
        inc     qword [nmi_count]
        iretq

section .bss
nmi_count: resq 1
