#define _GNU_SOURCE
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "reference_policies.h"
#include "queues.h"
#include "run.h"

/* MARK: what lies around the pager */

static struct run *run_of(void *context)
{
    return context;
}

static void *dram(void *context, uint64_t home)
{
    return run_of(context)->dram + home;
}

static bool is_ram(void *context, uint32_t index)
{
    return index < run_of(context)->replay->page_count;
}

static void map(void *context, slot_t slot, bool is_ahead)
{
    *run_use(run_of(context), slot) = USE_MAPPED;
    run_of(context)->counts.ahead += is_ahead;
}

static enum page_use unmap(void *context, slot_t slot)
{
    uint8_t      *use = run_use(run_of(context), slot);
    enum page_use was = *use & (USE_ACCESSED | USE_DIRTY);

    *use = 0;
    return was;
}

static enum page_use take_use(void *context, slot_t slot)
{
    return run_take_accessed(run_of(context), slot);
}

/* Nothing else wants the vector registers here. */
static void cipher_works(void *context)
{
    (void)context;
}

static void event(void *context, enum pager_event event, page_id page, enum page_state state,
                  uint64_t cycles)
{
    struct run           *run = context;
    struct replay_counts *counts = &run->counts;
    bool                  is_guest = page_level(page) == 0;

    (void)cycles;
    switch (event) {
    case PAGER_OPENED:
        if (state == PAGE_BLANK)
            counts->blanks += is_guest;
        else
            is_guest ? counts->opens++ : counts->metadata_opens++;
        break;
    case PAGER_SEALED:
        is_guest ? counts->seals++ : counts->metadata_seals++;
        break;
    case PAGER_DROPPED:
        counts->drops += is_guest;
        break;
    }
    if (run->queues && event == PAGER_OPENED)
        queues_inserted(run, pager_find(&run->pager, page));
    else if (run->queues)
        queues_removed(run, pager_find(&run->pager, page));
}

static const struct pager_ops ops = {
    .dram = dram, .is_ram = is_ram, .map = map, .unmap = unmap, .take_use = take_use,
    .cipher_begins = cipher_works, .cipher_ends = cipher_works, .event = event };

/* MARK: a run */

static bool is_queued(enum replay_policy policy)
{
    return policy == REPLAY_SIEVE || policy == REPLAY_TWO_QUEUES || policy == REPLAY_ADAPTIVE;
}

/* The hypervisor's own policies, halves of them, and those that only a replay can have. */
static void use_policy(struct pager *pager, enum replay_policy policy)
{
    pager_use_policy(pager, policy == REPLAY_FIFO ? POLICY_FIFO : POLICY_GCLOCK_AHEAD, true);
    switch (policy) {
    case REPLAY_FIFO:
    case REPLAY_GCLOCK_AHEAD: return;
    case REPLAY_CLOCK_AHEAD:  pager->patience = 0; return;
    case REPLAY_GCLOCK:       pager->ahead = 1; return;
    default:                  pager_use_policy(pager, POLICY_CLOCK, true);
    }
    if (is_queued(policy))
        pager->policy = policy_queues;
    else if (policy == REPLAY_LRU)
        pager->policy = policy_lru;
    else if (policy == REPLAY_OPTIMUM)
        pager->policy = policy_optimum;
}

static uint64_t dram_bytes(const struct replay *replay)
{
    return replay->input.covered_bytes + replay->input.geometry.meta_bytes;
}

