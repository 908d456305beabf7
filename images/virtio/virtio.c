/* virtio.c — a guest of SEV with a driver of its own for a virtio disk: reads and writes by shared
 * pages, takes one of them back, and looks at what the disk does.
 *
 *   command line    "waits=1": reads the last sector until it does not begin with a zero
 *
 * source  Virtual I/O Device (VIRTIO) 1.2, 2.7 "Split Virtqueues", 4.1 "Virtio Over PCI Bus", 5.2
 *         "Block Device"
 */
#include "guest.h"
#include "machine.h"
#include "pci.h"
#include "sev.h"

#define BLOCK_DEVICE  0x10421AF4u
#define CAPABILITIES  0x34u
#define VENDOR_OWN    0x09u                 /* 4.1.4 */
#define COMMON        1u
#define NOTIFY        2u
#define DEVICE        4u
#define BAR_ADDRESS   ~15u

/* In the common configuration, 4.1.4.3. */
#define DRIVER_FEATURE_SELECT 0x08u
#define DRIVER_FEATURE 0x0Cu
#define STATUS         0x14u
#define QUEUE_SELECT   0x16u
#define QUEUE_SIZE     0x18u
#define QUEUE_ENABLE   0x1Cu
#define QUEUE_NOTIFY   0x1Eu
#define QUEUE_RINGS    0x20u                /* descriptors, available, used: eight bytes each */
#define HIGH_FEATURES  3u                   /* VIRTIO_F_VERSION_1, VIRTIO_F_ACCESS_PLATFORM */
#define ACKNOWLEDGED   3u                   /* and DRIVER */
#define FEATURES_OK    8u
#define DRIVER_OK      4u

#define RINGS         (16 * MIB)
#define REQUEST       (17 * MIB)
#define DATA          (18 * MIB)
#define OTHER_DATA    (19 * MIB)
#define PRIVATE       (20 * MIB)
#define AVAILABLE     (RINGS + 0x400)
#define USED          (RINGS + 0x800)
#define SIZE          8u
#define SECTOR        512u
#define SECTORS       (PAGE_BYTES / SECTOR)
#define DESCRIPTOR_NEXT  1u
#define DESCRIPTOR_WRITE 2u                 /* the device writes */
#define READ          0u
#define WRITE         1u

struct descriptor { uint64_t address; uint32_t bytes; uint16_t flags, next; };
struct available { uint16_t flags, index, ring[SIZE]; };
struct used { uint16_t flags, index; struct { uint32_t id, bytes; } ring[SIZE]; };
struct request { uint32_t type, reserved; uint64_t sector; uint8_t status; };

static volatile uint8_t *common, *notify, *device;
static uint32_t notify_multiplier;
static uint16_t sent;

/* MARK: the device */

static void find_structures(uint32_t function)
{
    uint32_t at = pci_read(function, CAPABILITIES) & 0xFC;
    for (uint32_t head; at != 0; at = head >> 8 & 0xFC) {
        head = pci_read(function, at);
        if ((head & 0xFF) != VENDOR_OWN)
            continue;
        uint32_t bar = pci_read(function, at + 4) & 0xFF;
        uint64_t base = pci_read(function, PCI_BAR0 + 4 * bar) & BAR_ADDRESS;
        volatile uint8_t *where = shared(base + pci_read(function, at + 8));
        switch (head >> 24) {
        case COMMON: common = where; break;
        case DEVICE: device = where; break;
        case NOTIFY:
            notify = where;
            notify_multiplier = pci_read(function, at + 16);
            break;
        }
    }
}

static bool find_device(void)
{
    for (uint32_t function = 0; function < PCI_FUNCTIONS; function++) {
        if (pci_read(function, 0) != BLOCK_DEVICE)
            continue;
        uint32_t command = pci_read(function, PCI_COMMAND) & 0xFFFF;
        pci_write(function, PCI_COMMAND, command | MEMORY_SPACE | BUS_MASTER);
        find_structures(function);
        return common != 0 && notify != 0 && device != 0;
    }
    return false;
}

static void write16(uint32_t offset, uint16_t value)
{
    *(volatile uint16_t *)(common + offset) = value;
}

static void write32(uint32_t offset, uint32_t value)
{
    *(volatile uint32_t *)(common + offset) = value;
}

