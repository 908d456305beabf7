#include "block.h"

#include "audit.h"
#include "control.h"
#include "mapping.h"
#include "privilege.h"
#include "record.h"
#include "shadow.h"
#include "touches.h"
#include "violation.h"

#define CHECKPOINT_EVERY (UINT64_C(1) << 28)    /* instructions */
#define LOOK_EVERY       (UINT64_C(1) << 16)

static void fetched(struct block *block)
{
    if (block->generation != machine.generation) {
        block->type = mapping_type(block->rip, block->address);
        if (block->rest != 0)
            block->rest_address = mapping_translate(block->rip + block->bytes).address;
        block->generation = machine.generation;
    }
    struct cache_access access = {
        .address = block->address, .tag = block->rip, .bytes = block->bytes, .kind = ACCESS_FETCH,
        .page_type = block->type, .nested_type = MEMORY_NONE };
    if (machine.is_guest && machine.nested_cr3 != 0)
        access.nested_type = in_region(block->address) ? MEMORY_WB : MEMORY_UC;
    if (machine.is_guest) {
        touches_note(block->rip, block->address, false);
        if (block->rest != 0)
            touches_note(block->rip + block->bytes, block->rest_address, false);
    }
    cache_access(machine.cache, &access);
    if (block->rest != 0 && offset_of_address(block->rest_address) != NOWHERE) {
        if (access.nested_type != MEMORY_NONE)
            access.nested_type = in_region(block->rest_address) ? MEMORY_WB : MEMORY_UC;
        access.address = block->rest_address;
        access.bytes = block->rest;
        cache_access(machine.cache, &access);
    }
}

static void check_fetch(const struct block *block)
{
    static bool is_in_hypervisor;

    if (machine.is_guest) {
        is_in_hypervisor = false;
        if (block->address != NOWHERE && !is_guests(block->address))
            shadow_reached(block->address, block->rip);
        return;
    }
    is_in_hypervisor |= in_text(block->address);
    if (is_in_hypervisor && is_watched() && !in_region(block->address))
        violation_record((struct violation){ RESIDENCY_HOST_FETCH, block->address, block->rip, 0,
            NULL });
}

/* Before the hypervisor erases what it has: the last look at its tables. */
static void record_end_of_region(void)
{
    if (is_watched())
        audit_checkpoint();
    shadow_check();
    record_file("region-end.bin", machine.ram + offset_of_address(machine.set.region_base),
                machine.set.region_bytes);
}

/* A guest need not exit between what it has a device do and undo. */
static void look_at_region(void)
{
    static uint64_t next_look;

    if (!machine.is_guest || machine.instructions < next_look)
        return;
    shadow_check();
    next_look = machine.instructions + LOOK_EVERY;
}

static const struct block *repeated;

void block_forget(void)
{
    repeated = NULL;
}

void block_entered(unsigned vcpu, void *data, const uint64_t *registers);
__attribute__((used))
void block_entered(unsigned vcpu, void *data, const uint64_t *registers)
{
    struct block *block = data;
    static uint64_t next_checkpoint = CHECKPOINT_EVERY;

    (void)vcpu;
    machine.totals.blocks++;
    machine.instructions += block->instructions;
    look_at_region();
    if (block == repeated && !control_pending)
        return;
    repeated = block;
    machine.block = block->address;
    if (control_pending)
        control_settle(registers, block->address);
    if (machine.is_guest && in_text(block->address))
        control_exited();
    privilege_note(block->address, block->rip, block->bytes + block->rest, registers);
    if (block->has_line_instruction)
        control_keep_registers(registers);
    if (block->address != NOWHERE)
        fetched(block);
    check_fetch(block);
    if (block->address == machine.set.region_base + machine.set.wipe && machine.set.wipe != 0)
        record_end_of_region();
    if (machine.instructions >= next_checkpoint && is_watched()) {
        audit_checkpoint();
        next_checkpoint = machine.instructions + CHECKPOINT_EVERY;
    }
}

/* TCG keeps the CPU's state in RBP, and its general registers come first in it. Both have been so
 * for as long as there is TCG for x86-64; that the control registers read in this way translate
 * every address as QEMU does proves it. */
__asm__(".text\n"
        ".globl block_entered_by_tcg\n"
        ".hidden block_entered_by_tcg\n"
        "block_entered_by_tcg:\n"
        "    movq %rbp, %rdx\n"
        "    jmp block_entered\n");
