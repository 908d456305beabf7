/* plugin.c — between QEMU's callbacks and the model: each load, store and fetch at its physical address. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "audit.h"
#include "control.h"
#include "decode.h"
#include "dram.h"
#include "machine.h"
#include "pager_view.h"
#include "phase.h"
#include "qemu_plugin.h"
#include "settings.h"
#include "violation.h"
#include "walk.h"

#define CHECKPOINT_EVERY (UINT64_C(1) << 28)    /* instructions */
#define CACHED           1024u                  /* translations; power of two */

extern __attribute__((visibility("default"))) int qemu_plugin_version;
int qemu_plugin_version = QEMU_PLUGIN_VERSION;
__attribute__((visibility("default")))
int qemu_plugin_install(qemu_plugin_id_t id, const struct qemu_info *info, int count, char **arguments);

struct machine machine;

void give_up(const char *format, ...)
{
    va_list arguments;

    fputs("residency plugin: ", stderr);
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputs("\n", stderr);
    _exit(1);
}

/* MARK: where the RAM is */

static void map_ram(void)
{
    struct stat status;

    machine.ram_descriptor = open(machine.set.ram_file, O_RDONLY | O_CLOEXEC);
    if (machine.ram_descriptor < 0 || fstat(machine.ram_descriptor, &status) != 0)
        give_up("cannot open the machine's RAM %s: %s", machine.set.ram_file, strerror(errno));
    if ((uint64_t)status.st_size < machine.set.ram_bytes)
        give_up("the machine's RAM %s is smaller than ram-bytes", machine.set.ram_file);
    machine.ram = mmap(NULL, machine.set.ram_bytes, PROT_READ, MAP_SHARED, machine.ram_descriptor, 0);
    if (machine.ram == MAP_FAILED)
        give_up("cannot map the machine's RAM: %s", strerror(errno));
}

/* QEMU's own mapping of the same file, to tell a host address's place in it. */
static uint64_t find_ram_of_qemu(void)
{
    char  line[8192];
    FILE *maps = fopen("/proc/self/maps", "re");
    uint64_t found = 0;

    while (maps && found == 0 && fgets(line, sizeof line, maps)) {
        unsigned long long start, end, offset;
        int path = 0;
        if (sscanf(line, "%llx-%llx %*s %llx %*s %*s %n", &start, &end, &offset, &path) == 3 && path > 0
            && offset == 0 && end - start >= machine.set.ram_bytes && start != (uint64_t)machine.ram
            && strncmp(line + path, machine.set.ram_file, strlen(machine.set.ram_file)) == 0)
            found = start;
    }
    if (maps)
        fclose(maps);
    if (found == 0)
        give_up("QEMU has not mapped %s whole", machine.set.ram_file);
    return found;
}

static void vcpu_started(qemu_plugin_id_t id, unsigned vcpu)
{
    (void)id;
    if (vcpu != 0)
        give_up("the model is of one CPU");
    map_ram();
    machine.ram_host = find_ram_of_qemu();
    dram_start();
}

/* Whether the RAM begins where it did before among QEMU's memory blocks, to which the interface's addresses refer: it
 * need not be the first of them. */
static bool is_constant(uint64_t start)
{
    static uint64_t known = NOWHERE;

    if (known == NOWHERE)
        known = start;
    return start == known && start % FRAME_BYTES == 0;
}

/* Offset in RAM of an access that QEMU just made; NOWHERE if it was no RAM.
 * The interface's own call searches all memory blocks each time; the host address in its answer says the same, which
 * is held against that call now and then. */
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

/* MARK: memory types of mappings */

struct cached {
    uint64_t         page;          /* linear */
    uint64_t         frame;
    uint64_t         generation;
    enum memory_type type;
};
static struct cached cached[2][CACHED];     /* host's, guest's */

static struct translation translate(uint64_t linear)
{
    return machine.is_guest ? walk_guest(linear) : walk_host(linear);
}

/* The type that the mapping of `linear` chooses. What we walked must be what QEMU accessed. */
static enum memory_type page_type(uint64_t linear, uint64_t address)
{
    uint64_t       page = linear >> FRAME_SHIFT, frame = address >> FRAME_SHIFT;
    struct cached *known = &cached[machine.is_guest][page % CACHED];

    if (known->page == page && known->frame == frame && known->generation == control_generation)
        return known->type;
    struct translation walked = translate(linear);
    machine.totals.checked_translations++;
    if (walked.address >> FRAME_SHIFT != frame) {
        if (audit_is_hypervisor() || phase_is_watched())
            machine.totals.is_consistent = 0;
        return MEMORY_UC;
    }
    *known = (struct cached){ page, frame, control_generation, walked.type };
    return walked.type;
}

