/* devices.c — the PC's timer, interrupt controllers and clock.
 *
 * source  Intel 8259A and 8254 data sheets; AMD APM vol 2 (24593), "Local APIC"; Motorola MC146818A
 * data sheet */
#include "apic.h"
#include "guest.h"
#include "machine.h"
#include "storm.h"

#define PIC1_COMMAND    0x20u
#define PIC1_DATA       0x21u
#define PIC2_COMMAND    0xA0u
#define PIC2_DATA       0xA1u
#define PIC_INIT        0x11u   /* ICW1: edge, cascade, ICW4 follows */
#define PIC_8086        0x01u   /* ICW4 */
#define PIC_EOI         0x20u
#define PIC_ALL         0xFFu
#define PIC_CASCADE_IRQ 2u

#define PIT_CHANNEL_0   0x40u
#define PIT_COMMAND     0x43u
#define PIT_RATE        0x34u   /* channel 0, both bytes, mode 2 */
#define PIT_HERTZ       1193182u

#define RTC_INDEX       0x70u
#define RTC_DATA        0x71u
#define RTC_SECONDS     0u
#define RTC_MINUTES     2u
#define RTC_HOURS       4u
#define RTC_STATUS_A    10u
#define RTC_UPDATING    0x80u

#define ICR_PENDING     BIT(12)
#define ICR_NMI         0x4400u /* physical destination, assert, delivery mode NMI */

void timer_start(void)
{
    uint16_t divisor = (PIT_HERTZ + TIMER_HERTZ / 2) / TIMER_HERTZ;

    out8(PIC1_COMMAND, PIC_INIT);
    out8(PIC2_COMMAND, PIC_INIT);
    out8(PIC1_DATA, VECTOR_TIMER);
    out8(PIC2_DATA, VECTOR_TIMER + 8);
    out8(PIC1_DATA, 1u << PIC_CASCADE_IRQ);
    out8(PIC2_DATA, PIC_CASCADE_IRQ);
    out8(PIC1_DATA, PIC_8086);
    out8(PIC2_DATA, PIC_8086);
    out8(PIC1_DATA, PIC_ALL & ~1u);
    out8(PIC2_DATA, PIC_ALL);

    out8(PIT_COMMAND, PIT_RATE);
    out8(PIT_CHANNEL_0, (uint8_t)divisor);
    out8(PIT_CHANNEL_0, (uint8_t)(divisor >> 8));
    asm volatile("sti");
}

void timer_stop(void)
{
    asm volatile("cli");
    out8(PIC1_DATA, PIC_ALL);
}

void timer_acknowledge(void)
{
    out8(PIC1_COMMAND, PIC_EOI);
}

static uint64_t rtc_read(uint8_t index)
{
    out8(RTC_INDEX, index);
    uint8_t coded = in8(RTC_DATA);
    return (uint64_t)(coded >> 4) * 10 + (coded & 15);     /* two decimal digits */
}

uint64_t clock_seconds(void)
{
    do
        out8(RTC_INDEX, RTC_STATUS_A);
    while (in8(RTC_DATA) & RTC_UPDATING);
    return rtc_read(RTC_HOURS) * 3600 + rtc_read(RTC_MINUTES) * 60 + rtc_read(RTC_SECONDS);
}

void nmi_send_to_self(void)
{
    while (*apic(ICR_LOW) & ICR_PENDING)
        ;
    *apic(ICR_HIGH) = *apic(APIC_ID);   /* both have the number in bits 31:24 */
    *apic(ICR_LOW) = ICR_NMI;
}
