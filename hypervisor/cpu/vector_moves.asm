; vector_moves.asm — vector_moves.h.
        section .text

; move NAME, INSTRUCTION, REGISTER, COUNT, BYTES — NAME_save and NAME_restore.
%macro move 5
        global  %1_save
        global  %1_restore
%1_save:
%assign i 0
%rep %4
        %2      [rdi + %5 * i], %3 %+ i
%assign i i + 1
%endrep
        ret
%1_restore:
%assign i 0
%rep %4
        %2      %3 %+ i, [rdi + %5 * i]
%assign i i + 1
%endrep
        ret
%endmacro

        move    xmm, movaps, xmm, 16, 16
        move    ymm, vmovdqa, ymm, 16, 32
        move    zmm, vmovdqa64, zmm, 32, 64

        global  xmm_clear
        global  ymm_clear
        global  zmm_clear
xmm_clear:
%assign i 0
%rep 16
        pxor    xmm %+ i, xmm %+ i
%assign i i + 1
%endrep
        ret

; Whole registers, whatever their width: VEX and EVEX encodings zero what lies above.
zmm_clear:
%assign i 16
%rep 16
        vpxord  zmm %+ i, zmm %+ i, zmm %+ i     ; of XMM it needs AVX512VL
%assign i i + 1
%endrep
ymm_clear:
        vzeroall
        ret