/* Where every type that the guest can choose is write-back, and its nested entries are audited to be, its tables need
 * not be walked at each access. */
static inline enum memory_type mapping_type(uint64_t linear, uint64_t address)
{
    if (machine.is_guest && machine.guest_pat_is_write_back)
        return MEMORY_WB;
    return page_type(linear, address);
}

/* MARK: accesses */

/* A string instruction goes through a line byte by byte. As long as nothing has moved since the first, and no other
 * instruction has accessed memory, the rest of a line are hits that change nothing: half of all accesses of a boot. */
static struct {
    void    *rip;           /* NULL: nothing is known */
    bool     is_guest;
    uint64_t generation;
    uint64_t line[2];       /* linear: loads', stores' */
} repeated;
static const struct block *repeated_block;

static inline void forget_repeated(void)
{
    repeated.rip = NULL;
    repeated_block = NULL;
}

static inline bool is_repeated(qemu_plugin_meminfo_t info, uint64_t linear, bool is_store, void *rip)
{
    uint64_t line = linear >> machine.line_shift;
    uint64_t last = linear + (1u << qemu_plugin_mem_size_shift(info)) - 1;

    if (repeated.rip == rip && repeated.line[is_store] == line && repeated.generation == control_generation
        && repeated.is_guest == machine.is_guest && last >> machine.line_shift == line)
        return true;
    if (repeated.rip != rip)
        repeated.line[0] = repeated.line[1] = NOWHERE;
    repeated.rip = rip;
    repeated.is_guest = machine.is_guest;
    repeated.generation = control_generation;
    repeated.line[is_store] = line;     /* before the access: a movement forgets it again */
    return false;
}

static void access_at(uint64_t address, uint32_t bytes, enum access_kind kind, enum memory_type page_type, uint64_t rip)
{
    struct cache_access access = {
        .address = address, .tag = rip, .bytes = bytes, .kind = kind, .page_type = page_type,
        .nested_type = MEMORY_NONE };
    bool is_store = kind == ACCESS_WRITE || kind == ACCESS_NT_STORE;

    if (machine.is_guest && machine.nested_cr3 != 0)
        access.nested_type = in_region(address) ? MEMORY_WB : MEMORY_UC;
    cache_access(machine.cache, &access);
    if (!is_store || machine.is_guest)
        return;
    if (in_region(address)) {
        if (audit_stored(address))
            forget_repeated();      /* each entry counts, not each line */
        phase_region_written(address);
    } else if (phase_is_watched() && cache_type(machine.cache, &access) == MEMORY_WB)
        violation((struct offence){ RESIDENCY_HOST_STORE, address, rip, 0, NULL });
}

static inline void accessed(qemu_plugin_meminfo_t info, uint64_t linear, enum access_kind kind, uint64_t rip)
{
    uint64_t offset = offset_accessed(info, linear);
    uint32_t bytes = 1u << qemu_plugin_mem_size_shift(info);

    if (offset == NOWHERE)
        return;
    uint64_t address = address_of_offset(offset);
    uint32_t room = FRAME_BYTES - (uint32_t)(address & (FRAME_BYTES - 1));
    if (bytes > room) {         /* only the first page's address is told */
        struct translation rest = translate(linear + room);
        if (rest.address != NOWHERE && offset_of_address(rest.address) != NOWHERE)
            access_at(rest.address, bytes - room, kind, mapping_type(linear + room, rest.address), rip);
        bytes = room;
    }
    access_at(address, bytes, kind, mapping_type(linear, address), rip);
}

static inline void touched_as(qemu_plugin_meminfo_t info, uint64_t linear, enum access_kind store, void *rip)
{
    bool is_store = qemu_plugin_mem_is_store(info);

    machine.totals.loads += !is_store;
    machine.totals.stores += is_store;
    if (!is_repeated(info, linear, is_store, rip))
        accessed(info, linear, is_store ? store : ACCESS_READ, (uint64_t)rip);
}

static void touched(unsigned vcpu, qemu_plugin_meminfo_t info, uint64_t linear, void *rip)
{
    (void)vcpu;
    touched_as(info, linear, ACCESS_WRITE, rip);
}

static void touched_non_temporal(unsigned vcpu, qemu_plugin_meminfo_t info, uint64_t linear, void *rip)
{
    (void)vcpu;
    touched_as(info, linear, ACCESS_NT_STORE, rip);
}

