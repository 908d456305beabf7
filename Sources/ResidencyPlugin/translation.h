/* translation.h — which callbacks a block gets, decided once, when QEMU translates it. */
#pragma once
#include "qemu_plugin.h"

/* To be registered with QEMU for all translations. */
void translation_watch(qemu_plugin_id_t id, struct qemu_plugin_tb *tb);
