/* guest_msr.h — MSRs that the guest sees, or changes, only by the hypervisor's leave. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

/* Both return false where the guest gets #GP. */
[[nodiscard]] bool guest_msr_read(uint32_t msr, uint64_t *value);
[[nodiscard]] bool guest_msr_write(uint32_t msr, uint64_t value);

/* PAT and MTRRs as the firmware left them become the guest's view. Before the freeze changes the real ones. */
void guest_msr_start(void);
