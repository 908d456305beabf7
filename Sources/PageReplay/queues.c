/* queues.c — policies that keep slots in order of arrival, and remember pages that they evicted.
 *
 *   sieve        one queue; a hand goes from old to new and evicts the first unused page. A page
 *                stays where it is source: Y. Zhang et al., "SIEVE is Simpler than LRU", NSDI 2024
 *   two queues   newcomers pass through a short queue, and stay only if they are used again while
 *                they are in it, or come back soon after they left it
 *                source: J. Yang et al., "FIFO queues are all you need for cache eviction", SOSP
 *                2023 (S3-FIFO)
 *   adaptive     the same, but returning pages move the border between both queues
 *                source: S. Bansal and D. Modha, "CAR: Clock with Adaptive Replacement", FAST 2004
 *
 * A page is always used right after it was opened: that is why it was. The mark of a newcomer is
 * therefore taken away when the next miss has been served, so that only later uses count.
 */
#include "queues.h"

#include <stdlib.h>
#include <string.h>

enum which : uint8_t { NONE, SHORT, LONG };

struct link {
    slot_t     older, newer;
    enum which queue;
};

struct queue {
    slot_t   oldest, newest;
    uint32_t length;
};

struct queues {
    enum replay_policy policy;
    uint32_t     slots, target;     /* wanted length of SHORT */
    struct queue queues[LONG + 1];
    struct link *links;             /* of each slot */
    uint32_t    *left;              /* of each page: when it was evicted, in evictions; 0: never */
    uint8_t     *left_from;         /* enum which */
    uint32_t     evictions;
    slot_t       hand, newcomer;
};

struct queues *queues_create(enum replay_policy policy, uint32_t slots, uint64_t pages)
{
    struct queues *queues = calloc(1, sizeof *queues);

    if (!queues)
        return NULL;
    *queues = (struct queues){ .policy = policy, .slots = slots, .target = slots / 10,
        .hand = SLOT_NONE,
                               .newcomer = SLOT_NONE };
    for (enum which which = NONE; which <= LONG; which++)
        queues->queues[which] = (struct queue){ SLOT_NONE, SLOT_NONE, 0 };
    queues->links = calloc(slots, sizeof *queues->links);
    queues->left = calloc(pages, sizeof *queues->left);
    queues->left_from = calloc(pages, sizeof *queues->left_from);
    if (!queues->links || !queues->left || !queues->left_from) {
        queues_free(queues);
        return NULL;
    }
    return queues;
}

void queues_free(struct queues *queues)
{
    if (!queues)
        return;
    free(queues->links);
    free(queues->left);
    free(queues->left_from);
    free(queues);
}

static void append(struct queues *queues, enum which which, slot_t slot)
{
    struct queue *queue = &queues->queues[which];

    queues->links[slot] = (struct link){ queue->newest, SLOT_NONE, which };
    if (queue->newest == SLOT_NONE)
        queue->oldest = slot;
    else
        queues->links[queue->newest].newer = slot;
    queue->newest = slot;
    queue->length++;
}

static void take_out(struct queues *queues, slot_t slot)
{
    struct link   link = queues->links[slot];
    struct queue *queue = &queues->queues[link.queue];

    if (link.older == SLOT_NONE)
        queue->oldest = link.newer;
    else
        queues->links[link.older].newer = link.newer;
    if (link.newer == SLOT_NONE)
        queue->newest = link.older;
    else
        queues->links[link.newer].older = link.older;
    queue->length--;
    if (queues->hand == slot)
        queues->hand = link.newer;
}

static void move(struct queues *queues, enum which which, slot_t slot)
{
    take_out(queues, slot);
    append(queues, which, slot);
}

static void adapt(struct queues *queues, enum which came_from)
{
    if (came_from == SHORT && queues->target < queues->slots / 10 * 9)
        queues->target++;
    else if (came_from == LONG && queues->target > queues->slots / 50)
        queues->target--;
}

void queues_inserted(struct run *run, slot_t slot)
{
    struct queues *queues = run->queues;
    page_id        page = run->pager.slots[slot].page;
    enum which     which = SHORT;

    if (page_level(page) == 0) {
        uint32_t left = queues->left[page];
        if (left != 0 && queues->evictions - left < queues->slots
            && queues->policy != REPLAY_SIEVE) {
            which = LONG;
            if (queues->policy == REPLAY_ADAPTIVE)
                adapt(queues, queues->left_from[page]);
        }
    } else if (queues->policy != REPLAY_SIEVE)
        which = LONG;
    append(queues, which, slot);
}

void queues_removed(struct run *run, slot_t slot)
{
    struct queues *queues = run->queues;
    page_id        page = run->pager.slots[slot].page;

    if (page_level(page) == 0) {
        queues->left[page] = ++queues->evictions;
        queues->left_from[page] = queues->links[slot].queue;
    }
    take_out(queues, slot);
    if (queues->newcomer == slot)
        queues->newcomer = SLOT_NONE;
}

void queues_served(struct run *run, slot_t slot)
{
    struct queues *queues = run->queues;

    if (queues->newcomer != SLOT_NONE && queues->links[queues->newcomer].queue == SHORT)
        run_take_marks(run, queues->newcomer);
    queues->newcomer = slot;
}

/* Two turns: the first may only take marks away. */
static slot_t sieve(struct run *run)
{
    struct queues *queues = run->queues;

    for (uint64_t step = 0; step < 2 * (uint64_t)queues->slots; step++) {
        slot_t slot = queues->hand != SLOT_NONE ? queues->hand : queues->queues[SHORT].oldest;
        queues->hand = queues->links[slot].newer;
        if (run_evictable(run, slot) && !run_take_marks(run, slot))
            return slot;
    }
    return SLOT_NONE;
}

static slot_t two_queues(struct run *run)
{
    struct queues      *queues = run->queues;
    const struct queue *newcomers = &queues->queues[SHORT], *stayers = &queues->queues[LONG];

    for (uint64_t step = 0; step < 4 * (uint64_t)queues->slots; step++) {
        bool   is_short = newcomers->length > queues->target || stayers->length == 0;
        slot_t slot = is_short && newcomers->length > 0 ? newcomers->oldest : stayers->oldest;
        if (run_evictable(run, slot) && !run_take_marks(run, slot))
            return slot;
        move(queues, LONG, slot);
    }
    return SLOT_NONE;
}

slot_t policy_queues(struct pager *pager)
{
    struct run *run = pager->context;
    slot_t      slot = run->queues->policy == REPLAY_SIEVE ? sieve(run) : two_queues(run);

    for (slot_t other = 0; slot == SLOT_NONE && other < pager->slot_count; other++)
        if (run_evictable(run, other))
            slot = other;       /* all were used again before the hand came round */
    return slot;
}
