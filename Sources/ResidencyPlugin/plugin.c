/* plugin.c — what QEMU loads: the callbacks that it is given, and the end. README.md has the order
 * of the files. */
#include "access.h"
#include "audit.h"
#include "control.h"
#include "dram.h"
#include "machine.h"
#include "phase.h"
#include "plugin_base.h"
#include "ram.h"
#include "record.h"
#include "touches.h"
#include "translation.h"

static void vcpu_started(qemu_plugin_id_t id, unsigned vcpu)
{
    (void)id;
    if (vcpu != 0)
        give_up("the model is of one CPU");
    ram_start();
    record_start();
    dram_start();
    touches_start();
}

static void ended(qemu_plugin_id_t id, void *data)
{
    (void)id;
    (void)data;
    machine.totals.instructions = machine.instructions;
    if (is_watched())
        audit_checkpoint();
    dram_end();
    record_end();
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

int qemu_plugin_install(qemu_plugin_id_t id, const struct qemu_info *info, int count,
                        char **arguments)
{
    plugin_start("residency plugin", info);
    machine_start(count, arguments, moved);
    control_start();
    qemu_plugin_register_vcpu_init_cb(id, vcpu_started);
    qemu_plugin_register_vcpu_tb_trans_cb(id, translation_watch);
    qemu_plugin_register_atexit_cb(id, ended, NULL);
    return 0;
}
