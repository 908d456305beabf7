; multiboot.asm — what starts a kernel that wants to be started as the Multiboot Specification has it. It is part of the
; guest: sealed with it, and trusted with no more. The memory map is known at boot only; it is made of Linux's.
;
;   in      long mode, interrupts off, identity-mapped; rsi = boot parameters with their E820 table;
;           all of the multiboot information but memory and memory map; the kernel's entry behind it
;   out     the kernel's entry, in protected mode with 32 bits, no paging: eax = magic, ebx = information
;   source  Multiboot Specification 0.6.96, "Machine state" and "Boot information format"; Linux,
;           Documentation/arch/x86/zero-page.rst; AMD APM vol 2 (24593), "Mode Switching"
org 0x9000                              ; as MultibootGuest has it, and the next three
INFORMATION     equ 0xA000
ENTRY           equ 0xAFFC
MEMORY_MAP      equ 0xB000

MAGIC           equ 0x2BADB002
MEM_LOWER       equ INFORMATION + 4
MEM_UPPER       equ INFORMATION + 8
MMAP_LENGTH     equ INFORMATION + 44
ENTRY_BYTES     equ 24                  ; size, which does not count itself; base, length, type

E820_COUNT      equ 0x1E8
E820_TABLE      equ 0x2D0
E820_BYTES      equ 20
RAM             equ 1

MEBIBYTE        equ 0x100000
LOWEST_640_KIB  equ 640
CR0_PE          equ 0x11                ; and ET
IA32_EFER       equ 0xC0000080
EFER_LME        equ 1 << 8
CODE32          equ 0x08
DATA32          equ 0x10

bits 64
start:
        cld
        movzx   ecx, byte [rsi + E820_COUNT]
        add     rsi, E820_TABLE
        mov     edi, MEMORY_MAP
.next:  jrcxz   .done
        mov     rax, [rsi]              ; base
        mov     rdx, [rsi + 8]          ; length
        mov     ebx, [rsi + 16]         ; type
        mov     dword [rdi], ENTRY_BYTES - 4
        mov     [rdi + 4], rax
        mov     [rdi + 12], rdx
        mov     [rdi + 20], ebx
        cmp     ebx, RAM
        jne     .taken
        add     rdx, rax                ; end
        shr     rdx, 10
        test    rax, rax
        jnz     .upper
        mov     ebx, LOWEST_640_KIB
        cmp     edx, ebx
        cmova   edx, ebx
        mov     [MEM_LOWER], edx
        jmp     .taken
.upper: cmp     rax, MEBIBYTE
        jne     .taken
        sub     rdx, MEBIBYTE >> 10
        mov     [MEM_UPPER], edx
.taken: add     rsi, E820_BYTES
        add     edi, ENTRY_BYTES
        dec     ecx
        jmp     .next
.done:  sub     edi, MEMORY_MAP
        mov     [MMAP_LENGTH], edi
        lgdt    [gdt_register]
        jmp     far dword [leave]

bits 32
compatibility:
        mov     eax, DATA32
        mov     ds, eax
        mov     es, eax
        mov     fs, eax
        mov     gs, eax
        mov     ss, eax
        mov     eax, CR0_PE
        mov     cr0, eax
        mov     ecx, IA32_EFER
        rdmsr
        and     eax, ~EFER_LME
        wrmsr
        xor     eax, eax
        mov     cr4, eax
        mov     eax, MAGIC
        mov     ebx, INFORMATION
        jmp     [ENTRY]

leave:  dd      compatibility
        dw      CODE32

align 8
gdt:    dq      0, 0x00CF9B000000FFFF, 0x00CF93000000FFFF
gdt_register:
        dw      $ - gdt - 1
        dq      gdt
