/* efi.h — what the loader uses of the UEFI Specification 2.10, by its names. Each table ends here
 * behind the last member that is used. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

typedef uint64_t efi_status;            /* 0: success */
typedef void *efi_handle;

#define EFI_ERROR      UINT64_C(0x8000000000000000)     /* appendix D */
#define EFI_LOAD_ERROR (EFI_ERROR | 1)

/* Appendix A; its 16 bytes as two words. */
struct efi_guid {
    uint64_t low, high;
};

/* 7.2, "Memory Allocation Services". */
enum efi_allocate : uint32_t { EFI_ALLOCATE_MAX_ADDRESS = 1, EFI_ALLOCATE_ADDRESS = 2 };
enum efi_memory_type : uint32_t {
    EFI_LOADER_CODE = 1, EFI_LOADER_DATA = 2, EFI_BOOT_SERVICES_CODE = 3,
    EFI_BOOT_SERVICES_DATA = 4, EFI_CONVENTIONAL_MEMORY = 7, EFI_ACPI_RECLAIM_MEMORY = 9,
    EFI_ACPI_MEMORY_NVS = 10
};
struct efi_memory_descriptor {
    uint32_t type;
    uint32_t unused;
    uint64_t physical_start;
    uint64_t virtual_start;
    uint64_t pages;                     /* of 4 KiB */
    uint64_t attribute;
};

/* 4.2, "EFI Table Header". */
struct efi_table_header {
    uint64_t signature;
    uint32_t revision, header_bytes, crc32, reserved;
};

/* 12.4, "Simple Text Output Protocol". */
struct efi_text_output {
    void *reset;
    efi_status (*output_string)(struct efi_text_output *, const uint16_t *);
};

/* 4.4, "EFI Boot Services Table". */
struct efi_boot_services {
    struct efi_table_header header;
    void *task_priority[2];
    efi_status (*allocate_pages)(enum efi_allocate, uint32_t memory_type, uint64_t pages,
                                 uint64_t *memory);
    void *free_pages;
    efi_status (*get_memory_map)(uint64_t *map_bytes, void *map, uint64_t *key,
                                 uint64_t *descriptor_bytes, uint32_t *version);
    void *pool[2], *events[6], *handlers[3];
    efi_status (*handle_protocol)(efi_handle, const struct efi_guid *, void **protocol);
    void *more_handlers[5], *images[4];
    efi_status (*exit_boot_services)(efi_handle, uint64_t map_key);
    void *misc[3], *drivers[2], *open[3], *library[2];
    efi_status (*locate_protocol)(const struct efi_guid *, void *registration, void **protocol);
};

/* 4.6, "EFI Configuration Table". */
struct efi_configuration_table {
    struct efi_guid guid;
    void *table;
};
/* EFI_ACPI_20_TABLE_GUID, 8868E871-E4F1-11D3-BC22-0080C73C8881: the RSDP. */
#define EFI_ACPI_20_LOW  UINT64_C(0x11D3E4F18868E871)
#define EFI_ACPI_20_HIGH UINT64_C(0x81883CC7800022BC)

/* 9.1, EFI_LOADED_IMAGE_PROTOCOL: 5B1B31A1-9562-11D2-8E3F-00A0C969723B. */
#define EFI_LOADED_IMAGE_LOW  UINT64_C(0x11D295625B1B31A1)
#define EFI_LOADED_IMAGE_HIGH UINT64_C(0x3B7269C9A0003F8E)
struct efi_loaded_image {
    uint32_t revision;
    efi_handle parent;
    const struct efi_system_table *system;
    efi_handle device;
};

/* 13.9, EFI_BLOCK_IO_PROTOCOL: 964E5B21-6459-11D2-8E39-00A0C969723B. */
#define EFI_BLOCK_IO_LOW  UINT64_C(0x11D26459964E5B21)
#define EFI_BLOCK_IO_HIGH UINT64_C(0x3B7269C9A000398E)
struct efi_block_io {
    uint64_t revision;
    const uint32_t *media;              /* its first member: its ID */
    void *reset;
    efi_status (*read_blocks)(struct efi_block_io *, uint32_t media, uint64_t block,
                              uint64_t bytes, void *to);
};

/* TCG EFI Protocol Specification 1.0 revision 13, 6 (EFI_TCG2_PROTOCOL), 7 (final events).
 * 607F766C-7455-42BE-930B-E4D76DB2720F and 1E2ED096-30E2-4254-BD89-863BBEF82325. */
#define EFI_TCG2_LOW  UINT64_C(0x42BE7455607F766C)
#define EFI_TCG2_HIGH UINT64_C(0x0F72B26DD7E40B93)
#define EFI_FINAL_LOW  UINT64_C(0x425430E21E2ED096)
#define EFI_FINAL_HIGH UINT64_C(0x2523F8BE3B8689BD)
#define EFI_TCG2_LOG_2 2u           /* of several hash algorithms */
struct efi_tcg2 {
    void *get_capability;
    efi_status (*get_event_log)(struct efi_tcg2 *, uint32_t format, const uint8_t **log,
                                const uint8_t **last, bool *is_truncated);
};
struct efi_tcg2_final_events {
    uint64_t version, count;
    uint8_t events[];               /* TCG_PCR_EVENT2 */
};

/* 4.3, "EFI System Table". */
struct efi_system_table {
    struct efi_table_header header;
    const uint16_t *firmware_vendor;
    uint32_t firmware_revision;
    efi_handle console_in_handle;
    void *console_in;
    efi_handle console_out_handle;
    struct efi_text_output *console_out;
    efi_handle standard_error_handle;
    void *standard_error;
    void *runtime_services;
    struct efi_boot_services *boot_services;
    uint64_t configuration_tables;
    const struct efi_configuration_table *configuration_table;
};
