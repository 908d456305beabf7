/* exits.h — one handler per exit_kind; ends in panic for the unknown. */
#pragma once
#include "engine/engine.h"

void exit_handle(const struct exit *exit);
