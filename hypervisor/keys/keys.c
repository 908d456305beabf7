/* compiled alone: keys and the passphrase pass through its registers and its stack */
#include "keys/keys.h"

#include "bytes.h"
#include "cpu/registers.h"
#include "keys/secrets.h"
#include "report/panic.h"
#include "report/serial.h"

#define ATTEMPTS 3u
/* Intel SDM vol 1, 7.3.17: RDRAND fails ten times in a row only when broken. */
#define RANDOM_TRIES 1000u

_Alignas(64) struct secrets secrets;
const struct gcm_key *const keys_image = &secrets.image, *const keys_session = &secrets.session;
static struct image_header *header;

static void erase(void *owner)
{
    struct image_header *image = owner;
    bytes_wipe(&secrets, sizeof secrets);
    bytes_wipe(image->embedded_kek, sizeof image->embedded_kek);
}

void keys_start(struct image_header *image)
{
    header = image;
    wipe_also(erase, header);
}

static size_t read_passphrase(void)
{
    size_t bytes = 0;
    for (;;) {
        uint8_t byte = serial_read(COM1);
        if (byte == '\r' || byte == '\n')
            break;
        if (byte == 0x7F || byte == '\b')
            bytes -= bytes > 0;
        else if (bytes < sizeof secrets.passphrase)
            secrets.passphrase[bytes++] = byte;
    }
    console_text("\r\n");
    return bytes;
}

static bool unwrap(const struct gcm_kernel *kernel, const struct key_slot *slot)
{
    gcm_key_expand(kernel, &secrets.image, secrets.raw);
    bool right = gcm_open(&secrets.image, slot->nonce, header, IMAGE_AUTHENTICATED_BYTES,
                          slot->wrapped_key, secrets.raw, sizeof secrets.raw, slot->tag);
    if (right)
        gcm_key_expand(kernel, &secrets.image, secrets.raw);
    bytes_wipe(secrets.raw, sizeof secrets.raw);
    wipe_dead_stack();
    return right;
}

/* By the passphrase that was read. Nobody has authenticated the slots: each is bounded. */
static bool opens_slot(const struct gcm_kernel *kernel, size_t passphrase_bytes)
{
    for (uint32_t i = 0; i < IMAGE_KEY_SLOTS; i++) {
        const struct key_slot *slot = &header->slots[i];
        if (slot->kdf_iterations == 0 || slot->kdf_iterations > IMAGE_KDF_MAXIMUM)
            continue;
        pbkdf2_sha256(&secrets.derivation, secrets.passphrase, passphrase_bytes, slot->salt,
                      sizeof slot->salt, slot->kdf_iterations, secrets.raw);
        if (unwrap(kernel, slot))
            return true;
    }
    return false;
}

void keys_unlock_image(const struct gcm_kernel *kernel)
{
    if (header->key_source == KEY_EMBEDDED) {
        __builtin_memcpy(secrets.raw, header->embedded_kek, sizeof secrets.raw);
        bytes_wipe(header->embedded_kek, sizeof header->embedded_kek);
        if (!unwrap(kernel, &header->slots[0]))
            panic(PANIC_KEY, KEY_EMBEDDED);
        return;
    }
    for (uint32_t attempt = 0; attempt < ATTEMPTS; attempt++) {
        console_text(PASSPHRASE_PROMPT);
        bool is_open = opens_slot(kernel, read_passphrase());
        bytes_wipe(secrets.passphrase, sizeof secrets.passphrase);
        if (is_open)
            return;
        console_text("frostvisor: wrong passphrase, or the image header was changed\r\n");
    }
    panic(PANIC_KEY, KEY_CONSOLE);
}

static uint64_t random64(bool has_rdseed)
{
    for (uint32_t i = 0; i < RANDOM_TRIES; i++) {
        uint64_t value;
        bool good = false;
        if (has_rdseed)
            asm volatile("rdseed %0" : "=r"(value), "=@ccc"(good));
        if (!good)
            asm volatile("rdrand %0" : "=r"(value), "=@ccc"(good));
        if (good && value != 0 && value != UINT64_MAX)  /* what broken generators answer, as if all
                                                         * were well */
            return value;
        asm volatile("pause");
    }
    panic_because(PANIC_NO_CIPHER, 0, (const char *[]){": RDRAND gives no numbers", 0});
}

void keys_make_session(const struct gcm_kernel *kernel)
{
    bool has_rdseed = cpuid(CPUID_VENDOR, 0).eax >= CPUID_MORE_FEATURES &&
                      (cpuid(CPUID_MORE_FEATURES, 0).ebx & CPUID_7_EBX_RDSEED);
    for (uint32_t i = 0; i < sizeof secrets.raw; i += 8) {
        uint64_t value = random64(has_rdseed);
        __builtin_memcpy(secrets.raw + i, &value, sizeof value);
    }
    /* Under the image key: who knows what this CPU calls random needs that too. One iteration of
     * PBKDF2 is one HMAC. */
    pbkdf2_sha256(&secrets.derivation, secrets.image.round_keys, GCM_KEY_BYTES, secrets.raw,
                  sizeof secrets.raw, 1, secrets.raw);
    gcm_key_expand(kernel, &secrets.session, secrets.raw);
    bytes_wipe(secrets.raw, sizeof secrets.raw);
    wipe_dead_stack();
}