static bool run_start(struct run *run, const struct replay *replay, enum replay_policy policy,
                      uint32_t slots)
{
    static const uint8_t raw[GCM_KEY_BYTES] = { 1 };    /* guards nothing */
    struct pager *pager = &run->pager;

    run->replay = replay;
    run->dram = mmap(NULL, dram_bytes(replay), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_NORESERVE,
                     replay->dram, 0);
    run->use = calloc(replay->page_count, sizeof *run->use);
    run->next = malloc(replay->page_count * sizeof *run->next);
    run->last = calloc(replay->page_count, sizeof *run->last);
    run->queues = is_queued(policy) ? queues_create(policy, slots, replay->page_count) : NULL;
    gcm_key_expand(gcm_kernel_find(GCM_ANY), &run->session_key, raw);
    *pager = (struct pager){
        .geometry = replay->input.geometry, .root = replay->input.root,
        .image_key = replay->input.image_key, .session_key = &run->session_key,
        .slot_count = slots, .ops = &ops, .context = run };
    use_policy(pager, policy);
    pager->slots = calloc(slots, sizeof *pager->slots);
    pager->buckets = malloc(pager_bucket_count(slots) * sizeof *pager->buckets);
    pager->frames = aligned_alloc(PAGE_BYTES, (size_t)slots * PAGE_BYTES);
    if (run->dram == MAP_FAILED || !run->use || !run->next || !run->last
        || (is_queued(policy) && !run->queues)
        || !pager->slots || !pager->buckets || !pager->frames)
        return false;
    memcpy(run->next, replay->first, replay->page_count * sizeof *run->next);
    pager_start(pager);
    return true;
}

static void run_end(struct run *run)
{
    if (run->dram != MAP_FAILED)
        munmap(run->dram, dram_bytes(run->replay));
    queues_free(run->queues);
    free(run->use);
    free(run->next);
    free(run->last);
    free(run->pager.slots);
    free(run->pager.buckets);
    free(run->pager.frames);
}

static bool miss(struct run *run, uint32_t page)
{
    bool was_resident;

    run->counts.misses++;
    if (pager_serve(&run->pager, page, &was_resident) != PAGER_OK)
        return false;
    if (run->queues)
        queues_served(run, pager_find(&run->pager, page_make(0, page)));
    return true;
}

static bool run_all(struct run *run)
{
    const struct replay *replay = run->replay;

    for (uint64_t i = 0; i < replay->input.count; i++) {
        uint32_t touch = replay->input.touches[i], page = touch & TOUCH_PAGE;
        run->next[page] = replay->next[i];
        if (!(run->use[page] & USE_MAPPED) && !miss(run, page))
            return false;
        /* A neighbour that was opened ahead may have pushed it out again: the guest then misses it
         * again. */
        if (!(run->use[page] & USE_MAPPED) && !miss(run, page))
            return false;
        run->use[page] |= touch & TOUCH_WRITE ? USE_ACCESSED | USE_DIRTY : USE_ACCESSED;
        run->last[page] = (uint32_t)i + 1;
    }
    return true;
}

bool replay_run(const struct replay *replay, enum replay_policy policy, uint32_t slots,
                struct replay_counts *counts)
{
    struct run run = { 0 };
    bool       is_whole = run_start(&run, replay, policy, slots) && run_all(&run);

    run_end(&run);
    if (is_whole)
        *counts = run.counts;
    return is_whole;
}

/* MARK: what all runs share */

struct replay *replay_create(const struct replay_input *input)
{
    struct replay *replay = calloc(1, sizeof *replay);

    if (!replay)
        return NULL;
    replay->input = *input;
    replay->page_count = input->covered_bytes / PAGE_BYTES;
    replay->next = malloc((input->count + 1) * sizeof *replay->next);
    replay->first = malloc(replay->page_count * sizeof *replay->first);
    replay->dram = memfd_create("dram", MFD_CLOEXEC);
    if (!replay->next || !replay->first || replay->dram < 0
        || ftruncate(replay->dram, (off_t)dram_bytes(replay)) != 0) {
        replay_free(replay);
        return NULL;
    }
    memset(replay->first, 0xFF, replay->page_count * sizeof *replay->first);
    for (uint64_t i = input->count; i-- > 0;) {
        uint32_t *first = &replay->first[input->touches[i] & TOUCH_PAGE];
        replay->distinct += *first == NEVER;
        replay->next[i] = *first;
        *first = (uint32_t)i;
    }
    return replay;
}

void replay_free(struct replay *replay)
{
    if (!replay)
        return;
    free(replay->next);
    free(replay->first);
    if (replay->dram >= 0)
        close(replay->dram);
    free(replay);
}

uint64_t replay_distinct_pages(const struct replay *replay)
{
    return replay->distinct;
}

bool replay_put_home(struct replay *replay, uint64_t home, const void *bytes)
{
    return pwrite(replay->dram, bytes, PAGE_BYTES, (off_t)home) == PAGE_BYTES;
}
