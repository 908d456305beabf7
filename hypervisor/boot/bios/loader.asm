; loader.asm — from the boot sector to the hypervisor's first 64-bit instruction.
;
;   in      header at LOADER_LOW_BASE; dl = BIOS drive; real mode
;   does    reads the hypervisor to the frozen region and each payload run to its homes (ciphertext, copied as it
;           is), collects the E820 map, builds boot page tables, enters long mode
;   out     rdi = physical address of struct boot_info; first 4 GiB identity-mapped; frozen region at HYPERVISOR_BASE
;   source  ACPI 6.4, section 15.1 (INT 15h E820); AMD APM vol 2 (24593), "Initializing Long Mode"
%include "layout.inc"

%define PHYSICAL(label) (LOADER_LOW_BASE + LOADER_CODE_OFFSET + (label) - $$)

CHUNK_SECTORS   equ 120                 ; 60 KiB: whole pages, and within one 64 KiB DMA boundary

        bits    16
        org     LOADER_CODE_OFFSET

        cli
        mov     ax, LOADER_SEGMENT
        mov     ds, ax
        mov     es, ax
        mov     ss, ax
        mov     sp, LOADER_STACK_OFFSET
        sti
        mov     [drive], dl

        call    serial_start
        call    enable_a20
        call    check_cpu
        call    collect_e820

        mov     si, loading
        call    print
        mov     eax, [IMAGE_HYPERVISOR_LBA]     ; the header lies at ds:0
        mov     ecx, [IMAGE_HYPERVISOR_SECTORS]
        mov     edi, [IMAGE_FROZEN_BASE]
        call    load
        call    require_ram

        mov     eax, [IMAGE_PAYLOAD_LBA]
        mov     ebp, [IMAGE_RUN_COUNT]
        mov     bx, IMAGE_RUNS_OFFSET
.run:   test    ebp, ebp
        jz      enter_long_mode
        mov     edi, [bx + RUN_HOME]
        mov     ecx, [bx + RUN_PAGES]
        shl     ecx, 3                          ; 8 sectors a page
        call    load
        add     bx, RUN_SIZE
        dec     ebp
        jmp     .run

; load — sectors from disk to memory, above 1 MiB or below.
;   in      eax = first sector, ecx = sectors, edi = physical address
;   out     eax = sector after the last; ebx, ebp kept
load:
        test    ecx, ecx
        jz      .done
        mov     [packet.lba], eax
        mov     edx, CHUNK_SECTORS
        cmp     ecx, edx
        cmovb   edx, ecx
        mov     [packet.count], dx
        push    eax
        push    ecx
        push    edx
        push    edi
        mov     ah, 0x42
        mov     dl, [drive]
        mov     si, packet
        int     0x13
        jc      .error
        call    flat_segments
        pop     edi
        pop     edx
        mov     ecx, edx
        shl     ecx, 7                          ; dwords
        mov     esi, LOADER_BOUNCE
        push    ds
        push    es
        xor     ax, ax                          ; base 0; the limit stays 4 GiB
        mov     ds, ax
        mov     es, ax
        cld
        a32 rep movsd
        pop     es
        pop     ds
        sti
        pop     ecx
        pop     eax
        add     eax, edx
        sub     ecx, edx
        jmp     load
.error: mov     si, disk_error
        jmp     fail
.done:  ret

; flat_segments — gives ds and es 4 GiB limits ("unreal mode"); firmware may have taken them away, also in an
; interrupt: they stay off until the caller is done.
flat_segments:
        cli
        push    ds
        push    es
        lgdt    [gdt_register]
        mov     eax, cr0
        or      al, 1
        mov     cr0, eax
        mov     cx, GDT_DATA
        mov     ds, cx
        mov     es, cx
        and     al, 0xFE
        mov     cr0, eax
        pop     es
        pop     ds
        ret

; require_ram — stops unless the hypervisor really stands where it was copied to. It checks the rest itself.
require_ram:
        call    flat_segments
        push    es
        xor     ax, ax
        mov     es, ax
        mov     edi, [IMAGE_FROZEN_BASE]
        cmp     dword [es:edi], ENTRY_SIGNATURE
        pop     es
        sti                                     ; keeps ZF
        mov     si, ram_error
        jne     fail
        ret

enable_a20:
        mov     ax, 0x2401
        int     0x15
        jnc     .done
        in      al, 0x92                        ; fast A20; bit 0 would reset
        or      al, 2
        and     al, 0xFE
        out     0x92, al
.done:  ret

check_cpu:
        mov     eax, 0x80000000
        cpuid
        cmp     eax, 0x80000001
        jb      .old
        mov     eax, 0x80000001
        cpuid
        bt      edx, 29                         ; LM
        jnc     .old
        ret
.old:   mov     si, cpu_error
        jmp     fail

collect_e820:
        mov     ax, BOOT_INFO_SEGMENT
        mov     es, ax
        mov     dword [es:BOOT_HEADER], LOADER_LOW_BASE
        movzx   eax, byte [drive]
        mov     [es:BOOT_DRIVE], eax
        xor     ebx, ebx
        mov     di, BOOT_E820
        mov     dword [es:BOOT_E820_COUNT], 0
