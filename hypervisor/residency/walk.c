/* source  AMD APM vol 2 (24593), "Page Translation and Protection" */
#include "residency/walk.h"

#include "cpu/memory.h"
#include "cpu/registers.h"
#include "residency/memory_map.h"
#include "residency/residency.h"
#include "residency/shared.h"

/* Private pages through the pager, devices as they are; null for what the guest does not have. Not
 * inline, as what follows it: fetches without NRIP are most walks, and the loop then keeps its
 * registers. */
[[gnu::noinline]] static uint8_t *reach_private(uint64_t gpa, bool will_write)
{
    enum memory_kind kind = memory_map_kind(gpa);
    if (kind >= MEMORY_WATCHED)     /* no operand of ours: its writes would not be looked at */
        return 0;
    if (kind == MEMORY_DEVICE)
        return (uint8_t *)memory_device(gpa);
    return (uint8_t *)residency_page(gpa, will_write) + gpa % PAGE_BYTES;
}

static uint8_t *reach_by_name(uint64_t gpa, bool will_write)
{
    return shared_open(gpa) ? (uint8_t *)memory_device(gpa)
                            : reach_private(gpa & ~memory_map.c_bit, will_write);
}

/* Which of them; the choice costs nothing where there is no C-bit. */
static uint8_t *(*reach)(uint64_t gpa, bool will_write) = reach_private;

void walk_by_name(void)
{
    reach = reach_by_name;
}

/* What an entry on the way gives to the access, and takes of it: rights, and marks of its use. */
[[gnu::noinline]] static bool pass(const struct guest_mode *mode, uint32_t *access, uint64_t gpa,
                                   uint64_t entry, bool is_leaf, uint64_t *rights)
{
    *rights &= entry;
    bool is_write = *access & WALK_WRITE, is_user = *access & WALK_USER;
    if (is_leaf && ((is_write && !(*rights & PTE_W) && (is_user || (mode->cr0 & CR0_WP))) ||
                    (*rights & PTE_U ? *access & WALK_GUARDED : is_user))) {
        *access |= WALK_PRESENT;
        return false;
    }
    uint64_t marks = PTE_A | (is_leaf && is_write ? PTE_D : 0);
    if (marks & ~entry)
        *reach(gpa, true) |= (uint8_t)marks;
    return true;
}

/* From guest-linear to guest-physical: no paging, or 2 to 5 levels. APM vol 2, chapter 5. */
static bool translate(const struct guest_mode *mode, uint64_t linear, uint32_t *error,
                      uint64_t *gpa)
{
    if (!(mode->cr0 & CR0_PG)) {
        *gpa = linear;
        return true;
    }
    bool wide = mode->cr4 & CR4_PAE;    /* 8-byte entries */
    uint32_t levels = !wide ? 2 : !(mode->efer & EFER_LMA) ? 3 : mode->cr4 & CR4_LA57 ? 5 : 4;
    uint32_t index_bits = wide ? 9 : 10;
    uint64_t table = mode->cr3 & (levels == 3 ? FIELD(31, 5) : PTE_FRAME);
    uint64_t rights = PTE_W | PTE_U;

    for (uint32_t level = levels; level > 0; level--) {
        uint32_t shift = 12 + index_bits * (level - 1);
        uint64_t index = linear >> shift & (BIT(index_bits) - 1);
        bool is_pdpte = levels == 3 && level == 3;      /* it has no rights, and no marks */
        if (is_pdpte)
            index &= 3;
        uint64_t entry = 0, at = table + index * (wide ? 8 : 4);
        const uint8_t *found = reach(at, false);
        if (found == 0)
            return false;
        if (wide)
            __builtin_memcpy(&entry, found, 8);
        else
            __builtin_memcpy(&entry, found, 4);
        if (!(entry & PTE_P))
            return false;
        bool has_large = wide ? level < levels || levels > 3 : mode->cr4 & CR4_PSE;
        bool is_leaf = level == 1 || (level < 4 && has_large && (entry & PTE_PS));
        if (!(*error & WALK_FETCH) && !is_pdpte && !pass(mode, error, at, entry, is_leaf, &rights))
            return false;
        if (is_leaf) {
            uint64_t frame = entry & PTE_FRAME;
            if (!wide && level == 2)    /* PSE: bits 20:13 of a 4 MiB entry are address bits
                                         * 39:32 */
                frame |= (entry & FIELD(20, 13)) << 19;
            *gpa = (frame & ~(BIT(shift) - 1)) | (linear & (BIT(shift) - 1));
            return true;
        }
        table = entry & PTE_FRAME;
    }
    return false;
}

size_t walk_find(const struct guest_mode *mode, uint64_t linear, size_t bytes, uint32_t *error,
                 struct walk_target *target)
{
    size_t first = PAGE_BYTES - linear % PAGE_BYTES;
    if (first > bytes)
        first = bytes;
    target->bytes[0] = target->bytes[1] = 0;
    if (!translate(mode, mode->code_long ? linear : (uint32_t)linear, error, &target->gpa[0]))
        return 0;
    target->bytes[0] = first;
    linear += first;
    if (first == bytes ||
        !translate(mode, mode->code_long ? linear : (uint32_t)linear, error, &target->gpa[1]))
        return first;
    target->bytes[1] = bytes - first;
    return bytes;
}

void walk_copy(const struct walk_target *target, uint8_t *data, bool is_write)
{
    for (uint32_t i = 0; i < 2 && target->bytes[i] != 0; data += target->bytes[i++]) {
        uint8_t *page = reach(target->gpa[i], is_write);
        if (page != 0)
            __builtin_memcpy(is_write ? page : data, is_write ? data : page, target->bytes[i]);
        else if (!is_write)
            __builtin_memset(data, 0xFF, target->bytes[i]);
    }
}

size_t walk_read(const struct guest_mode *mode, uint64_t linear, uint8_t *to, size_t bytes)
{
    struct walk_target target;
    uint32_t access = WALK_FETCH;
    size_t found = walk_find(mode, linear, bytes, &access, &target);
    if (found != 0)
        walk_copy(&target, to, false);
    return found;
}
