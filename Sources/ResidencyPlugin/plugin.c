/* plugin.c — what QEMU loads: the callbacks it is given, and the end. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "access.h"
#include "audit.h"
#include "control.h"
#include "dram.h"
#include "machine.h"
#include "phase.h"
#include "qemu_plugin.h"
#include "ram.h"
#include "settings.h"
#include "touches.h"
#include "translation.h"

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

static void vcpu_started(qemu_plugin_id_t id, unsigned vcpu)
{
    (void)id;
    if (vcpu != 0)
        give_up("the model is of one CPU");
    ram_start();
    dram_start();
    touches_start();
}

static void ended(qemu_plugin_id_t id, void *data)
{
    (void)id;
    (void)data;
    machine.totals.instructions = machine.instructions;
    if (phase_is_watched())
        audit_checkpoint();
    dram_end();
    touches_end();
}

static void moved(void *context, const struct bus_event *event)
{
    machine.totals.phase_movements[machine.phase][event->kind]++;
    access_forget();
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
    qemu_plugin_register_vcpu_tb_trans_cb(id, translation_watch);
    qemu_plugin_register_atexit_cb(id, ended, NULL);
    return 0;
}