.next:  mov     eax, 0xE820
        mov     edx, 0x534D4150                 ; 'SMAP'
        mov     ecx, E820_SIZE
        mov     dword [es:di + 20], 1           ; attributes, where the BIOS gives 20 bytes only
        int     0x15
        jc      .done
        cmp     eax, 0x534D4150
        jne     .done
        inc     dword [es:BOOT_E820_COUNT]
        add     di, E820_SIZE
        cmp     dword [es:BOOT_E820_COUNT], BOOT_E820_ENTRIES
        je      .done
        test    ebx, ebx
        jnz     .next
.done:  cmp     dword [es:BOOT_E820_COUNT], 0
        mov     si, map_error
        je      fail
        push    ds
        pop     es
        ret

serial_start:                                   ; 115200 8N1
        mov     si, .settings
.next:  lodsb
        test    al, al
        jz      .done
        movzx   dx, al
        add     dx, COM1 - 0x10
        lodsb
        out     dx, al
        jmp     .next
.done:  ret
.settings:                                      ; register + 0x10, value
        db      0x13, 0x80, 0x10, 1, 0x11, 0, 0x13, 3, 0x12, 1, 0x14, 3, 0

print:                                          ; si = text, to COM1 and the screen
        lodsb
        test    al, al
        jz      .done
        mov     ah, al
        mov     dx, COM1 + 5
.wait:  in      al, dx
        test    al, 0x20
        jz      .wait
        mov     al, ah
        mov     dx, COM1
        out     dx, al
        mov     ah, 0x0E
        push    bx
        mov     bx, 7
        int     0x10
        pop     bx
        jmp     print
.done:  ret

fail:   call    print
.halt:  hlt
        jmp     .halt

enter_long_mode:
        cli
        lgdt    [gdt_register]
        mov     eax, cr0
        or      al, 1
        mov     cr0, eax
        jmp     dword GDT_CODE32:PHYSICAL(protected_mode)

        bits    32
protected_mode:
        mov     ax, GDT_DATA
        mov     ds, ax
        mov     es, ax
        mov     ss, ax
        mov     esp, LOADER_LOW_BASE + LOADER_STACK_OFFSET      ; the same place: ss has base 0 now
        cld

        mov     edi, BOOT_TABLES
        xor     eax, eax
        mov     ecx, 8 * 4096 / 4
        rep     stosd
PML4            equ BOOT_TABLES
LOW_PDPT        equ BOOT_TABLES + 0x1000
HIGH_PDPT       equ BOOT_TABLES + 0x2000
HIGH_PD         equ BOOT_TABLES + 0x3000
LOW_PD          equ BOOT_TABLES + 0x4000        ; four of them
        mov     dword [PML4], LOW_PDPT + 3
        mov     dword [PML4 + 511 * 8], HIGH_PDPT + 3
        mov     dword [HIGH_PDPT + 510 * 8], HIGH_PD + 3
        mov     ecx, 4
        mov     eax, LOW_PD + 3
        mov     edi, LOW_PDPT
.pdpt:  mov     [edi], eax
        add     eax, 0x1000
        add     edi, 8
        loop    .pdpt
        mov     edi, LOW_PD                     ; 2048 pages of 2 MiB from 0
        mov     ecx, 2048
        mov     eax, 0x83                       ; present, writable, large
        call    .fill
        mov     edi, HIGH_PD                    ; the frozen region and what follows it, at most to 4 GiB
        mov     ecx, 128
        mov     eax, [LOADER_LOW_BASE + IMAGE_FROZEN_BASE]
        or      eax, 0x83
        call    .fill

        mov     eax, PML4
        mov     cr3, eax
        mov     eax, cr4
        or      eax, 0x20                       ; PAE
        mov     cr4, eax
        mov     ecx, 0xC0000080                 ; EFER
        rdmsr
        or      eax, 0x100                      ; LME
        wrmsr
        mov     eax, cr0
        or      eax, 0x80000000                 ; PG
        mov     cr0, eax
        jmp     GDT_CODE64:PHYSICAL(.long)
.fill:  mov     [edi], eax
        add     eax, 0x200000
        add     edi, 8
        loop    .fill
        ret

        bits    64
.long:  mov     edi, BOOT_INFO_BASE
        mov     rax, HYPERVISOR_BASE
        jmp     rax

GDT_CODE32      equ 0x08
GDT_DATA        equ 0x10
GDT_CODE64      equ 0x18
        align   8
gdt:    dq      0
        dq      0x00CF9A000000FFFF
        dq      0x00CF92000000FFFF
        dq      0x00AF9A000000FFFF
gdt_register:
        dw      $ - gdt - 1
        dd      PHYSICAL(gdt)

        align   4
packet: db      16, 0
.count: dw      0
        dw      0, LOADER_BOUNCE >> 4
.lba:   dq      0
drive:  db      0

loading:    db "frostvisor: loading", 13, 10, 0
disk_error: db "frostvisor: cannot read the disk", 13, 10, 0
cpu_error:  db "frostvisor: this CPU has no 64-bit mode", 13, 10, 0
map_error:  db "frostvisor: the firmware gives no memory map", 13, 10, 0
ram_error:  db "frostvisor: no RAM where the image needs it; this machine has too little", 13, 10, 0

        times   LOADER_MAX_SECTORS * 512 - ($ - $$) db 0
