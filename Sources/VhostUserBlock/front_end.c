#include "front_end.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "translations.h"

#define ANSWER_MILLISECONDS 10000

/* QEMU, docs/interop/vhost-user.rst, "Front-end message types", "Back-end message types". */
enum request : uint32_t {
    GET_FEATURES = 1, SET_FEATURES = 2, SET_OWNER = 3, RESET_OWNER = 4, SET_MEM_TABLE = 5,
    SET_VRING_NUM = 8, SET_VRING_ADDR = 9, SET_VRING_BASE = 10, GET_VRING_BASE = 11,
    SET_VRING_KICK = 12, SET_VRING_CALL = 13, SET_VRING_ERR = 14, GET_PROTOCOL_FEATURES = 15,
    SET_PROTOCOL_FEATURES = 16, GET_QUEUE_NUM = 17, SET_VRING_ENABLE = 18,
    SET_BACKEND_REQ_FD = 21, IOTLB_MSG = 22, GET_CONFIG = 24, SET_CONFIG = 25,
};
#define BACK_END_IOTLB_MSG 1u

#define FLAG_VERSION    1u
#define FLAG_REPLY      4u
#define FLAG_NEED_REPLY 8u
#define NO_DESCRIPTOR   0x100u          /* in the index of a queue */

#define FEATURE(bit) (UINT64_C(1) << (bit))
/* VIRTIO_BLK_F_FLUSH, VHOST_USER_F_PROTOCOL_FEATURES, VIRTIO_F_VERSION_1,
 * VIRTIO_F_ACCESS_PLATFORM. */
#define FEATURES (FEATURE(9) | FEATURE(30) | FEATURE(32) | FEATURE(33))
/* MQ, REPLY_ACK, BACKEND_REQ, CONFIG. */
#define PROTOCOL_FEATURES (FEATURE(0) | FEATURE(3) | FEATURE(5) | FEATURE(9))

enum translation_kind : uint8_t { IOTLB_MISS = 1, IOTLB_UPDATE = 2, IOTLB_INVALIDATE = 3 };

struct iotlb_message {
    uint64_t from, bytes, user;
    uint8_t  access;
    enum translation_kind kind;
};

struct memory_region { uint64_t physical, bytes, user, offset; };
struct queue_state { uint32_t index, number; };
struct queue_addresses { uint32_t index, flags; uint64_t descriptors, used, available, log; };
struct configuration { uint32_t offset, bytes, flags; uint8_t space[256]; };

struct message {
    uint32_t unsent;                /* before the message: aligns what follows its head */
    uint32_t request, flags, bytes;
    union {
        uint64_t               number;
        struct queue_state     state;
        struct queue_addresses addresses;
        struct iotlb_message   iotlb;
        struct configuration   configuration;
        struct { uint32_t count, padding; struct memory_region regions[REGIONS]; } memory;
    } body;
};
#define HEAD_BYTES 12u
static_assert(offsetof(struct message, body) - offsetof(struct message, request) == HEAD_BYTES,
              "as it is sent");

/* MARK: messages */

static bool read_all(int socket, void *bytes, size_t count)
{
    for (size_t at = 0; at < count; ) {
        ssize_t got = read(socket, (uint8_t *)bytes + at, count - at);
        if (got == 0 || (got < 0 && errno != EINTR))
            return false;
        at += got > 0 ? (size_t)got : 0;
    }
    return true;
}

static bool send_message(int socket, const struct message *message)
{
    size_t count = HEAD_BYTES + message->bytes;

    return send(socket, &message->request, count, MSG_NOSIGNAL) == (ssize_t)count;
}

/* A message, and the descriptors that come with its first byte: -1 where there is none. */
static bool receive(int socket, struct message *message, int descriptors[REGIONS])
{
    union {
        struct cmsghdr header;
        uint8_t bytes[CMSG_SPACE(REGIONS * sizeof(int))];
    } control;
    struct iovec  head = { &message->request, HEAD_BYTES };
    struct msghdr envelope = { .msg_iov = &head, .msg_iovlen = 1, .msg_control = &control,
        .msg_controllen = sizeof control };
    ssize_t got;

    memset(descriptors, 0xFF, REGIONS * sizeof(int));
    do
        got = recvmsg(socket, &envelope, MSG_CMSG_CLOEXEC);
    while (got < 0 && errno == EINTR);
    if (got <= 0 || (envelope.msg_flags & MSG_CTRUNC))
        return false;
    struct cmsghdr *with = CMSG_FIRSTHDR(&envelope);
    if (with != NULL && with->cmsg_level == SOL_SOCKET && with->cmsg_type == SCM_RIGHTS)
        memcpy(descriptors, CMSG_DATA(with), with->cmsg_len - CMSG_LEN(0));
    memset(&message->body, 0, sizeof message->body);
    return read_all(socket, (uint8_t *)&message->request + got, HEAD_BYTES - (size_t)got)
        && message->bytes <= sizeof message->body
        && read_all(socket, &message->body, message->bytes);
}

static bool reply(struct vhost_user_block *device, struct message *message, uint32_t bytes)
{
    message->flags = FLAG_VERSION | FLAG_REPLY;
    message->bytes = bytes;
    return send_message(device->front, message);
}

static bool reply_number(struct vhost_user_block *device, struct message *message, uint64_t number)
{
    message->body.number = number;
    return reply(device, message, sizeof number);
}

/* MARK: what QEMU says */