/* VMRUN, VMLOAD, VMSAVE name their operands by physical addresses: no page's type, only the MTRRs'. What VMRUN accesses
 * at other linear addresses is an event that it delivers: the guest's descriptors and stack, through its own tables. */
static void accessed_physical(unsigned vcpu, qemu_plugin_meminfo_t info, uint64_t linear, void *instruction)
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
    access_at(address, 1u << qemu_plugin_mem_size_shift(info), is_store ? ACCESS_WRITE : ACCESS_READ, MEMORY_WB,
              announced->rip);
}

/* MARK: instructions with a meaning of their own */

static void announced(unsigned vcpu, void *instruction)
{
    (void)vcpu;
    control_announce(instruction);
}

static void read_descriptor_table(unsigned vcpu, qemu_plugin_meminfo_t info, uint64_t linear, void *instruction)
{
    const struct announced *announced = instruction;
    uint64_t offset = offset_accessed(info, linear);

    touched(vcpu, info, linear, (void *)announced->rip);
    if (offset != NOWHERE && qemu_plugin_mem_size_shift(info) == 1)     /* the limit, which comes first */
        control_read_descriptor_table(announced->decoded.what, address_of_offset(offset), announced->rip);
}

/* MARK: blocks */

struct block {
    uint64_t         address;       /* host-physical of its first instruction; NOWHERE: ROM */
    uint64_t         rip;
    uint32_t         instructions;
    uint16_t         bytes, rest;   /* on its first page, and on the next */
    uint64_t         rest_address;  /* host-physical; NOWHERE: no RAM */
    uint64_t         generation;    /* for which `type` and `rest_address` hold */
    enum memory_type type;
    bool             has_line_instruction;
};

static void fetched(struct block *block)
{
    if (block->generation != control_generation) {
        block->type = mapping_type(block->rip, block->address);
        if (block->rest != 0)
            block->rest_address = translate(block->rip + block->bytes).address;
        block->generation = control_generation;
    }
    struct cache_access access = {
        .address = block->address, .tag = block->rip, .bytes = block->bytes, .kind = ACCESS_FETCH,
        .page_type = block->type, .nested_type = MEMORY_NONE };
    if (machine.is_guest && machine.nested_cr3 != 0)
        access.nested_type = in_region(block->address) ? MEMORY_WB : MEMORY_UC;
    cache_access(machine.cache, &access);
    if (block->rest != 0 && offset_of_address(block->rest_address) != NOWHERE) {
        if (access.nested_type != MEMORY_NONE)
            access.nested_type = in_region(block->rest_address) ? MEMORY_WB : MEMORY_UC;
        access.address = block->rest_address;
        access.bytes = block->rest;
        cache_access(machine.cache, &access);
    }
}

static void check_host_fetch(const struct block *block)
{
    static bool is_in_hypervisor;

    if (machine.is_guest) {
        is_in_hypervisor = false;
        return;
    }
    is_in_hypervisor |= in_text(block->address);
    if (is_in_hypervisor && phase_is_watched() && !in_region(block->address))
        violation((struct offence){ RESIDENCY_HOST_FETCH, block->address, block->rip, 0, NULL });
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
    if (block == repeated_block && !control_pending)
        return;
    repeated_block = block;
    block_physical = block->address;
    if (control_pending)
        control_settle(registers, block->address);
    if (machine.is_guest && in_text(block->address))
        control_exited();
    if (block->has_line_instruction)
        control_keep_registers(registers);
    if (block->address != NOWHERE)
        fetched(block);
    check_host_fetch(block);
    if (block->address == machine.set.region_base + machine.set.wipe && machine.set.wipe != 0)
        record_file("region-end.bin", machine.ram + offset_of_address(machine.set.region_base),
                    machine.set.region_bytes);
    if (machine.instructions >= next_checkpoint && phase_is_watched()) {
        audit_checkpoint();
        next_checkpoint = machine.instructions + CHECKPOINT_EVERY;
    }
}

/* TCG keeps the CPU's state in RBP, and its general registers come first in it. Both have been so for as long as there
 * is TCG for x86-64; that the control registers read in this way translate every address as QEMU does proves it. */
void block_entered_by_tcg(unsigned vcpu, void *data);
__asm__(".text\n"
        "block_entered_by_tcg:\n"
        "    movq %rbp, %rdx\n"
        "    jmp block_entered\n");

/* MARK: translation */

static uint64_t address_of_host(const void *host)
{
    uint64_t offset = (uint64_t)host - machine.ram_host;

    return offset < machine.set.ram_bytes ? address_of_offset(offset) : NOWHERE;
}

