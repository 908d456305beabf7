/* image.h — a bootable disk image, as make-image writes it and the loaders read it. Little-endian.
 *
 *   sector 0      boot sector (boot/bios/sector.asm), and a table of one partition
 *   sector 1      struct image_header, 8 sectors
 *   sector 9      the BIOS's loader (boot/bios/loader.asm), loader_sectors
 *   sector 64     the EFI system partition: FAT16 with one file, a UEFI application
 *   sector 65     the header once more, where UEFI's loader finds its keys. Of the application:
 *   efi_lba         the UEFI loader (boot/uefi/loader.c), efi_sectors; its last section goes on to
 *                   the payload's end
 *   then            the header's authenticated part, and zeroes: the firmware measures it, and
 *                   keys may come and go
 *   hypervisor_lba  hypervisor, flat binary for address frozen_base, hypervisor_sectors
 *   payload_lba     payload: ciphertext pages, the runs' pages in order; 8 sectors a page
 */
#pragma once
#include <stdint.h>

#include "page.h"

#define IMAGE_MAGIC         "FROSTIMG"
#define IMAGE_VERSION       6u
#define IMAGE_SECTOR_BYTES  512u
#define IMAGE_HEADER_LBA    1u
#define IMAGE_LOADER_LBA    9u
#define IMAGE_ESP_LBA       64u
#define IMAGE_ESP_HEADER    1u          /* sector of the partition */
#define IMAGE_RUNS          128u
#define IMAGE_KDF_MINIMUM   1000u
#define IMAGE_KDF_MAXIMUM   100000000u
#define IMAGE_SLOTS_MINIMUM 32u         /* twelve pages of one instruction, their metadata pages,
                                         * and those above */

enum image_freeze : uint32_t {
    FREEZE_FIT = 1, FREEZE_NOFILL = 2, FREEZE_WAYLOCK = 3, FREEZE_WINDOW = 4
};
enum image_engine : uint32_t { ENGINE_ANY = 0, ENGINE_SVM = 1, ENGINE_VMX = 2, ENGINE_RING3 = 3 };
enum image_policy : uint32_t { POLICY_CLOCK = 1, POLICY_FIFO = 2, POLICY_GCLOCK_AHEAD = 3 };
enum image_key_source : uint32_t { KEY_CONSOLE = 1, KEY_EMBEDDED = 2 };
/* Whether the region must fit the cache that CPUID tells of. Emulators have none: they tell
 * anything. */
enum image_cache : uint32_t { CACHE_ANY = 0, CACHE_FITS = 1 };
/* What the guest may share with devices: nothing, or the pages that its page tables name without
 * the C-bit. */
enum image_devices : uint32_t { DEVICES_NONE = 0, DEVICES_SHARED = 1 };
/* GUEST_NONE: no guest and no hypervisor, but the experiments of silicon/ in its place. */
enum image_guest : uint32_t { GUEST_LONG64 = 1, GUEST_REAL = 2, GUEST_NONE = 3 };

/* Where payload pages go: `pages` frames from host-physical `home` on. Below 4 GiB, outside the
 * loader's memory. */
struct image_run {
    uint64_t home;
    uint32_t pages;
    uint32_t reserved;
};

/* Ports that the guest may reach besides those of every guest; none: `count` is 0. */
#define IMAGE_PORTS 8u
struct port_range {
    uint16_t first, count;
};

/* A way to the image key, which stands for the others' too: sealed by AES-256-GCM under the slot's
 * key-encryption key. */
#define IMAGE_KEY_SLOTS 8u
struct key_slot {
    uint32_t kdf_iterations;    /* of PBKDF2, from a passphrase; 0: free, or KEY_EMBEDDED's */
    uint8_t  salt[16];
    uint8_t  nonce[12];
    uint8_t  wrapped_key[32];
    uint8_t  tag[16];
};

