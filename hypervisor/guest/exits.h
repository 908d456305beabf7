/* exits.h — one handler for each kind of exit; the unknown is a panic. */
#pragma once
#include "engine/engine.h"

/* Opens what needs no look at it. After the engine is prepared. */
void exits_start(struct vcpu *vcpu, const struct image_header *header);

void exit_handle(struct vcpu *vcpu, struct exit *exit);
