/* page.c — nonce, additional data and place of a page. */
#include "page.h"

/* Domain and counter, both big-endian. */
static void nonce_make(uint8_t nonce[GCM_NONCE_BYTES], uint32_t domain, uint64_t counter)
{
    domain = __builtin_bswap32(domain);
    counter = __builtin_bswap64(counter);
    __builtin_memcpy(nonce, &domain, sizeof domain);
    __builtin_memcpy(nonce + sizeof domain, &counter, sizeof counter);
}

/* A page's identity, as additional data: little-endian, like every struct of ours. */
struct page_name {
    uint64_t index;
    uint32_t level;
    uint32_t zero;
};
_Static_assert(sizeof(struct page_name) == 16, "one block");

static struct page_name page_name(page_id page)
{
    return (struct page_name){.index = page_index(page), .level = page_level(page)};
}

struct page_geometry page_geometry_make(uint64_t covered_bytes, uint64_t meta_base)
{
    struct page_geometry geometry = {0};
    uint64_t pages = (covered_bytes + PAGE_BYTES - 1) / PAGE_BYTES;

    do {
        pages = (pages + PAGE_ENTRIES - 1) / PAGE_ENTRIES;
        geometry.top_level++;
        geometry.level_base[geometry.top_level] = meta_base + geometry.meta_bytes;
        geometry.meta_bytes += pages * PAGE_BYTES;
    } while (pages > 1 && geometry.top_level < PAGE_LEVELS - 1);
    geometry.rom_base = meta_base + geometry.meta_bytes;
    geometry.meta_bytes += ROM_END - ROM_BASE;
    return geometry;
}

uint64_t page_home(const struct page_geometry *geometry, page_id page)
{
    uint64_t offset = (uint64_t)page_index(page) * PAGE_BYTES;
    if (page_level(page) == 0 && offset >= ROM_BASE && offset < ROM_END)
        return geometry->rom_base + offset - ROM_BASE;
    return geometry->level_base[page_level(page)] + offset;
}

/* Neither of these is inline: Bochs's debugger stops where they begin. */
[[gnu::noinline]] void page_seal(const struct gcm_key *key, page_id page, enum page_state state,
                                 uint64_t counter, const void *plain, void *home,
                                 struct page_entry *entry)
{
    uint8_t nonce[GCM_NONCE_BYTES];
    struct page_name name = page_name(page);

    nonce_make(nonce, state, counter);
    entry->counter = counter;
    entry->state = state;
    gcm_seal(key, nonce, &name, sizeof name, plain, home, PAGE_BYTES, entry->tag);
}

[[gnu::noinline]] bool page_open(const struct gcm_key *key, page_id page,
                                 const struct page_entry *entry, const void *home, void *slot)
{
    uint8_t nonce[GCM_NONCE_BYTES];
    struct page_name name = page_name(page);

    nonce_make(nonce, entry->state, entry->counter);
    return gcm_open(key, nonce, &name, sizeof name, home, slot, PAGE_BYTES, entry->tag);
}
