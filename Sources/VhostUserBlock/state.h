/* state.h — what the parts of the device share. */
#pragma once
#include <pthread.h>
#include <stdatomic.h>

#include "vhost_user_block.h"

#define PAGE_BYTES    4096u
#define REGIONS       8u            /* VHOST_USER_MAX_RAM_SLOTS of old front ends */
#define TRANSLATIONS  4096u
#define QUEUE_MOST    1024u
#define SEGMENTS      256u

struct region {
    uint64_t physical, bytes, user;     /* where the guest has it; and QEMU */
    uint8_t *here;
    void    *mapped;
    size_t   mapped_bytes;
};

/* What the IOMMU lets through, as far as we know. */
struct translation {
    uint64_t from, bytes, user;
    uint8_t  access;
};

struct queue {
    uint32_t size;
    uint64_t descriptors, available, used;
    uint16_t next_available, next_used;
    int      kick, call;            /* -1: none */
    bool     runs;
};

struct vhost_user_block {
    struct vhost_user_block_conduct conduct;
    uint8_t *disk;
    size_t   disk_bytes;
    char    *path;
    int      listener, front, back, wake;
    pthread_t thread;
    const char *complaint;

    struct region      regions[REGIONS];
    uint32_t           region_count;
    struct translation translations[TRANSLATIONS];
    uint32_t           translation_count, translation_next;
    uint32_t           revocations;
    struct queue       queue;

    /* A request's data, to be written again. */
    struct { uint64_t address; uint32_t bytes; } late[SEGMENTS];
    uint32_t late_count;

    /* What other threads look at. */
    pthread_mutex_t lock;
    pthread_cond_t  answered;
    struct vhost_user_block_transfer *transfers;
    size_t transfer_count, transfer_room;
    struct {
        uint64_t address;
        uint32_t bytes;
        bool     writes, is_asked, is_done;
        uint8_t *into;
    } probe;
    bool ends;
};

/* Notes why it can go on no more. */
void state_complain(struct vhost_user_block *device, const char *why);
