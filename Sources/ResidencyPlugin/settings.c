#include "settings.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "cache_presets.h"
#include "plugin_base.h"

/* Where CPUX86State of QEMU 7.2 keeps the flags that privilege.c reads. */
#define FLAGS_OFFSET 176u

/* Shape `sets:ways:line:slices:index:replacement:vendor`, the last three as their enums. */
static bool read_geometry(const char *text, struct settings *set)
{
    uint64_t parts[7];

    for (size_t i = 0; i < 7; i++) {
        char *end;
        parts[i] = strtoull(text, &end, 0);
        if (end == text || *end != (i < 6 ? ':' : '\0'))
            return false;
        text = end + 1;
    }
    set->geometry = (struct cache_geometry){
        .sets = (uint32_t)parts[0], .ways = (uint32_t)parts[1], .line_bytes = (uint32_t)parts[2],
        .slices = (uint32_t)parts[3], .index = (enum cache_index)parts[4],
        .replacement = (enum cache_replacement)parts[5] };
    set->vendor = (enum cache_vendor)parts[6];
    return true;
}

static bool read_preset(const char *name, struct settings *set)
{
    const struct cache_preset *preset = cache_preset_named(name);

    if (!preset)
        return false;
    set->preset = preset->name;
    set->geometry = preset->geometry;
    set->vendor = preset->vendor;
    return true;
}

static uint64_t *number_named(const char *name, struct settings *set)
{
    const struct { const char *name; uint64_t *value; } numbers[] = {
        { "seed", &set->seed }, { "ram-bytes", &set->ram_bytes }, { "region", &set->region_base },
        { "region-bytes", &set->region_bytes }, { "text-bytes", &set->text_bytes },
        { "linear", &set->linear_base }, { "pager", &set->pager }, { "wipe", &set->wipe },
        { "log-limit", &set->log_limit }, { "flags-offset", &set->flags_offset },
        { "shares", &set->shares } };

    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
        if (strcmp(numbers[i].name, name) == 0)
            return numbers[i].value;
    return NULL;
}

static bool read_argument(const char *name, const char *value, struct settings *set)
{
    if (strcmp(name, "record") == 0)
        return (set->record = strdup(value)) != NULL;
    if (strcmp(name, "ram") == 0)
        return (set->ram_file = strdup(value)) != NULL;
    if (strcmp(name, "touches-of") == 0)
        return (set->touched_image = strdup(value)) != NULL;
    if (strcmp(name, "preset") == 0)
        return read_preset(value, set);
    if (strcmp(name, "geometry") == 0)
        return read_geometry(value, set);
    uint64_t *number = number_named(name, set);
    char     *end;
    if (!number)
        return false;
    errno = 0;
    *number = strtoull(value, &end, 0);
    return errno == 0 && end != value && *end == '\0';
}

void settings_read(int count, char **arguments, struct settings *set)
{
    set->flags_offset = FLAGS_OFFSET;
    for (int i = 0; i < count; i++) {
        char  name[32] = { 0 };
        char *equals = strchr(arguments[i], '=');
        if (equals && (size_t)(equals - arguments[i]) < sizeof name)
            memcpy(name, arguments[i], (size_t)(equals - arguments[i]));
        if (!equals || !read_argument(name, equals + 1, set))
            give_up("bad argument '%s'", arguments[i]);
    }
    if (!set->record || !set->ram_file || set->ram_bytes == 0 || set->region_bytes == 0
        || set->text_bytes == 0
        || set->linear_base == 0 || set->pager == 0 || set->log_limit == 0
        || !cache_geometry_valid(set->geometry))
        give_up("an argument is missing: record, ram, preset or geometry, ram-bytes, region, "
                "region-bytes, text-bytes, linear, pager, log-limit");
}
