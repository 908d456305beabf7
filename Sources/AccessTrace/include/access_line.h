/* access_line.h — one line of what Bochs's debugger prints under `trace on` and `trace-mem on`.
 *
 *   (0).[9253095] [0x000000e07512] 0008:ffffffff80007512 (unk. ctxt): vmlaunch                  ;
 *   0f01c2 (0).[16878048] ??? (physical address not available)
 *   [CPU0 WR]: LIN 0xffffffff80023e38 PHY 0x000000e23e38 (len=8, WB): 0x00000000 0x00DDF000
 *   [CPU0 RD]: PHY 0x000000e1e008 (len=4, INVALID): 0x00000000	; VMCS
 *
 * An instruction's line comes before its accesses; the page walks that fetch it come before its
 * line. Of a guest under SVM the debugger cannot tell the instructions: it does not know nested
 * tables there.
 *
 * source  Bochs 2.7, bx_debug/dbg_main.cc and cpu/cpu.cc; every form was met in traces of Debian's
 * build
 */
#pragma once
#include <stddef.h>
#include <stdint.h>

#include "memory_type.h"

enum access_line_kind : uint8_t {
    LINE_INSTRUCTION,
    LINE_READ,
    LINE_WRITE,             /* without `has_linear` and tag: the store of the last LINE_MODIFY */
    LINE_MODIFY,            /* the read of a read-modify-write: its data are what was there */
    LINE_TRACE_ON,          /* both traces are asked for by one pair of commands; this is the
                               memory's */
    LINE_TRACE_OFF,
    LINE_BREAKPOINT,        /* linear: where it lies */
    LINE_STOP,              /* instant: of the next instruction */
    LINE_TALK,              /* echoes, prompts, dumps of registers */
    LINE_UNKNOWN,           /* looks like one of the above and cannot be read */
};

/* What the CPU was at when no instruction asked for the access. */
enum access_tag : uint8_t {
    TAG_NONE,
    TAG_WALK,               /* page table entry; of host or guest, or of SVM's nested tables */
    TAG_EPT,
    TAG_CONTROL,            /* VMCS, VMCB (Bochs calls both VMCS), MSR and I/O bitmaps, and what
                               else VMX keeps */
};

/* What an instruction does beside its accesses, as far as a judge asks. */
enum access_instruction : uint8_t {
    INSTRUCTION_OTHER,
    INSTRUCTION_ENTRY,      /* VMRUN, VMLAUNCH, VMRESUME */
    INSTRUCTION_CALL,
    INSTRUCTION_RETURN,
    INSTRUCTION_WBINVD,
    INSTRUCTION_WBNOINVD,
    INSTRUCTION_INVD,
    INSTRUCTION_CLFLUSH,    /* or CLFLUSHOPT */
    INSTRUCTION_CLWB,
    INSTRUCTION_CLDEMOTE,
    INSTRUCTION_NT_STORE,
};

struct access_line {
    enum access_line_kind   kind;
    enum access_tag         tag;
    enum access_instruction instruction;
    enum memory_type        type;           /* effective; MEMORY_NONE: the processor's own, Bochs's
                                               INVALID */
    uint8_t                 has_linear;     /* else an instruction has no physical address either */
    uint8_t                 level;          /* of the table that the entry lies in: 1 for a PTE */
    uint8_t                 bytes;          /* of the access, 64 at most; of the instruction */
    uint64_t                linear;
    uint64_t                physical;       /* of the host */
    uint64_t                instant;        /* ticks since reset; of instructions and stops only */
    uint8_t                 data[64];       /* as memory has them */
};

/* `text` has no end of line. */
void access_line_read(struct access_line *line, const char *text, size_t bytes);
