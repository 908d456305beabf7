#define _GNU_SOURCE
#include "vhost_user_block.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "front_end.h"
#include "memory.h"
#include "requests.h"
#include "state.h"
#include "translations.h"

static void drain(int event)
{
    uint64_t count;

    if (read(event, &count, sizeof count) < 0)
        return;                 /* somebody was quicker */
}

/* MARK: the device's thread */

/* Its caller waits, and leaves the request alone. */
static void try_probe(struct vhost_user_block *device)
{
    pthread_mutex_lock(&device->lock);
    bool is_asked = device->probe.is_asked;
    pthread_mutex_unlock(&device->lock);
    if (!is_asked)
        return;
    bool is_done = memory_move(device, device->probe.address, device->probe.into,
                               device->probe.bytes, device->probe.writes, PURPOSE_PROBE);
    pthread_mutex_lock(&device->lock);
    device->probe.is_asked = false;
    device->probe.is_done = is_done;
    pthread_cond_broadcast(&device->answered);
    pthread_mutex_unlock(&device->lock);
}

static bool ends(struct vhost_user_block *device)
{
    pthread_mutex_lock(&device->lock);
    bool it_ends = device->ends;
    pthread_mutex_unlock(&device->lock);
    return it_ends;
}

static void close_one(int *descriptor)
{
    if (*descriptor >= 0)
        close(*descriptor);
    *descriptor = -1;
}

static void serve_one(struct vhost_user_block *device)
{
    bool is_connected = true;

    while (is_connected && !ends(device)) {
        struct pollfd all[] = { { device->front, POLLIN, 0 }, { device->wake, POLLIN, 0 },
            { device->queue.runs ? device->queue.kick : -1, POLLIN, 0 } };
        if (poll(all, 3, -1) < 0)
            continue;
        if (all[0].revents != 0)
            is_connected = front_end_take(device);
        else if (all[1].revents != 0) {
            drain(device->wake);
            try_probe(device);
        } else if (all[2].revents != 0) {
            drain(device->queue.kick);
            requests_serve(device);
        }
    }
}

static void *run(void *context)
{
    struct vhost_user_block *device = context;

    while (!ends(device)) {
        struct pollfd both[] = { { device->listener, POLLIN, 0 }, { device->wake, POLLIN, 0 } };
        if (poll(both, 2, -1) < 0)
            continue;
        if (both[1].revents != 0) {
            drain(device->wake);
            try_probe(device);
            continue;
        }
        device->front = accept4(device->listener, NULL, NULL, SOCK_CLOEXEC);
        if (device->front >= 0)
            serve_one(device);
        device->queue.runs = false;
        close_one(&device->front);
        close_one(&device->back);
        close_one(&device->queue.kick);
        close_one(&device->queue.call);
        translations_unmap(device);
    }
    return NULL;
}

/* MARK: its owner's */

static int listen_at(const char *path)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };

    if (strlen(path) >= sizeof address.sun_path) {
        errno = ENAMETOOLONG;
        return -1;
    }
    strcpy(address.sun_path, path);
    int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (listener >= 0 && bind(listener, (struct sockaddr *)&address, sizeof address) == 0
        && listen(listener, 1) == 0)
        return listener;
    int why = errno;
    if (listener >= 0)
        close(listener);
    errno = why;
    return -1;
}

static void release(struct vhost_user_block *device)
{
    close_one(&device->listener);
    close_one(&device->wake);
    free(device->transfers);
    free(device->path);
    free(device);
}

struct vhost_user_block *vhost_user_block_start(const char *socket, uint8_t *disk, size_t bytes,
                                                struct vhost_user_block_conduct conduct)
{
    struct vhost_user_block *device = calloc(1, sizeof *device);

    if (device == NULL)
        return NULL;
    device->conduct = conduct;
    device->disk = disk;
    device->disk_bytes = bytes;
    device->front = device->back = device->queue.kick = device->queue.call = -1;
    device->path = strdup(socket);
    device->listener = listen_at(socket);
    device->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    pthread_mutex_init(&device->lock, NULL);
    pthread_cond_init(&device->answered, NULL);
    if (device->path != NULL && device->listener >= 0 && device->wake >= 0
        && pthread_create(&device->thread, NULL, run, device) == 0)
        return device;
    int why = errno;
    release(device);
    errno = why;
    return NULL;
}

static void wake(struct vhost_user_block *device)
{
    uint64_t one = 1;

    if (write(device->wake, &one, sizeof one) < 0)
        abort();                /* cannot be full */
}

void vhost_user_block_end(struct vhost_user_block *device)
{
    pthread_mutex_lock(&device->lock);
    device->ends = true;
    pthread_mutex_unlock(&device->lock);
    wake(device);
    pthread_join(device->thread, NULL);
    unlink(device->path);
    release(device);
}

bool vhost_user_block_probe(struct vhost_user_block *device, uint64_t address, uint32_t bytes,
                            bool writes, uint8_t *into)
{
    pthread_mutex_lock(&device->lock);
    if (writes)
        memset(into, VHOST_USER_BLOCK_STRAY, bytes);
    device->probe.address = address;
    device->probe.bytes = bytes;
    device->probe.writes = writes;
    device->probe.into = into;
    device->probe.is_asked = true;
    wake(device);
    while (device->probe.is_asked)
        pthread_cond_wait(&device->answered, &device->lock);
    bool is_done = device->probe.is_done;
    pthread_mutex_unlock(&device->lock);
    return is_done;
}

size_t vhost_user_block_transfers(struct vhost_user_block *device, size_t first,
                                  struct vhost_user_block_transfer *into, size_t room)
{
    pthread_mutex_lock(&device->lock);
    size_t count = device->transfer_count > first ? device->transfer_count - first : 0;
    if (count > 0)
        memcpy(into, device->transfers + first,
               (count < room ? count : room) * sizeof *into);
    pthread_mutex_unlock(&device->lock);
    return count;
}

uint32_t vhost_user_block_revocations(struct vhost_user_block *device)
{
    pthread_mutex_lock(&device->lock);
    uint32_t count = device->revocations;
    pthread_mutex_unlock(&device->lock);
    return count;
}

const char *vhost_user_block_complaint(struct vhost_user_block *device)
{
    pthread_mutex_lock(&device->lock);
    const char *why = device->complaint;
    pthread_mutex_unlock(&device->lock);
    return why;
}
