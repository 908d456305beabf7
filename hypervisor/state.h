/* state.h — the hypervisor's few global objects; all of them lie in the frozen region. */
#pragma once
#include "engine/engine.h"
#include "guest.h"
#include "image.h"
#include "pager.h"

extern struct guest guest;
extern struct pager pager;
extern struct image_header header;
extern const struct engine *engine;     /* the one that was chosen; null until then */
