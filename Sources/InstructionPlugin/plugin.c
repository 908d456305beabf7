/* plugin.c — how many instructions the hypervisor executes from each exit to the next entry,
 * function by function.
 *
 * arguments   functions=FILE   lines "ADDRESS NAME", hexadecimal, ascending: where the hypervisor's
 *                              functions begin; the last line is where its text ends
 *             record=FILE      written: for each VMRUN a row of 32-bit counts, one a function, and
 *                              one of the steps of repeated string instructions, which are not
 *                              among the others. The first row is what came before the guest
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plugin_base.h"

#define FUNCTIONS_MAX 1024u

static uint64_t starts[FUNCTIONS_MAX + 1], end;
static uint32_t functions;                      /* also the index of what counts the steps */
static uint64_t counts[FUNCTIONS_MAX + 1];      /* since the last VMRUN */
static FILE    *record;

static void read_functions(const char *path)
{
    FILE *file = fopen(path, "re");
    unsigned long long address;

    if (!file)
        give_up("cannot read %s", path);
    while (fscanf(file, "%llx %*s", &address) == 1) {
        if (functions > FUNCTIONS_MAX)
            give_up("too many functions in %s", path);
        starts[functions++] = address;
    }
    fclose(file);
    if (functions < 2)
        give_up("no functions in %s", path);
    end = starts[--functions];
}

/* The function that holds `address`, which lies in the text. */
static uint32_t function_at(uint64_t address)
{
    uint32_t low = 0, high = functions;

    while (high - low > 1) {
        uint32_t middle = (low + high) / 2;

        if (starts[middle] <= address)
            low = middle;
        else
            high = middle;
    }
    return low;
}

static void entering_guest(unsigned vcpu, void *data)
{
    uint32_t row[FUNCTIONS_MAX + 1];

    (void)vcpu;
    (void)data;
    for (uint32_t i = 0; i <= functions; i++)
        row[i] = (uint32_t)counts[i];
    if (fwrite(row, sizeof row[0], functions + 1, record) != functions + 1)
        give_up("cannot write the record");
    memset(counts, 0, sizeof counts);
}

/* Intel SDM vol 2 (325383), "REP/REPE/REPZ/REPNE/REPNZ": the prefix, then MOVS, STOS and the like.
 * QEMU executes each step as an instruction. */
static bool is_repeated(const uint8_t *code, size_t bytes)
{
    if (bytes < 2 || (code[0] & 0xFE) != 0xF2)
        return false;
    /* behind a REX, if there is one */
    uint8_t opcode = (code[1] & 0xF0) == 0x40 && bytes > 2 ? code[2] : code[1];
    return (opcode >= 0xA4 && opcode <= 0xA7) || (opcode >= 0xAA && opcode <= 0xAF);
}

static void block_translated(qemu_plugin_id_t id, struct qemu_plugin_tb *block)
{
    (void)id;
    for (size_t i = 0; i < qemu_plugin_tb_n_insns(block); i++) {
        struct qemu_plugin_insn *instruction = qemu_plugin_tb_get_insn(block, i);
        uint64_t       address = qemu_plugin_insn_vaddr(instruction);
        const uint8_t *code = qemu_plugin_insn_data(instruction);
        size_t         bytes = qemu_plugin_insn_size(instruction);

        if (address < starts[0] || address >= end)
            continue;
        uint32_t column = is_repeated(code, bytes) ? functions : function_at(address);
        qemu_plugin_register_vcpu_insn_exec_inline(instruction, QEMU_PLUGIN_INLINE_ADD_U64,
                                                   &counts[column], 1);
        if (bytes == 3 && memcmp(code, "\x0F\x01\xD8", 3) == 0)     /* VMRUN */
            qemu_plugin_register_vcpu_insn_exec_cb(instruction, entering_guest,
                                                   QEMU_PLUGIN_CB_NO_REGS, NULL);
    }
}

static void ended(qemu_plugin_id_t id, void *data)
{
    (void)id;
    (void)data;
    if (fclose(record) != 0)
        give_up("cannot write the record");
}

int qemu_plugin_install(qemu_plugin_id_t id, const struct qemu_info *info, int count,
                        char **arguments)
{
    plugin_start("instruction plugin", info);
    for (int i = 0; i < count; i++) {
        if (strncmp(arguments[i], "functions=", 10) == 0)
            read_functions(arguments[i] + 10);
        else if (strncmp(arguments[i], "record=", 7) == 0)
            record = fopen(arguments[i] + 7, "we");
        else
            give_up("bad argument %s", arguments[i]);
    }
    if (functions == 0 || !record)
        give_up("an argument is missing, or cannot be opened: functions, record");
    qemu_plugin_register_vcpu_tb_trans_cb(id, block_translated);
    qemu_plugin_register_atexit_cb(id, ended, NULL);
    return 0;
}