/* Lives as long as QEMU's translations, and longer: QEMU says when it drops all of them, not when one. */
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

static void watch_memory(struct qemu_plugin_insn *instruction, const struct decoded *decoded, struct announced *announcement)
{
    void *rip = (void *)qemu_plugin_insn_vaddr(instruction);
    qemu_plugin_vcpu_mem_cb_t touch = touched;
    void *data = rip;

    /* One function for both directions: QEMU 7.2 takes a load for a store, and a store for either, when it chooses among
     * those of a translated access; and stops at the first that does not fit among those of a helper's. */
    if (decoded->what == NON_TEMPORAL)
        touch = touched_non_temporal;
    if (decoded->what == LOAD_GDTR || decoded->what == LOAD_IDTR)
        touch = read_descriptor_table, data = announcement;
    if (decoded->what == ENTER_GUEST || decoded->what == CONTROL_BLOCK)
        touch = accessed_physical, data = announcement;
    qemu_plugin_register_vcpu_mem_cb(instruction, touch, QEMU_PLUGIN_CB_NO_REGS, QEMU_PLUGIN_MEM_RW, data);
}

static bool is_settled_later(enum instruction what)
{
    return what != PLAIN && what != NON_TEMPORAL && what != LOAD_GDTR && what != LOAD_IDTR && what != CONTROL_BLOCK;
}

static void watch_instruction(struct qemu_plugin_insn *instruction, bool is_first, struct block *block)
{
    struct decoded decoded = decode(qemu_plugin_insn_data(instruction), qemu_plugin_insn_size(instruction));
    struct announced *announcement = NULL;

    if (decoded.what != PLAIN) {
        announcement = allocate(sizeof *announcement);
        *announcement = (struct announced){ decoded, is_first, qemu_plugin_insn_vaddr(instruction) };
    }
    watch_memory(instruction, &decoded, announcement);
    if (is_settled_later(decoded.what))
        qemu_plugin_register_vcpu_insn_exec_cb(instruction, announced, QEMU_PLUGIN_CB_NO_REGS, announcement);
    block->has_line_instruction |= decoded.what == CACHE_LINE;
}

static void block_translated(qemu_plugin_id_t id, struct qemu_plugin_tb *tb)
{
    size_t        count = qemu_plugin_tb_n_insns(tb);
    struct block *block = allocate(sizeof *block);

    (void)id;
    *block = (struct block){ .instructions = (uint32_t)count };
    block->rip = qemu_plugin_insn_vaddr(qemu_plugin_tb_get_insn(tb, 0));
    block->address = address_of_host(qemu_plugin_insn_haddr(qemu_plugin_tb_get_insn(tb, 0)));
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

static void ended(qemu_plugin_id_t id, void *data)
{
    (void)id;
    (void)data;
    machine.totals.instructions = machine.instructions;
    if (phase_is_watched())
        audit_checkpoint();
    dram_end();
}

/* MARK: beginning and end */

static void moved(void *context, const struct bus_event *event)
{
    machine.totals.phase_movements[machine.phase][event->kind]++;
    forget_repeated();
    if (in_region(event->address))
        phase_region_moved(event);
    dram_moved(context, event);
}

int qemu_plugin_install(qemu_plugin_id_t id, const struct qemu_info *info, int count, char **arguments)
{
    const uint64_t hole = UINT64_C(0xE0000000), split = UINT64_C(0xC0000000);

    if (!info->system_emulation || strcmp(info->target_name, "x86_64") != 0)
        give_up("this is no emulated x86-64 machine");
    settings_read(count, arguments, &machine.set);
    machine.low_ram_bytes = machine.set.ram_bytes >= hole ? split : machine.set.ram_bytes;
    machine.line_shift = (unsigned)__builtin_ctz(machine.set.geometry.line_bytes);
    machine.totals.is_consistent = 1;
    machine.totals.log_limit = machine.set.log_limit;
    machine.cache = cache_create(&(struct cache_config){
        .geometry = machine.set.geometry, .vendor = machine.set.vendor, .seed = machine.set.seed,
        .mapped_bytes = machine.low_ram_bytes, .listener = moved });
    if (!machine.cache)
        give_up("no memory for the cache model");
    control_start();
    qemu_plugin_register_vcpu_init_cb(id, vcpu_started);
    qemu_plugin_register_vcpu_tb_trans_cb(id, block_translated);
    qemu_plugin_register_atexit_cb(id, ended, NULL);
    return 0;
}
