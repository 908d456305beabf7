#include "state.h"

void state_complain(struct vhost_user_block *device, const char *why)
{
    pthread_mutex_lock(&device->lock);
    if (device->complaint == NULL)
        device->complaint = why;
    pthread_mutex_unlock(&device->lock);
}
