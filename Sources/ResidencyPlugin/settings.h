/* settings.h — the plugin's arguments: key=value, all numbers as strtoull takes them. */
#pragma once
#include <stdint.h>

#include "cache_model.h"

struct settings {
    const char *record;             /* folder */
    const char *ram_file;
    const char *touched_image;      /* keep the touches of this image's pages; NULL: keep none */
    const char *preset;             /* NULL: geometry */
    struct cache_geometry geometry;
    enum cache_vendor vendor;
    uint64_t seed;
    uint64_t ram_bytes;
    uint64_t region_base, region_bytes;
    uint64_t text_bytes;            /* the hypervisor's instructions, from region_base on */
    uint64_t linear_base;           /* where the hypervisor maps region_base */
    uint64_t pager;                 /* offset of its `struct pager` in the region */
    uint64_t wipe;                  /* offset of the function that erases the secrets; 0: unknown */
    uint64_t log_limit;             /* bytes */
    uint64_t shares;                /* 1: the guest may share pages with devices */
    uint64_t flags_offset;          /* in QEMU's state of the CPU: privilege.c */
};

/* Ends QEMU with a message if an argument is missing, unknown or not a number. */
void settings_read(int count, char **arguments, struct settings *set);
