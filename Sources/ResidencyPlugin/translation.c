#include "translation.h"

#include <stdlib.h>

#include "access.h"
#include "block.h"
#include "control.h"
#include "plugin_base.h"
#include "ram.h"

static void announced(unsigned vcpu, void *instruction)
{
    (void)vcpu;
    control_announce(instruction);
}

/* Never freed: QEMU reports when it drops all translations, not when it drops one. */
static void *allocate(size_t bytes)
{
    static uint8_t *chunk;
    static size_t   left;

    bytes = (bytes + 15) & ~(size_t)15;
    if (bytes > left) {
        left = 1 << 20;
        chunk = malloc(left);
        if (!chunk)
            give_up("out of memory");
    }
    left -= bytes;
    return chunk + left;
}

static void watch_memory(struct qemu_plugin_insn *instruction, const struct decoded *decoded,
                         struct announced *announcement)
{
    void *rip = (void *)qemu_plugin_insn_vaddr(instruction);
    qemu_plugin_vcpu_mem_cb_t touch = access_touched;
    void *data = rip;

    /* One function for both directions: QEMU 7.2 takes a load for a store, and a store for either,
     * when it chooses among those of a translated access; and stops at the first that does not fit
     * among those of a helper's. */
    if (decoded->what == NON_TEMPORAL)
        touch = access_non_temporal;
    if (decoded->what == LOAD_GDTR || decoded->what == LOAD_IDTR)
        touch = access_descriptor_table, data = announcement;
    if (decoded->what == ENTER_GUEST || decoded->what == CONTROL_BLOCK)
        touch = access_physical, data = announcement;
    qemu_plugin_register_vcpu_mem_cb(instruction, touch, QEMU_PLUGIN_CB_NO_REGS, QEMU_PLUGIN_MEM_RW,
                                     data);
}

static bool is_settled_later(enum instruction what)
{
    return what != PLAIN && what != NON_TEMPORAL && what != LOAD_GDTR && what != LOAD_IDTR
        && what != CONTROL_BLOCK;
}

static void watch_instruction(struct qemu_plugin_insn *instruction, bool is_first,
                              struct block *block)
{
    struct decoded decoded = decode(qemu_plugin_insn_data(instruction),
                                    qemu_plugin_insn_size(instruction));
    struct announced *announcement = NULL;

    if (decoded.what != PLAIN) {
        announcement = allocate(sizeof *announcement);
        *announcement = (struct announced){ decoded, is_first,
            qemu_plugin_insn_vaddr(instruction) };
    }
    watch_memory(instruction, &decoded, announcement);
    if (is_settled_later(decoded.what))
        qemu_plugin_register_vcpu_insn_exec_cb(instruction, announced, QEMU_PLUGIN_CB_NO_REGS,
                                               announcement);
    block->has_line_instruction |= decoded.what == CACHE_LINE;
}

void translation_watch(qemu_plugin_id_t id, struct qemu_plugin_tb *tb)
{
    size_t        count = qemu_plugin_tb_n_insns(tb);
    struct block *block = allocate(sizeof *block);

    (void)id;
    *block = (struct block){ .instructions = (uint32_t)count };
    block->rip = qemu_plugin_insn_vaddr(qemu_plugin_tb_get_insn(tb, 0));
    block->address = ram_address_of_host(qemu_plugin_insn_haddr(qemu_plugin_tb_get_insn(tb, 0)));
    for (size_t i = 0; i < count; i++) {
        struct qemu_plugin_insn *instruction = qemu_plugin_tb_get_insn(tb, i);
        block->bytes += (uint16_t)qemu_plugin_insn_size(instruction);
        watch_instruction(instruction, i == 0, block);
    }
    uint32_t room = FRAME_BYTES - (uint32_t)(block->rip & (FRAME_BYTES - 1));
    if (block->bytes > room) {      /* an instruction may lie across both pages */
        block->rest = (uint16_t)(block->bytes - room);
        block->bytes = (uint16_t)room;
    }
    qemu_plugin_register_vcpu_tb_exec_cb(tb, block_entered_by_tcg, QEMU_PLUGIN_CB_NO_REGS, block);
}
