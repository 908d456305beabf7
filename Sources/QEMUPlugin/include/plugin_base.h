/* plugin_base.h — what each of our plugins does in the same way: its start, and how it gives up. */
#pragma once
#include "qemu_plugin.h"

/* The first call of qemu_plugin_install(). Gives up unless the machine is an emulated x86-64 one.
 *   name   of the plugin, for messages; must stay where it is
 */
void plugin_start(const char *name, const struct qemu_info *info);

/* Prints one line on QEMU's error output and ends QEMU: an incomplete record must not be judged. */
[[noreturn]] void give_up(const char *format, ...) __attribute__((format(printf, 1, 2)));
