#include "machine.h"

#include "contract.h"
#include "plugin_base.h"

struct machine machine = { .block = NOWHERE, .generation = 1, .vmcb = NOWHERE };

void machine_start(int count, char **arguments, bus_listener listener)
{
    struct settings *set = &machine.set;

    settings_read(count, arguments, set);
    machine.low_ram_bytes = set->ram_bytes >= QEMU_SPLIT_FROM ? QEMU_SPLIT_AT : set->ram_bytes;
    machine.line_shift = (unsigned)__builtin_ctz(set->geometry.line_bytes);
    machine.totals.is_consistent = 1;
    machine.totals.log_limit = set->log_limit;
    machine.cache = cache_create(&(struct cache_config){
        .geometry = set->geometry, .vendor = set->vendor, .seed = set->seed,
        .mapped_bytes = machine.low_ram_bytes, .listener = listener });
    if (!machine.cache)
        give_up("no memory for the cache model");
}
