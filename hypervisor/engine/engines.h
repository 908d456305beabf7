/* engines.h — the vendors, for engine.c only. */
#pragma once
#include "engine/engine.h"

extern const struct engine svm, vmx;