struct image_header {
    /* Authenticated: the additional data of each wrapped key, up to `slots`. */
    char     magic[8];
    uint32_t version;
    uint32_t loader_sectors;
    uint32_t hypervisor_lba;
    uint32_t hypervisor_sectors;        /* whole pages */
    uint32_t payload_lba;
    uint32_t run_count;
    uint32_t efi_lba;
    uint32_t efi_sectors;

    uint64_t ram_bytes;         /* of the machine that it was made for */
    uint64_t covered_bytes;     /* guest RAM lies below this guest-physical address */
    uint64_t frozen_base;       /* host-physical, aligned to the next power of two >=
                                 * frozen_bytes */
    uint64_t frozen_bytes;      /* multiple of 256 KiB */
    uint64_t meta_base;         /* host-physical: homes of the metadata pages, and of the ROMs' */
    uint64_t meta_bytes;        /* as page_geometry_make says */

    uint32_t freeze;            /* enum image_freeze */
    uint32_t engine;            /* enum image_engine; ENGINE_ANY: what the CPU offers */
    uint32_t policy;            /* enum image_policy */
    uint32_t slot_limit;        /* use at most this many slots, for stress; 0 = all */
    uint32_t trace_every;       /* send one event in N; 1 = all, 0 = counters only */
    uint32_t key_source;        /* enum image_key_source */

    uint32_t guest;             /* enum image_guest: the mode it is entered in */
    uint32_t e820_gpa;          /* Linux boot_params whose E820 map the hypervisor fills in; 0 =
                                 * none */
    uint64_t entry;             /* RIP (linear); GUEST_REAL: CS base is 0 */
    uint64_t stack;             /* RSP */
    uint64_t cr3;               /* GUEST_LONG64: identity page tables, part of the payload */
    uint64_t rsi;               /* GUEST_LONG64: boot_params or 0 */

    struct page_entry root;     /* of the tree's top page */
    uint8_t  hypervisor_sha256[32];     /* of the boot sector without its table, of both loaders
                                         * and of the hypervisor */
    uint32_t cache;             /* enum image_cache */
    uint32_t cipher;            /* enum gcm_cipher; GCM_ANY: the widest that the CPU offers */
    uint32_t devices;           /* enum image_devices */
    uint32_t reserved;          /* zero */
    struct port_range ports[IMAGE_PORTS];
    struct image_run runs[IMAGE_RUNS];

    struct key_slot slots[IMAGE_KEY_SLOTS];
    uint8_t  embedded_kek[32];  /* KEY_EMBEDDED: the key-encryption key of the first slot; else
                                 * zero */

    char     fault[32];         /* the fault that was put into the hypervisor on purpose; zeroes:
                                 * none */

    uint8_t  unused[4096 - 3016 - 4];
    uint32_t checksum;          /* CRC-32 of all before it */
};
_Static_assert(sizeof(struct image_header) == 4096, "eight sectors");

#define IMAGE_AUTHENTICATED_BYTES __builtin_offsetof(struct image_header, slots)

/* What the loader hands to the hypervisor, in low memory. */
#define BOOT_E820_ENTRIES 128u
struct e820_entry {
    uint64_t base;
    uint64_t bytes;
    uint32_t type;              /* 1 = usable RAM (ACPI 6.4, 15.1) */
    uint32_t attributes;
} __attribute__((packed));
#define E820_RAM      1u
#define E820_RESERVED 2u
#define E820_ACPI     3u            /* its tables */
#define E820_NVS      4u            /* ACPI's too: kept while the machine sleeps */

struct boot_info {
    uint32_t header;            /* physical address of the header's copy, below 1 MiB */
    uint32_t drive;             /* BIOS drive number */
    uint32_t e820_count;
    uint32_t rsdp;              /* ACPI 6.4, 5.2.5; 0: where a BIOS puts it */
    struct e820_entry e820[BOOT_E820_ENTRIES];
};

/* Low memory that the loader uses; no run may touch it, and the guest finds it zeroed. */
#define LOADER_LOW_BASE 0x60000u
#define LOADER_LOW_END  0x90000u
