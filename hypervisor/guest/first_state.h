/* first_state.h — what the guest's first instruction finds in the CPU. */
#pragma once
#include "engine/first_state.h"
#include "engine/vcpu.h"
#include "image.h"

struct first_state first_state(const struct image_header *image);
struct guest_regs first_registers(const struct image_header *image, const struct boot_info *boot);
