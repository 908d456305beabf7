#include "guest_msr.h"

#include "registers.h"
#include "state.h"

/* Writes without effect: microcode revision (a read handshake), IA32_MISC_ENABLE, SYSCFG, HWCR and the AMD
 * core configuration 1020h .. 102Bh, all of which could change how caches behave. */
static bool is_ignored(uint32_t msr)
{
    return msr == 0x8B || msr == 0x1A0 || msr == MSR_SYSCFG || msr == 0xC0010015 ||
           (msr >= 0xC0011020 && msr <= 0xC001102B);
}

/* The guest's copy of a memory-type register; null for any other MSR. */
static uint64_t *memory_type(uint32_t msr)
{
    uint64_t variable = 2 * field_get(rdmsr(MSR_MTRR_CAP), MTRR_CAP_VCNT);
    if (msr >= MSR_MTRR_PHYSBASE && msr - MSR_MTRR_PHYSBASE < variable &&
        msr - MSR_MTRR_PHYSBASE < 2 * MTRR_VARIABLE_MAX)
        return &guest.types.mtrr_variable[msr - MSR_MTRR_PHYSBASE];
    for (uint32_t i = 0; i < MTRR_FIXED_COUNT; i++)
        if (msr == mtrr_fixed[i])
            return &guest.types.mtrr_fixed[i];
    switch (msr) {
    case MSR_PAT:
        return &guest.types.pat;
    case MSR_MTRR_DEF_TYPE:
        return &guest.types.mtrr_default;
    default:
        return 0;
    }
}

void guest_msr_start(void)
{
    uint64_t capabilities = rdmsr(MSR_MTRR_CAP);
    guest.types.pat = PAT_RESET;
    guest.types.mtrr_default = rdmsr(MSR_MTRR_DEF_TYPE);
    for (uint32_t i = 0; i < MTRR_FIXED_COUNT && (capabilities & MTRR_CAP_FIX); i++)
        guest.types.mtrr_fixed[i] = rdmsr(mtrr_fixed[i]);
    for (uint32_t i = 0; i < 2 * field_get(capabilities, MTRR_CAP_VCNT) && i < 2 * MTRR_VARIABLE_MAX; i++)
        guest.types.mtrr_variable[i] = rdmsr((enum msr)(MSR_MTRR_PHYSBASE + i));
}

bool guest_msr_read(uint32_t msr, uint64_t *value)
{
    const uint64_t *type = memory_type(msr);
    if (type != 0) {
        *value = *type;
        return true;
    }
    switch (msr) {
    case MSR_EFER:
        *value = engine->mode().efer & ~EFER_SVME;
        return true;
    case MSR_VM_CR:
        *value = BIT(4) | BIT(3);   /* SVMDIS, LOCK: as if the firmware had forbidden SVM */
        return true;
    default:
        return false;
    }
}

static bool is_valid_pat(uint64_t pat)
{
    for (uint32_t i = 0; i < 8; i++) {
        uint64_t type = pat >> 8 * i & 0xFF;
        if (type > 7 || type == 2 || type == 3)
            return false;
    }
    return true;
}

/* The APIC's page may not move: over a frozen frame it would take that frame's place. */
static bool write_apic_base(uint64_t value)
{
    uint64_t now = rdmsr(MSR_APIC_BASE);
    bool on = value & APIC_BASE_EN, extended = value & APIC_BASE_EXTD;
    if ((value ^ now) & ~(APIC_BASE_EN | APIC_BASE_EXTD))
        return false;
    if (extended && (!on || !(cpuid(1, 0).ecx & CPUID_1_ECX_X2APIC)))
        return false;
    if (on && ((now & APIC_BASE_EXTD) ? !extended : extended && !(now & APIC_BASE_EN)))
        return false;       /* "x2APIC State Transitions": only through disabled, or from xAPIC */
    wrmsr(MSR_APIC_BASE, value);
    return true;
}

/* What a guest may set in EFER: what the CPU has, less virtualisation. */
static uint64_t efer_mask(void)
{
    struct cpuid features = cpuid(0x80000001, 0);
    return EFER_SCE | EFER_LME | EFER_LMA | (features.edx & CPUID_80000001_EDX_NX ? EFER_NXE : 0) |
           (features.edx & CPUID_80000001_EDX_FFXSR ? EFER_FFXSR : 0) |
           (features.ecx & CPUID_80000001_ECX_TCE ? EFER_TCE : 0);
}

bool guest_msr_write(uint32_t msr, uint64_t value)
{
    uint64_t *type = memory_type(msr);
    if (type != 0) {
        if (msr == MSR_PAT && !is_valid_pat(value))
            return false;
        *type = value;
        return true;
    }
    if (msr == MSR_EFER) {
        struct guest_mode mode = engine->mode();
        if ((value & ~efer_mask()) || ((mode.cr0 & CR0_PG) && ((value ^ mode.efer) & EFER_LME)))
            return false;
        engine->set_efer(value);
        return true;
    }
    if (msr == MSR_APIC_BASE)
        return write_apic_base(value);
    return is_ignored(msr);
}
