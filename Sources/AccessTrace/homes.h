/* homes.h — frames of RAM outside of the frozen region that the hypervisor is writing to. */
#pragma once
#include "access_judge.h"

#define HOMES 8u        /* at a time; a correct hypervisor needs one */

struct open_home {
    struct access_home home;
    uint8_t            bytes[PAGE_BYTES], known[PAGE_BYTES];
};

struct homes {
    void (*explain)(void *context, const struct access_home *home);
    void              *context;
    struct open_home   open[HOMES];
    uint64_t           since;       /* when page_seal was entered; 0: outside of it */
    uint32_t           count;
    uint32_t           last;        /* index of the one that was written last */
};

void homes_store(struct homes *homes, const struct access_line *store,
                 const struct access_line *instruction,
                 bool is_firmware);

/* All of them are to be explained now. `is_cut`: the last one may be unfinished. */
void homes_settle(struct homes *homes, bool is_cut);
