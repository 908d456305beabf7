/* requests.h — the driver's requests, from its queue. */
#pragma once
#include "state.h"

/* Serves all that wait. */
void requests_serve(struct vhost_user_block *device);
