/* slots.h — the table of slots, for pager.c only. */
#pragma once
#include "pager.h"

/* A slot that holds nothing; SLOT_NONE when all are used. */
slot_t slots_free(const struct pager *pager);

/* The page must not be resident, the slot must be free. */
void slots_insert(struct pager *pager, slot_t slot, page_id page, slot_t parent);
void slots_remove(struct pager *pager, slot_t slot);

/* Was the page used since last asked? Takes the marks away. */
bool slots_take_marks(struct pager *pager, slot_t slot);
