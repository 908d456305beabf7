; moves.asm — moves.h.
bits 64
section .text

; move NAME, INSTRUCTION, COUNT, BYTES
%macro move 4
global %1_load
global %1_store
%1_load:
%assign n 0
%rep %3
        %2      %1 %+ n, [rdi + %4 * n]
  %assign n n + 1
%endrep
        ret
%1_store:
%assign n 0
%rep %3
        %2      [rdi + %4 * n], %1 %+ n
  %assign n n + 1
%endrep
        ret
%endmacro

        move    xmm, movdqu, 16, 16
        move    ymm, vmovdqu, 16, 32
        move    zmm, vmovdqu64, 32, 64

global masks_load
global masks_store
masks_load:
%assign n 0
%rep 8
        kmovq   k %+ n, [rdi + 8 * n]
  %assign n n + 1
%endrep
        ret
masks_store:
%assign n 0
%rep 8
        kmovq   [rdi + 8 * n], k %+ n
  %assign n n + 1
%endrep
        ret