static bool start_device(void)
{
    common[STATUS] = 0;
    while (common[STATUS] != 0)
        ;
    common[STATUS] = ACKNOWLEDGED;
    write32(DRIVER_FEATURE_SELECT, 0);
    write32(DRIVER_FEATURE, 0);
    write32(DRIVER_FEATURE_SELECT, 1);
    write32(DRIVER_FEATURE, HIGH_FEATURES);
    common[STATUS] = ACKNOWLEDGED | FEATURES_OK;
    if (!(common[STATUS] & FEATURES_OK))
        return false;
    memset(shared(RINGS), 0, PAGE_BYTES);
    write16(QUEUE_SELECT, 0);
    write16(QUEUE_SIZE, SIZE);
    static const uint64_t rings[] = {RINGS, AVAILABLE, USED};
    for (uint32_t i = 0; i < 3; i++) {
        write32(QUEUE_RINGS + 8 * i, (uint32_t)rings[i]);
        write32(QUEUE_RINGS + 8 * i + 4, 0);
    }
    write16(QUEUE_ENABLE, 1);
    common[STATUS] = ACKNOWLEDGED | FEATURES_OK | DRIVER_OK;
    return true;
}

/* MARK: requests */

/* A page; how many bytes the device says that it wrote. */
static uint32_t transfer(uint32_t type, uint64_t sector, uint64_t page)
{
    struct request *request = (struct request *)shared(REQUEST);
    struct descriptor *chain = (struct descriptor *)shared(RINGS);
    volatile struct available *available = (struct available *)shared(AVAILABLE);
    volatile struct used *used = (struct used *)shared(USED);
    *request = (struct request){type, 0, sector, 0xFF};
    chain[0] = (struct descriptor){REQUEST, offsetof(struct request, status), DESCRIPTOR_NEXT, 1};
    chain[1] = (struct descriptor){page, PAGE_BYTES,
                                   DESCRIPTOR_NEXT | (type == READ ? DESCRIPTOR_WRITE : 0), 2};
    chain[2] = (struct descriptor){REQUEST + offsetof(struct request, status), 1, DESCRIPTOR_WRITE,
                                   0};
    uint16_t place = sent++ % SIZE;
    available->ring[place] = 0;
    asm volatile("mfence" : : : "memory");
    available->index = sent;
    asm volatile("mfence" : : : "memory");
    *(volatile uint16_t *)(notify + *(volatile uint16_t *)(common + QUEUE_NOTIFY) *
                           notify_multiplier) = 0;
    while (used->index != sent)
        asm volatile("pause");
    if (*(volatile uint8_t *)&request->status != 0)
        print("virtio: the disk FAILED\n");
    return used->ring[place].bytes;
}

/* Fowler, Noll and Vo's FNV-1a. */
static uint64_t sum_of(const uint8_t *bytes)
{
    uint64_t sum = UINT64_C(0xCBF29CE484222325);
    for (uint32_t i = 0; i < PAGE_BYTES; i++)
        sum = (sum ^ bytes[i]) * UINT64_C(0x100000001B3);
    return sum;
}

static bool is_all(const volatile uint8_t *bytes, uint8_t value)
{
    for (uint32_t i = 0; i < PAGE_BYTES; i++)
        if (bytes[i] != value)
            return false;
    return true;
}

static void use_device(void)
{
    uint64_t last = *(volatile uint32_t *)device - SECTORS;
    memset(shared(DATA), 0, PAGE_BYTES);
    memset(shared(OTHER_DATA), 0, PAGE_BYTES);
    print_fact("virtio: bytes said to be written", transfer(READ, 0, DATA));
    memcpy(private(PRIVATE), shared(DATA), PAGE_BYTES);
    print("virtio: sum: ");
    print_hexadecimal(sum_of(private(PRIVATE)));
    print("\n");
    memset(shared(DATA), 0xA5, PAGE_BYTES);
    transfer(WRITE, SECTORS, DATA);

    /* The device has just written it, and knows its translation. */
    transfer(READ, 2 * SECTORS, DATA);
    memset(private(DATA), 0x5E, PAGE_BYTES);
    transfer(READ, 0, OTHER_DATA);
    bool is_kept = is_all(private(DATA), 0x5E);
    print(is_kept ? "virtio: a page that was taken back is as it was: ok\n"
                  : "virtio: a page that was taken back is as it was: WRONG\n");

    if (option("waits", 0) != 0)
        print("virtio: waiting\n");
    while (option("waits", 0) != 0) {
        transfer(READ, last, OTHER_DATA);
        if (*(volatile uint8_t *)shared(OTHER_DATA) != 0)
            break;
    }
}

int main(void)
{
    if (!sev_start()) {
        print("virtio: not offered\n");
        power_off();
    }
    load_cr3((uint64_t)top | c_bit);
    if (!find_device())
        print("virtio: no disk\n");
    else if (start_device())
        use_device();
    else
        print("virtio: the disk REFUSES\n");
    print("virtio: done\n");
    power_off();
}
