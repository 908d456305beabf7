/* settings.h — the plugin's arguments: key=value, all numbers as strtoull takes them. */
#pragma once
#include "machine.h"

/* Ends QEMU with a sentence if one is missing, unknown or no number. */
void settings_read(int count, char **arguments, struct settings *set);
