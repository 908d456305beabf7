; vectors.asm — vectors.h. In C these would be the only vector code outside the cipher.
        section .text
        global  vectors_save
        global  vectors_restore
        global  vectors_clear

vectors_clear:
%assign i 0
%rep 16
        pxor    xmm %+ i, xmm %+ i
%assign i i + 1
%endrep                                 ; the zeroes then replace what was saved:
vectors_save:
        lea     rax, [rel guest_vectors]
%assign i 0
%rep 16
        movaps  [rax + 16 * i], xmm %+ i
%assign i i + 1
%endrep
        ret

vectors_restore:
        lea     rax, [rel guest_vectors]
%assign i 0
%rep 16
        movaps  xmm %+ i, [rax + 16 * i]
%assign i i + 1
%endrep
        ret

        section .bss align=16
guest_vectors:
        resb    16 * 16
