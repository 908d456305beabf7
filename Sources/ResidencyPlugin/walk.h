/* walk.h — page walks as the CPU makes them, over the machine's RAM. */
#pragma once
#include "machine.h"

#define CR0_PE       (UINT64_C(1) << 0)
#define EFER_LMA     (UINT64_C(1) << 10)

#define PTE_PRESENT  (UINT64_C(1) << 0)
#define PTE_WRITABLE (UINT64_C(1) << 1)
#define PTE_PWT      (UINT64_C(1) << 3)
#define PTE_PCD      (UINT64_C(1) << 4)
#define PTE_LARGE    (UINT64_C(1) << 7)     /* and the PAT bit of a 4 KiB entry */
#define PTE_PAT_2M   (UINT64_C(1) << 12)
#define PTE_NX       (UINT64_C(1) << 63)
#define PTE_ADDRESS  UINT64_C(0x000FFFFFFFFFF000)

struct translation {
    uint64_t         address;               /* host-physical; NOWHERE: not present, or beyond RAM on
                                               the way */
    enum memory_type type;                  /* by the PAT; with nested paging both combined */
};

/* source  AMD APM vol 2 (24593), 5.2 to 5.4 and 7.8; 15.25 for the guest's */
struct translation walk_host(uint64_t linear);
struct translation walk_guest(uint64_t linear);
/* Calls `visit` with each table, host-physical, that a walk from `linear` reads before it arrives.
 * */
void walk_guest_tables(uint64_t linear, void (*visit)(uint64_t table));
/* Of a guest-physical address. */
struct translation walk_nested(uint64_t address);

/* Entry of a table in RAM; 0 if the table lies elsewhere. */
uint64_t table_entry(uint64_t table, unsigned index);
/* The PAT's type that an entry chooses; `is_leaf_4k` tells where its PAT bit is. */
enum memory_type entry_type(uint64_t entry, bool is_leaf_4k, uint64_t pat);
/* 4 or 5; other kinds of paging are not the hypervisor's. */
unsigned host_levels(void);
