#include "plugin_base.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int qemu_plugin_version = QEMU_PLUGIN_VERSION;

static const char *plugin_name;

void give_up(const char *format, ...)
{
    va_list arguments;

    fprintf(stderr, "%s: ", plugin_name);
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputs("\n", stderr);
    _exit(1);
}

void plugin_start(const char *name, const struct qemu_info *info)
{
    plugin_name = name;
    if (!info->system_emulation || strcmp(info->target_name, "x86_64") != 0)
        give_up("this is no emulated x86-64 machine");
}
