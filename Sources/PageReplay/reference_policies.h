/* reference_policies.h — policies that know more than a pager: the exact past, and the future. */
#pragma once
#include "pager.h"

slot_t policy_lru(struct pager *pager);
slot_t policy_optimum(struct pager *pager);
