/* operands.c — what the instructions of the safe space have in common. */
#include "items.h"

uint32_t any_register(struct emitter *e)
{
    static const uint8_t numbers[] = {RAX, RCX, RDX, RBP, RSI, RDI};
    return numbers[below(e->c, sizeof numbers)];
}

uint32_t place(struct emitter *e, uint32_t bytes)
{
    uint32_t end = (e->is_16_bit ? REAL_BYTES : DATA_BYTES) - bytes;
    if (one_in(e->c, 3)) {
        uint32_t border = (1 + below(e->c, DATA_PAGES - 1)) * PAGE_BYTES - below(e->c, bytes);
        return border < end ? border : end;
    }
    return below(e->c, end);
}

void modrm_memory(struct emitter *e, uint32_t reg, uint32_t offset)
{
    put(e, 0x80 | reg << 3 | RBX);
    put_many(e, offset, 4);
}

void move(struct emitter *e, uint32_t reg, uint32_t value)
{
    start_32(e, false);
    put(e, 0xB8 + reg);
    put_many(e, value, 4);
}

void define_flags(struct emitter *e)
{
    start_32(e, false);
    put(e, 0x81);
    put(e, 0xF8 | any_register(e));
    put_many(e, draw(e->c), 4);
}
