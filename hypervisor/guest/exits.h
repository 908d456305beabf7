/* exits.h — one handler for each kind of exit; the unknown is a panic. */
#pragma once
#include "engine/engine.h"

/* Has the guest exit where the tables of ports and MSRs say so. After the engine is prepared. */
void exits_start(struct vcpu *vcpu);

void exit_handle(struct vcpu *vcpu, struct exit *exit);
