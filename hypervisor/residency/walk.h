/* walk.h — guest memory at the guest's own linear addresses, through its page tables. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What decides how the guest's addresses and instructions are read. */
struct guest_mode {
    uint64_t cr0, cr3, cr4, efer;
    uint64_t code_base;     /* of CS */
    bool     code_l;        /* CS.L, whatever the mode */
    bool     code_long;     /* running 64-bit code */
};

/* From now on addresses may bear the C-bit (shared.h). */
void walk_by_name(void);

/* An access, in the bits of a page fault's error code; APM vol 2, "Page-Fault Exception (#PF)". */
#define WALK_PRESENT 0x01u
#define WALK_WRITE   0x02u
#define WALK_USER    0x04u
#define WALK_FETCH   0x10u
#define WALK_GUARDED 0x80000000u    /* not pushed: a supervisor's whom SMAP binds */

/* Where bytes lie that may cross into another page. */
struct walk_target {
    uint64_t gpa[2];
    size_t   bytes[2];
};

/* Finds at most a page of bytes, marks what the CPU marks as accessed and dirty.
 *   error     in: the access. Out: of the fault, where not all are found. Reserved bits of entries
 *             are not looked at, and of a fetch no rights: the CPU has done it
 *   returns   how many bytes were found
 */
size_t walk_find(const struct guest_mode *mode, uint64_t linear, size_t bytes, uint32_t *error,
                 struct walk_target *target);
void walk_copy(const struct walk_target *target, uint8_t *data, bool is_write);

/* Fetches up to `bytes` of code.
 *   returns   how many could be read: less only where the guest's own tables map no further
 */
size_t walk_read(const struct guest_mode *mode, uint64_t linear, uint8_t *to, size_t bytes);
