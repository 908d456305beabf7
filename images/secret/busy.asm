; busy.asm — work with secrets in memory, in vector and general registers and on the stack.
bits 64
default rel

MARKER_BYTES    equ 32                  ; marker.h
STACK_COPIES    equ 4
TOUCHED_WORD    equ 64                  ; byte offset in a page of a word that counts its visits

section .text

; %1 = what to compare, %2 = memory operand; adds 1 to rbp when they differ. Changes rax.
%macro expect 2
        mov     rax, %1
        cmp     rax, %2
        setne   al
        movzx   eax, al
        add     rbp, rax
%endmacro

; busy — touches random pages while a marker fills XMM0-15, another R12-R15 and the stack.
;
;   in      rdi = markers (pages, vectors, registers; 32 bytes each), rsi = first page, rdx = pages, rcx = touches,
;           r8 = state of a xorshift generator
;   out     rax = comparisons that failed; the pages' visit counters are changed
global busy
busy:
        push    rbx
        push    rbp
        push    r12
        push    r13
        push    r14
        push    r15
        xor     ebp, ebp
        mov     r9, rdx
        mov     r10, rcx
        mov     r11, [r8]

        mov     r12, [rdi + 2 * MARKER_BYTES]
        mov     r13, [rdi + 2 * MARKER_BYTES + 8]
        mov     r14, [rdi + 2 * MARKER_BYTES + 16]
        mov     r15, [rdi + 2 * MARKER_BYTES + 24]
%rep STACK_COPIES
        push    r15
        push    r14
        push    r13
        push    r12
%endrep
%assign n 0
%rep 8
        movdqu  xmm %+ n, [rdi + MARKER_BYTES]
  %assign n n + 1
        movdqu  xmm %+ n, [rdi + MARKER_BYTES + 16]
  %assign n n + 1
%endrep

.touch:
        mov     rax, r11                ; xorshift64
        shl     rax, 13
        xor     r11, rax
        mov     rax, r11
        shr     rax, 7
        xor     r11, rax
        mov     rax, r11
        shl     rax, 17
        xor     r11, rax

        mov     rax, r11
        shr     rax, 8
        xor     edx, edx
        div     r9
        shl     rdx, 12
        lea     rbx, [rsi + rdx]
%assign at 0
%rep MARKER_BYTES / 8
        expect  [rdi + at], [rbx + at]
  %assign at at + 8
%endrep
        inc     qword [rbx + TOUCHED_WORD]
        dec     r10
        jnz     .touch

        mov     [r8], r11
%assign n 0
%rep 8
        movq    rcx, xmm %+ n
        expect  rcx, [rdi + MARKER_BYTES]
        psrldq  xmm %+ n, 8
        movq    rcx, xmm %+ n
        expect  rcx, [rdi + MARKER_BYTES + 8]
  %assign n n + 1
        movq    rcx, xmm %+ n
        expect  rcx, [rdi + MARKER_BYTES + 16]
        psrldq  xmm %+ n, 8
        movq    rcx, xmm %+ n
        expect  rcx, [rdi + MARKER_BYTES + 24]
  %assign n n + 1
%endrep
        expect  r12, [rdi + 2 * MARKER_BYTES]
        expect  r13, [rdi + 2 * MARKER_BYTES + 8]
        expect  r14, [rdi + 2 * MARKER_BYTES + 16]
        expect  r15, [rdi + 2 * MARKER_BYTES + 24]
%assign copy 0
%rep STACK_COPIES
        expect  r12, [rsp + copy * MARKER_BYTES]
        expect  r13, [rsp + copy * MARKER_BYTES + 8]
        expect  r14, [rsp + copy * MARKER_BYTES + 16]
        expect  r15, [rsp + copy * MARKER_BYTES + 24]
  %assign copy copy + 1
%endrep
        add     rsp, STACK_COPIES * MARKER_BYTES

        mov     rax, rbp
        pop     r15
        pop     r14
        pop     r13
        pop     r12
        pop     rbp
        pop     rbx
        ret
