/* audit.h — accounts for what no callback reports: page walks, accessed and dirty bits, event
 * frames, control-block traffic, descriptor reads. All of that stays inside the frozen region if
 * the tables do, and lead nowhere else.
 */
#pragma once
#include "machine.h"

void audit_host_tables_moved(void);
/* A store of the hypervisor, and whether it was to a page table; cheap where it was not. */
bool audit_stored(uint64_t address);
bool audit_is_table(uint64_t address);
/* At an entry to the guest: tables that were stored to since the last. */
void audit_changed_tables(uint64_t rip);
void audit_control_block(uint64_t rip, uint64_t iopm, uint64_t msrpm);
void audit_descriptor_table(uint64_t rip, bool is_gdt, uint64_t base, uint16_t limit);

/* All tables from their roots, and all RAM against the view of DRAM; written down. */
void audit_checkpoint(void);