static bool map_memory(struct vhost_user_block *device, const struct message *message,
                       int descriptors[REGIONS])
{
    translations_unmap(device);
    if (message->body.memory.count > REGIONS)
        return false;
    for (uint32_t i = 0; i < message->body.memory.count; i++) {
        const struct memory_region *from = &message->body.memory.regions[i];
        size_t bytes = from->bytes + from->offset;
        void  *mapped = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, descriptors[i], 0);
        if (mapped == MAP_FAILED)
            return false;
        device->regions[device->region_count++] = (struct region){ .physical = from->physical,
            .bytes = from->bytes, .user = from->user, .here = (uint8_t *)mapped + from->offset,
            .mapped = mapped, .mapped_bytes = bytes };
    }
    return true;
}

static void take_iotlb(struct vhost_user_block *device, const struct iotlb_message *message)
{
    if (message->kind == IOTLB_UPDATE)
        translations_add(device, (struct translation){ message->from, message->bytes,
                             message->user, message->access });
    else if (message->kind == IOTLB_INVALIDATE)
        translations_forget(device, message->from, message->bytes);
}

static void replace(int *descriptor, const struct message *message, int descriptors[REGIONS])
{
    if (*descriptor >= 0)
        close(*descriptor);
    *descriptor = -1;
    if (!(message->body.number & NO_DESCRIPTOR)) {
        *descriptor = descriptors[0];
        descriptors[0] = -1;
    }
}

static bool stop_queue(struct vhost_user_block *device, struct message *message)
{
    device->queue.runs = false;
    device->late_count = 0;
    message->body.state.number = device->queue.next_available;
    return reply(device, message, sizeof message->body.state);
}

static bool give_configuration(struct vhost_user_block *device, struct message *message)
{
    struct configuration *to = &message->body.configuration;
    uint64_t capacity = device->disk_bytes / VHOST_USER_BLOCK_SECTOR;

    memset(to->space, 0, sizeof to->space);
    memcpy(to->space, &capacity, sizeof capacity);      /* other fields are of features */
    return reply(device, message, message->bytes);
}

/* False: hang up. `*is_answered`: there was a reply of its own. */
static bool carry_out(struct vhost_user_block *device, struct message *message,
                      int descriptors[REGIONS], bool *is_answered)
{
    struct queue *queue = &device->queue;

    *is_answered = true;
    switch ((enum request)message->request) {
    case GET_FEATURES: return reply_number(device, message, FEATURES);
    case GET_PROTOCOL_FEATURES: return reply_number(device, message, PROTOCOL_FEATURES);
    case GET_QUEUE_NUM: return reply_number(device, message, 1);
    case GET_CONFIG: return give_configuration(device, message);
    case GET_VRING_BASE: return stop_queue(device, message);
    default: *is_answered = false;
    }
    switch ((enum request)message->request) {
    case SET_MEM_TABLE: return map_memory(device, message, descriptors);
    case SET_VRING_NUM:
        queue->size = message->body.state.number;
        return queue->size > 0 && queue->size <= QUEUE_MOST;
    case SET_VRING_ADDR:
        queue->descriptors = message->body.addresses.descriptors;
        queue->available = message->body.addresses.available;
        queue->used = message->body.addresses.used;
        return true;
    case SET_VRING_BASE:
        queue->next_available = queue->next_used = (uint16_t)message->body.state.number;
        return true;
    case SET_VRING_KICK:
        replace(&queue->kick, message, descriptors);
        queue->runs = queue->kick >= 0;
        return true;
    case SET_VRING_CALL: replace(&queue->call, message, descriptors); return true;
    case SET_BACKEND_REQ_FD:
        if (device->back >= 0)
            close(device->back);
        device->back = descriptors[0];
        descriptors[0] = -1;
        return true;
    case IOTLB_MSG: take_iotlb(device, &message->body.iotlb); return true;
    default: return true;       /* which owner, which features, what nobody asks of this disk */
    }
}

bool front_end_take(struct vhost_user_block *device)
{
    struct message message;
    int  descriptors[REGIONS];
    bool is_answered;

    if (!receive(device->front, &message, descriptors))
        return false;
    bool is_asked = message.flags & FLAG_NEED_REPLY;
    bool is_done = carry_out(device, &message, descriptors, &is_answered);
    for (uint32_t i = 0; i < REGIONS; i++)
        if (descriptors[i] >= 0)
            close(descriptors[i]);
    if (!is_done)
        state_complain(device, "a message of QEMU's is not understood");
    if (is_asked && !is_answered)
        return reply_number(device, &message, is_done ? 0 : 1) && is_done;
    return is_done;
}

/* MARK: what QEMU is asked */

bool front_end_ask(struct vhost_user_block *device, uint64_t address, uint8_t access)
{
    struct message message = { .request = BACK_END_IOTLB_MSG,
        .flags = FLAG_VERSION | FLAG_NEED_REPLY, .bytes = sizeof message.body.iotlb };

    if (device->back < 0)
        return false;
    message.body.iotlb = (struct iotlb_message){ .from = address & ~(uint64_t)(PAGE_BYTES - 1),
        .bytes = PAGE_BYTES, .access = access, .kind = IOTLB_MISS };
    if (!send_message(device->back, &message))
        return false;
    for (;;) {
        struct pollfd both[] = { { device->front, POLLIN, 0 }, { device->back, POLLIN, 0 } };
        int ready = poll(both, 2, ANSWER_MILLISECONDS);
        if (ready == 0)
            state_complain(device, "QEMU does not answer what a page translates to");
        if (ready == 0 || (ready < 0 && errno != EINTR))
            return false;
        /* The translation itself comes from the front, and before the answer. */
        if (ready > 0 && both[0].revents != 0) {
            if (!front_end_take(device))
                return false;
        } else if (ready > 0 && both[1].revents != 0)
            return read_all(device->back, &message.request, HEAD_BYTES)
                && message.bytes == sizeof message.body.number
                && read_all(device->back, &message.body, message.bytes)
                && message.body.number == 0;
    }
}
