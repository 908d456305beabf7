/* source  Intel SDM (325462) vol 3, chapter 10 "Advanced Programmable Interrupt Controller";
 *         Intel 82093AA (290566), "I/O Redirection Table Registers" */
#include "devices/apic.h"

#include "cpu/memory.h"
#include "devices/chipset.h"

uint32_t apic_read(uint64_t gpa)
{
    return *(volatile uint32_t *)memory_device(gpa);
}

static void write(uint64_t gpa, uint32_t value)
{
    *(volatile uint32_t *)memory_device(gpa) = value;
}

/* Fixed and lowest-priority interrupts do nothing to a CPU that waits for its start. */
static bool is_interrupt(uint32_t value)
{
    return (BIT(field_get(value, APIC_DELIVERY)) & APIC_INTERRUPTS) != 0;
}

static uint32_t own_id(void)
{
    bool is_extended = rdmsr(MSR_APIC_BASE) & APIC_BASE_EXTD;
    return is_extended ? (uint32_t)rdmsr(MSR_X2APIC_ID) : apic_read(LOCAL_APIC + APIC_ID) >> 24;
}

static bool is_own_nmi(uint32_t value, uint32_t destination)
{
    return field_get(value, APIC_DELIVERY) == APIC_NMI && !(value & APIC_LOGICAL) &&
           destination == own_id();
}

bool apic_may_write(uint32_t offset, uint32_t value, uint32_t destination)
{
    uint32_t number = offset / APIC_STRIDE;
    if (number >= 64 || !(APIC_WRITABLE & BIT(number)))
        return false;
    if (offset == APIC_ICR_LOW)
        return is_interrupt(value) || (!(value & ICR_SHORTHAND) && is_own_nmi(value, destination));
    if (offset == APIC_LVT_CMCI || (offset >= APIC_LVT_FIRST && offset <= APIC_LVT_LAST))
        return is_interrupt(value) || field_get(value, APIC_DELIVERY) == APIC_NMI;
    return true;
}

/* Of an entry's two registers one is written; `number` says which. */
static bool may_redirect(uint32_t number, uint32_t value)
{
    if (number < APIC_REDIRECTION)
        return true;
    write(IO_APIC, number ^ 1);
    uint32_t other = apic_read(IO_APIC + IO_APIC_DATA);
    write(IO_APIC, number);
    uint32_t low = number % 2 == 0 ? value : other, high = number % 2 == 0 ? other : value;
    return is_interrupt(low) || is_own_nmi(low, high >> 24);
}

bool apic_write(uint64_t gpa, uint32_t value)
{
    uint32_t offset = gpa % PAGE_BYTES;
    bool is_allowed;
    if (gpa >= LOCAL_APIC)
        is_allowed = offset % APIC_STRIDE == 0 &&
            apic_may_write(offset, value, apic_read(LOCAL_APIC + APIC_ICR_HIGH) >> 24);
    else if (offset == IO_APIC_DATA)
        is_allowed = may_redirect(apic_read(IO_APIC) % 256, value);
    else
        is_allowed = offset == IO_APIC_INDEX ? value <= IO_APIC_LAST : offset == IO_APIC_EOI;
    if (is_allowed)
        write(gpa, value);
    return is_allowed;
}

uint32_t apic_hold_others(void)
{
    uint32_t command = ICR_ALL_BUT_SELF | ICR_ASSERT | ICR_INIT;
    if (rdmsr(MSR_APIC_BASE) & APIC_BASE_EXTD) {
        wrmsr(MSR_X2APIC_ICR, command);
        return (uint32_t)rdmsr(MSR_X2APIC_ID);
    }
    *(volatile uint32_t *)(LOCAL_APIC + APIC_ICR_LOW) = command;
    return *(volatile uint32_t *)(LOCAL_APIC + APIC_ID) >> 24;
}
