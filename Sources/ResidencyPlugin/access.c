#include "access.h"

#include <string.h>

#include "audit.h"
#include "block.h"
#include "control.h"
#include "mapping.h"
#include "phase.h"
#include "plugin_base.h"
#include "shadow.h"
#include "shared_pages.h"
#include "touches.h"
#include "violation.h"

/* Whether the RAM begins where it did before among QEMU's memory blocks, to which the interface's
 * addresses refer: it need not be the first of them. */
static bool is_constant(uint64_t start)
{
    static uint64_t known = NOWHERE;

    if (known == NOWHERE)
        known = start;
    return start == known && start % FRAME_BYTES == 0;
}

/* Offset in RAM of an access that QEMU just made; NOWHERE if it was no RAM.
 * The interface's own call searches all memory blocks each time; the host address in its answer
 * says the same, which is held against that call now and then. */
static inline uint64_t offset_accessed(qemu_plugin_meminfo_t info, uint64_t linear)
{
    const struct qemu_plugin_hwaddr *address = qemu_plugin_get_hwaddr(info, linear);
    struct {
        bool     is_io, is_store;
        uint64_t host;
    } answer;

    if (!address)
        return NOWHERE;
    memcpy(&answer, address, sizeof answer);
    if (answer.is_io)
        return NOWHERE;
    uint64_t offset = answer.host - machine.ram_host;
    if (offset >= machine.set.ram_bytes)
        return NOWHERE;         /* ROM */
    if (((machine.totals.loads + machine.totals.stores) & 0xFFFF) == 0
        && !is_constant(qemu_plugin_hwaddr_phys_addr(address) - offset))
        give_up("this QEMU answers address queries in another form than 7.2");
    return offset;
}

/* A string instruction goes through a line byte by byte. As long as nothing has moved since the
 * first, and no other instruction has accessed memory, the rest of a line are hits that change
 * nothing: half of all accesses of a boot. */
static struct {
    void    *rip;           /* NULL: nothing is known */
    bool     is_guest;
    uint64_t generation;
    uint64_t line[2];       /* linear: loads', stores' */
} repeated;

void access_forget(void)
{
    repeated.rip = NULL;
    block_forget();
}

static inline bool is_repeated(qemu_plugin_meminfo_t info, uint64_t linear, bool is_store,
                               void *rip)
{
    uint64_t line = linear >> machine.line_shift;
    uint64_t last = linear + (1u << qemu_plugin_mem_size_shift(info)) - 1;

    if (repeated.rip == rip && repeated.line[is_store] == line
        && repeated.generation == machine.generation
        && repeated.is_guest == machine.is_guest && last >> machine.line_shift == line)
        return true;
    if (repeated.rip != rip)
        repeated.line[0] = repeated.line[1] = NOWHERE;
    repeated.rip = rip;
    repeated.is_guest = machine.is_guest;
    repeated.generation = machine.generation;
    repeated.line[is_store] = line;     /* before the access: a movement forgets it again */
    return false;
}

static void access_at(uint64_t address, uint32_t bytes, enum access_kind kind,
                      enum memory_type page_type, uint64_t rip)
{
    struct cache_access access = {
        .address = address, .tag = rip, .bytes = bytes, .kind = kind, .page_type = page_type,
        .nested_type = MEMORY_NONE };
    bool is_store = kind == ACCESS_WRITE || kind == ACCESS_NT_STORE;

    if (machine.is_guest && machine.nested_cr3 != 0)
        access.nested_type = in_region(address) ? MEMORY_WB : MEMORY_UC;
    cache_access(machine.cache, &access);
    if (is_store && in_region(address))
        shadow_stored(address, bytes);
    if (machine.is_guest && !is_guests(address) && !shared_pages_hold(address))
        shadow_reached(address, rip);
    if (!is_store || machine.is_guest)
        return;
    if (in_region(address)) {
        if (audit_stored(address))
            access_forget();        /* each entry counts, not each line */
        phase_region_written(address);
    } else if (is_watched() && cache_type(machine.cache, &access) == MEMORY_WB)
        violation_record((struct violation){ RESIDENCY_HOST_STORE, address, rip, 0, NULL });
}

static inline void accessed(qemu_plugin_meminfo_t info, uint64_t linear, enum access_kind kind,
                            uint64_t rip)
{
    uint64_t offset = offset_accessed(info, linear);
    uint32_t bytes = 1u << qemu_plugin_mem_size_shift(info);

    if (offset == NOWHERE)
        return;
    uint64_t address = address_of_offset(offset);
    uint32_t room = FRAME_BYTES - (uint32_t)(address & (FRAME_BYTES - 1));
    if (bytes > room) {         /* only the first page's address is told */
        struct translation rest = mapping_translate(linear + room);
        if (machine.is_guest)
            touches_note(linear + room, rest.address, kind != ACCESS_READ);
        if (rest.address != NOWHERE && offset_of_address(rest.address) != NOWHERE)
            access_at(rest.address, bytes - room, kind, mapping_type(linear + room, rest.address),
                      rip);
        bytes = room;
    }
    if (machine.is_guest)
        touches_note(linear, address, kind != ACCESS_READ);
    access_at(address, bytes, kind, mapping_type(linear, address), rip);
}

static inline void touched_as(qemu_plugin_meminfo_t info, uint64_t linear, enum access_kind store,
                              void *rip)
{
    bool is_store = qemu_plugin_mem_is_store(info);

    machine.totals.loads += !is_store;
    machine.totals.stores += is_store;
    if (!is_repeated(info, linear, is_store, rip))
        accessed(info, linear, is_store ? store : ACCESS_READ, (uint64_t)rip);
}

void access_touched(unsigned vcpu, qemu_plugin_meminfo_t info, uint64_t linear, void *rip)
{
    (void)vcpu;
    touched_as(info, linear, ACCESS_WRITE, rip);
}

void access_non_temporal(unsigned vcpu, qemu_plugin_meminfo_t info, uint64_t linear, void *rip)
{
    (void)vcpu;
    touched_as(info, linear, ACCESS_NT_STORE, rip);
}

/* VMRUN, VMLOAD, VMSAVE name their operands by physical addresses: no page's type, only the MTRRs'.
 * What VMRUN accesses at other linear addresses is an event that it delivers: the guest's
 * descriptors and stack, through its own tables. */
void access_physical(unsigned vcpu, qemu_plugin_meminfo_t info, uint64_t linear, void *instruction)
{
    const struct announced *announced = instruction;
    uint64_t offset = offset_accessed(info, linear);
    bool     is_store = qemu_plugin_mem_is_store(info);

    (void)vcpu;
    machine.totals.loads += !is_store;
    machine.totals.stores += is_store;
    if (offset == NOWHERE)
        return;
    uint64_t address = address_of_offset(offset);
    if (announced->decoded.what == ENTER_GUEST && linear == address && !is_store)
        control_read_control_block(address);
    access_at(address, 1u << qemu_plugin_mem_size_shift(info),
              is_store ? ACCESS_WRITE : ACCESS_READ, MEMORY_WB,
              announced->rip);
}

void access_descriptor_table(unsigned vcpu, qemu_plugin_meminfo_t info, uint64_t linear,
                             void *instruction)
{
    const struct announced *announced = instruction;
    uint64_t offset = offset_accessed(info, linear);

    access_touched(vcpu, info, linear, (void *)announced->rip);
    if (offset != NOWHERE && qemu_plugin_mem_size_shift(info) == 1)     /* the limit, which comes
                                                                           first */
        control_read_descriptor_table(announced->decoded.what, address_of_offset(offset),
                                      announced->rip);
}
