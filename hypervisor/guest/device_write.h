/* device_write.h — writes to devices of which not every write is carried out. */
#pragma once
#include <stdbool.h>

#include "engine/engine.h"

/* Carries out the guest's instruction, or drops what it writes; sets next_rip.
 *   returns   false where it is none that compilers make for a register: the guest gets #GP */
bool device_write(struct vcpu *vcpu, struct exit *exit);
