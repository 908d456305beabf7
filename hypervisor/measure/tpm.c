#include "measure/tpm.h"

#include "cpu/memory.h"
#include "cpu/registers.h"
#include "measure/tpm_registers.h"
#include "report/panic.h"

/* Cycles: seconds on any CPU, as long as commands may take. */
#define PATIENCE (UINT64_C(1) << 34)
#define TRIES    1000u

static uint32_t read32(uint32_t offset)
{
    return *(volatile uint32_t *)memory_device(TPM_BASE + offset);
}

static void write32(uint32_t offset, uint32_t value)
{
    *(volatile uint32_t *)memory_device(TPM_BASE + offset) = value;
}

static uint8_t read8(uint64_t address)
{
    return *(volatile uint8_t *)memory_device(address);
}

static void write8(uint64_t address, uint64_t value)
{
    *(volatile uint8_t *)memory_device(address) = (uint8_t)value;
}

[[gnu::noinline]] static void wait(uint32_t offset, uint64_t mask, uint64_t value)
{
    uint64_t end = rdtsc() + PATIENCE;
    while ((read32(offset) & mask) != value)
        if (rdtsc() > end)
            panic_because(PANIC_TPM, offset, (const char *[]){": it does not answer", 0});
}

void tpm_put(struct tpm_message *message, uint64_t value, uint32_t bytes)
{
    if (bytes > sizeof message->data - message->bytes)
        panic(PANIC_STATE, message->bytes);
    while (bytes-- > 0)
        message->data[message->bytes++] = (uint8_t)(value >> 8 * bytes);
}

uint64_t tpm_get(struct tpm_message *message, uint32_t bytes)
{
    uint64_t value = 0;
    if (bytes > message->bytes - message->at)
        panic_because(PANIC_TPM, message->at, (const char *[]){": its answer is cut short", 0});
    while (bytes-- > 0)
        value = value << 8 | message->data[message->at++];
    return value;
}

void tpm_begin(struct tpm_message *command, uint32_t tag, uint32_t code)
{
    command->bytes = 0;
    tpm_put(command, tag, 2);
    tpm_put(command, 0, 4);     /* its size: tpm_execute */
    tpm_put(command, code, 4);
}

/* MARK: registers */

static void send_fifo(const struct tpm_message *command)
{
    write8(TPM_BASE + TPM_ACCESS, ACCESS_REQUEST);
    wait(TPM_ACCESS, ACCESS_ACTIVE, ACCESS_ACTIVE);
    write8(TPM_BASE + TPM_STS, STS_READY);
    wait(TPM_STS, STS_READY, STS_READY);
    for (uint32_t i = 0; i < command->bytes;) {
        uint64_t burst = field_get(read32(TPM_STS), TPM_STS_BURST);
        for (; burst > 0 && i < command->bytes; burst--)
            write8(TPM_BASE + TPM_DATA_FIFO, command->data[i++]);
    }
    wait(TPM_STS, STS_VALID | STS_EXPECT, STS_VALID);
    write8(TPM_BASE + TPM_STS, STS_GO);
    wait(TPM_STS, STS_VALID | STS_DATA, STS_VALID | STS_DATA);
}

static void send_crb(const struct tpm_message *command)
{
    write32(CRB_LOC_CTRL, LOC_REQUEST);
    wait(CRB_LOC_STS, LOC_GRANTED, LOC_GRANTED);
    write32(CRB_CTRL_REQ, REQ_READY);
    wait(CRB_CTRL_REQ, REQ_READY, 0);
    if (command->bytes > read32(CRB_CMD_SIZE))
        panic_because(PANIC_TPM, read32(CRB_CMD_SIZE), (const char *[]){": too little room", 0});
    uint64_t to = read32(CRB_CMD_ADDRESS);
    for (uint32_t i = 0; i < command->bytes; i++)
        write8(to + i, command->data[i]);
    write32(CRB_CTRL_START, CRB_START);
    wait(CRB_CTRL_START, CRB_START, 0);
    wait(CRB_CTRL_STS, CRB_FATAL, 0);
}

[[gnu::noinline]] static void receive(bool is_crb, struct tpm_message *answer, uint32_t bytes)
{
    if (bytes > sizeof answer->data)
        panic_because(PANIC_TPM, bytes, (const char *[]){": its answer is too long", 0});
    uint64_t from = is_crb ? read32(CRB_RSP_ADDRESS) : TPM_BASE + TPM_DATA_FIFO;
    for (; answer->bytes < bytes; answer->bytes++)
        answer->data[answer->bytes] = read8(is_crb ? from + answer->bytes : from);
}

/* Gives the TPM up, for whoever comes next: it may be the guest. */
static void leave(bool is_crb)
{
    if (is_crb) {
        write32(CRB_CTRL_REQ, REQ_IDLE);
        wait(CRB_CTRL_REQ, REQ_IDLE, 0);
        write32(CRB_LOC_CTRL, LOC_RELINQUISH);
    } else {
        write8(TPM_BASE + TPM_STS, STS_READY);
        write8(TPM_BASE + TPM_ACCESS, ACCESS_ACTIVE);
    }
}

uint32_t tpm_execute(bool is_crb, struct tpm_message *command, struct tpm_message *answer)
{
    uint32_t size = __builtin_bswap32(command->bytes), code;
    __builtin_memcpy(command->data + 2, &size, sizeof size);
    for (uint32_t tries = 0; tries < TRIES; tries++) {
        (is_crb ? send_crb : send_fifo)(command);
        answer->bytes = 0;
        receive(is_crb, answer, TPM_HEADER_BYTES);
        answer->at = 2;
        receive(is_crb, answer, (uint32_t)tpm_get(answer, 4));
        leave(is_crb);
        code = (uint32_t)tpm_get(answer, 4);
        if (code != TPM_RC_RETRY && code != TPM_RC_TESTING && code != TPM_RC_YIELDED)
            return code;
    }
    panic_because(PANIC_TPM, code, (const char *[]){": it is never ready", 0});
}
