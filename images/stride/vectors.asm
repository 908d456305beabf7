; vectors.asm — page accesses while all of XMM0-15 are live.
bits 64
default rel

section .text

; vectors_live_over — loads XMM0-15, touches pages, stores XMM0-15.
;
;   in      rdi = 256 bytes to load, rsi = 256 bytes to store to, rdx = array of page addresses, rcx = how many
;   out     one byte of each page was read and written back; rax, rcx, rdx changed
global vectors_live_over
vectors_live_over:
%assign n 0
%rep 16
        movdqu  xmm %+ n, [rdi + 16 * n]
  %assign n n + 1
%endrep
.next:
        mov     rax, [rdx]
        lock or byte [rax], 0           ; reads and writes, changes nothing
        add     rdx, 8
        dec     rcx
        jnz     .next
%assign n 0
%rep 16
        movdqu  [rsi + 16 * n], xmm %+ n
  %assign n n + 1
%endrep
        ret
