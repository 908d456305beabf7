/* source  AMD APM vol 2 (24593), "Page Translation and Protection" */
#include "residency/walk.h"

#include "cpu/memory.h"
#include "cpu/registers.h"
#include "residency/memory_map.h"
#include "residency/residency.h"

/* One entry of a guest page table, or of any guest memory: RAM through the pager, ROM as it is. */
static bool read_physical(uint64_t gpa, void *to, size_t bytes)
{
    enum memory_kind kind = memory_map_kind(gpa);
    if (kind == MEMORY_STRAY)
        return false;
    const uint8_t *page = kind == MEMORY_RAM ? residency_page(gpa, false)
                                             : memory_dram(gpa & ~(uint64_t)(PAGE_BYTES - 1));
    __builtin_memcpy(to, page + gpa % PAGE_BYTES, bytes);
    return true;
}

/* From guest-linear to guest-physical: no paging, or 2 to 5 levels. APM vol 2, chapter 5. */
static bool translate(const struct guest_mode *mode, uint64_t linear, uint64_t *gpa)
{
    if (!(mode->cr0 & CR0_PG)) {
        *gpa = linear;
        return true;
    }
    bool wide = mode->cr4 & CR4_PAE;    /* 8-byte entries */
    uint32_t levels = !wide ? 2 : !(mode->efer & EFER_LMA) ? 3 : mode->cr4 & CR4_LA57 ? 5 : 4;
    uint32_t index_bits = wide ? 9 : 10;
    uint64_t table = mode->cr3 & (levels == 3 ? FIELD(31, 5) : PTE_FRAME);

    for (uint32_t level = levels; level > 0; level--) {
        uint32_t shift = 12 + index_bits * (level - 1);
        uint64_t index = linear >> shift & (BIT(index_bits) - 1);
        if (levels == 3 && level == 3)
            index &= 3;
        uint64_t entry = 0;
        if (!read_physical(table + index * (wide ? 8 : 4), &entry, wide ? 8 : 4) ||
            !(entry & PTE_P))
            return false;
        bool has_large = wide ? level < levels || levels > 3 : mode->cr4 & CR4_PSE;
        if (level == 1 || (level < 4 && has_large && (entry & PTE_PS))) {
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

size_t walk_read(const struct guest_mode *mode, uint64_t linear, uint8_t *to, size_t bytes)
{
    size_t done = 0;
    while (done < bytes) {
        uint64_t at = linear + done, gpa;
        if (!mode->code_long)
            at &= UINT32_MAX;
        size_t chunk = PAGE_BYTES - at % PAGE_BYTES;
        if (chunk > bytes - done)
            chunk = bytes - done;
        if (!translate(mode, at, &gpa) || !read_physical(gpa, to + done, chunk))
            break;
        done += chunk;
    }
    return done;
}
