#define _GNU_SOURCE
#include "ram.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "plugin_base.h"

static void map_ram(void)
{
    struct stat status;

    machine.ram_descriptor = open(machine.set.ram_file, O_RDONLY | O_CLOEXEC);
    if (machine.ram_descriptor < 0 || fstat(machine.ram_descriptor, &status) != 0)
        give_up("cannot open the machine's RAM %s: %s", machine.set.ram_file, strerror(errno));
    if ((uint64_t)status.st_size < machine.set.ram_bytes)
        give_up("the machine's RAM %s is smaller than ram-bytes", machine.set.ram_file);
    machine.ram = mmap(NULL, machine.set.ram_bytes, PROT_READ, MAP_SHARED, machine.ram_descriptor,
                       0);
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
        if (sscanf(line, "%llx-%llx %*s %llx %*s %*s %n", &start, &end, &offset, &path) == 3
            && path > 0
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

void ram_start(void)
{
    map_ram();
    machine.ram_host = find_ram_of_qemu();
}
