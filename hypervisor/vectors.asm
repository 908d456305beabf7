; vectors.asm — vectors.h. In C these would be the only vector code outside the cipher.
        section .text
        global  vectors_save
        global  vectors_restore
        global  vectors_clear

vectors_save:                           ; rdi = area
%assign i 0
%rep 16
        movaps  [rdi + 16 * i], xmm %+ i
%assign i i + 1
%endrep
        ret

vectors_restore:                        ; rdi = area
%assign i 0
%rep 16
        movaps  xmm %+ i, [rdi + 16 * i]
%assign i i + 1
%endrep
        ret

vectors_clear:
%assign i 0
%rep 16
        pxor    xmm %+ i, xmm %+ i
%assign i i + 1
%endrep
        ret
