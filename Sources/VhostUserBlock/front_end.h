/* front_end.h — the conversation with QEMU, which has the device's registers and the IOMMU. */
#pragma once
#include "state.h"

/* Carries out QEMU's next message. False: it has hung up, or is not understood. */
bool front_end_take(struct vhost_user_block *device);
/* Asks for the translation of one page, and serves QEMU until there is an answer. */
bool front_end_ask(struct vhost_user_block *device, uint64_t address, uint8_t access);
