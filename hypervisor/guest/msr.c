#include "guest/msr.h"

#include "devices/apic.h"
#include "devices/chipset.h"
#include "engine/engine.h"
#include "report/tracer.h"
#include "residency/memory_map.h"

/* MARK: what the guest gets instead of the real register. Each returns false where the guest gets
 * #GP. */

static bool denied(struct vcpu *, uint32_t, uint64_t *)
{
    return false;
}

/* Of a write: as if it had been done. */
static bool ignored(struct vcpu *, uint32_t, uint64_t *)
{
    return true;
}

/* The guest's copy of a memory-type register; null for a variable one that the CPU does not
 * have. */
static uint64_t *memory_type(struct vcpu *vcpu, uint32_t msr)
{
    if (msr == MSR_PAT)
        return &vcpu->types.pat;
    if (msr == MSR_MTRR_DEF_TYPE)
        return &vcpu->types.mtrr_default;
    for (uint32_t i = 0; i < MTRR_FIXED_COUNT; i++)
        if (msr == mtrr_fixed[i])
            return &vcpu->types.mtrr_fixed[i];
    uint64_t variable = 2 * field_get(rdmsr(MSR_MTRR_CAP), MTRR_CAP_VCNT);
    uint32_t index = msr - MSR_MTRR_PHYSBASE;
    return index < variable ? &vcpu->types.mtrr_variable[index] : 0;
}

static bool read_memory_type(struct vcpu *vcpu, uint32_t msr, uint64_t *value)
{
    const uint64_t *type = memory_type(vcpu, msr);
    if (type != 0)
        *value = *type;
    return type != 0;
}

/* Each of the `count` low bytes is a memory type, at most `last`. */
static bool are_types(uint64_t value, uint32_t count, uint64_t last)
{
    for (uint32_t i = 0; i < count; i++) {
        uint64_t type = value >> 8 * i & 0xFF;
        if (type > last || (MEMORY_TYPES_RESERVED & BIT(type)))
            return false;
    }
    return true;
}

/* SDM vol 3, 11.11.2 and 11.12.4: other types and reserved bits are a #GP. */
static bool is_valid_type(uint32_t msr, uint64_t value)
{
    uint64_t address = (BIT(physical_address_bits()) - 1) & ~(uint64_t)(PAGE_BYTES - 1);
    if (msr == MSR_PAT)
        return are_types(value, PAT_ENTRIES, MEMORY_TYPE_UC_MINUS);
    if (msr == MSR_MTRR_DEF_TYPE)
        return are_types(value, 1, MEMORY_TYPE_WB)
            && !(value & ~(MTRR_DEF_TYPE | MTRR_DEF_FE | MTRR_DEF_E));
    if (msr >= MSR_MTRR_FIX64K_00000)
        return are_types(value, 8, MEMORY_TYPE_WB);
    if ((msr - MSR_MTRR_PHYSBASE) % 2 != 0)
        return !(value & ~(address | MTRR_MASK_V));
    return are_types(value, 1, MEMORY_TYPE_WB) && !(value & ~(address | MTRR_BASE_TYPE));
}

static bool write_memory_type(struct vcpu *vcpu, uint32_t msr, uint64_t *value)
{
    uint64_t *type = memory_type(vcpu, msr);
    if (type == 0 || !is_valid_type(msr, *value))
        return false;
    *type = *value;
    return true;
}

static bool read_efer(struct vcpu *vcpu, uint32_t, uint64_t *value)
{
    *value = engine->mode(vcpu).efer & ~EFER_SVME;
    return true;
}

/* What a guest may set in EFER: what the CPU has, less virtualisation. */
static uint64_t efer_mask(void)
{
    struct cpuid features = cpuid(CPUID_EXTENDED_FEATURES, 0);
    return EFER_SCE | EFER_LME | EFER_LMA |
           (features.edx & CPUID_80000001_EDX_NX ? EFER_NXE : 0) |
           (features.edx & CPUID_80000001_EDX_FFXSR ? EFER_FFXSR : 0) |
           (features.ecx & CPUID_80000001_ECX_TCE ? EFER_TCE : 0);
}

static bool write_efer(struct vcpu *vcpu, uint32_t, uint64_t *value)
{
    struct guest_mode mode = engine->mode(vcpu);
    if ((*value & ~efer_mask()) || ((mode.cr0 & CR0_PG) && ((*value ^ mode.efer) & EFER_LME)))
        return false;
    engine->set_efer(vcpu, *value);
    return true;
}

/* As if the firmware had forbidden SVM. */
static bool read_vm_cr(struct vcpu *, uint32_t, uint64_t *value)
{
    *value = VM_CR_SVMDIS | VM_CR_LOCK;
    return true;
}

/* APM vol 2, "SEV_STATUS MSR": of a guest whose state is not encrypted. */
static bool read_sev_status(struct vcpu *, uint32_t, uint64_t *value)
{
    *value = SEV_STATUS_SEV;
    return memory_map.c_bit != 0;
}

/* The APIC's page may not move: over a frozen frame it would take that frame's place. */
static bool write_apic_base(struct vcpu *, uint32_t, uint64_t *wanted)
{
    uint64_t now = rdmsr(MSR_APIC_BASE);
    uint64_t value = (*wanted & ~APIC_BASE_BSP) | (now & APIC_BASE_BSP);
    bool on = value & APIC_BASE_EN, extended = value & APIC_BASE_EXTD;
    if ((value ^ now) & ~(APIC_BASE_EN | APIC_BASE_EXTD))
        return false;
    if (extended && (!on || !(cpuid(CPUID_FEATURES, 0).ecx & CPUID_1_ECX_X2APIC)))
        return false;
    if (on && ((now & APIC_BASE_EXTD) ? !extended : extended && !(now & APIC_BASE_EN)))
        return false;       /* "x2APIC State Transitions": only through disabled, or from xAPIC */
    wrmsr(MSR_APIC_BASE, value);
    return true;
}

/* Messages that would start, stop or interrupt another CPU are dropped. What the CPU refuses
 * (another mode, reserved bits, a register that it lacks) is a #GP here, which entry.asm steps over
 * with CF set. */
[[gnu::noinline]] static bool write_x2apic(struct vcpu *, uint32_t msr, uint64_t *value)
{
    uint32_t offset = (msr - MSR_X2APIC_FIRST) * APIC_STRIDE;
    uint32_t low = (uint32_t)*value, high = (uint32_t)(*value >> 32);
    bool is_refused = false;
    if (apic_may_write(offset, low, high))
        asm volatile(".globl refusable_wrmsr\n clc\n refusable_wrmsr: wrmsr"
                     : "=@ccc"(is_refused) : "c"(msr), "a"(low), "d"(high)
                     : "rdi", "rsi", "memory");
    else
        tracer_count(COUNT_APIC_REFUSED, 0);
    return !is_refused;
}

/* LBR and BTF only: the others have the CPU write to memory by itself (SDM vol 3, 18.4.1). */
static bool write_debugctl(struct vcpu *vcpu, uint32_t, uint64_t *value)
{
    if (*value & ~(DEBUGCTL_LBR | DEBUGCTL_BTF))
        return false;
    engine->set_debugctl(vcpu, *value);
    return true;
}

/* CET only: XRSTORS loads what a component holds past the MSR bitmap, and one holds processor
 * trace's registers (SDM vol 1, 13.5.6). */
static bool write_xss(struct vcpu *, uint32_t, uint64_t *value)
{
    struct cpuid offered = cpuid(CPUID_XSTATE, 1);
    if (!(offered.eax & CPUID_D1_EAX_XSAVES) || (*value & ~(offered.ecx & XSS_CET)))
        return false;
    wrmsr(MSR_XSS, *value);
    return true;
}

/* MARK: the table */

typedef bool msr_handler(struct vcpu *vcpu, uint32_t msr, uint64_t *value);
#define DIRECT ((msr_handler *)0)       /* the real register, without an exit */
#define OWN(first, last) {first, last, DIRECT, DIRECT}
#define READ_ONLY(first, last) {first, last, DIRECT, denied}

/* What is not in here is a #GP, as on a CPU that does not have it. First what guests use most. */
static const struct msr_row {
    uint32_t first, last;
    msr_handler *read, *write;
} msr_table[] = {
    {MSR_EFER, MSR_EFER, read_efer, write_efer},
    {MSR_PAT, MSR_PAT, read_memory_type, write_memory_type},
    {MSR_MTRR_DEF_TYPE, MSR_MTRR_DEF_TYPE, read_memory_type, write_memory_type},
    {MSR_MTRR_PHYSBASE, MSR_MTRR_PHYSBASE + 2 * MTRR_VARIABLE_MAX - 1, read_memory_type,
     write_memory_type},
    {MSR_MTRR_FIX64K_00000, MSR_MTRR_FIX64K_00000, read_memory_type, write_memory_type},
    {MSR_MTRR_FIX16K_80000, MSR_MTRR_FIX16K_A0000, read_memory_type, write_memory_type},
    {MSR_MTRR_FIX4K_C0000, MSR_MTRR_FIX4K_F8000, read_memory_type, write_memory_type},
    {MSR_APIC_BASE, MSR_APIC_BASE, DIRECT, write_apic_base},
    {MSR_DEBUGCTL, MSR_DEBUGCTL, DIRECT, write_debugctl},
    {MSR_XSS, MSR_XSS, DIRECT, write_xss},
    {MSR_VM_CR, MSR_VM_CR, read_vm_cr, denied},
    {MSR_SEV_STATUS, MSR_SEV_STATUS, read_sev_status, denied},
    {MSR_X2APIC_LVT_CMCI, MSR_X2APIC_LVT_LAST, DIRECT, write_x2apic},
    /* Each could change how caches behave; guests write the microcode's revision before they read
     * it, and set bits in the others without asking whether they may. */
    {MSR_MICROCODE, MSR_MICROCODE, DIRECT, ignored},
    {MSR_MISC_ENABLE, MSR_MISC_ENABLE, DIRECT, ignored},
    {MSR_SYSCFG, MSR_SYSCFG, DIRECT, ignored},
    {MSR_HWCR, MSR_HWCR, DIRECT, ignored},
    {MSR_NB_CFG, MSR_NB_CFG, DIRECT, ignored},
    {MSR_CORE_CONFIG_FIRST, MSR_CORE_CONFIG_LAST, DIRECT, ignored},
    /* Guests read them where CPUID, or the CPU's family, says that they are there. */
    READ_ONLY(MSR_PLATFORM_ID, MSR_PLATFORM_ID), READ_ONLY(MSR_MTRR_CAP, MSR_MTRR_CAP),
    READ_ONLY(MSR_MCG_CAP, MSR_MCG_CAP), READ_ONLY(MSR_TOP_MEM, MSR_TOP_MEM),
    READ_ONLY(MSR_TOP_MEM2, MSR_TOP_MEM2), READ_ONLY(MSR_INT_PENDING, MSR_INT_PENDING),
    READ_ONLY(MSR_OSVW_LENGTH, MSR_OSVW_STATUS),
    READ_ONLY(MSR_LAST_BRANCH_FROM, MSR_LAST_EXCEPTION_TO),
    /* The CPU's own state, which reaches neither memory nor caches. */
    OWN(MSR_X2APIC_LVT_LAST + 1, MSR_X2APIC_LAST),
    OWN(MSR_TSC, MSR_TSC), OWN(MSR_TSC_ADJUST, MSR_TSC_ADJUST),
    OWN(MSR_TSC_DEADLINE, MSR_TSC_DEADLINE), OWN(MSR_PKRS, MSR_PKRS),
    OWN(MSR_SPEC_CTRL, MSR_PRED_CMD), OWN(MSR_SYSENTER_CS, MSR_SYSENTER_EIP),
    OWN(MSR_MCG_STATUS, MSR_MCG_CTL), OWN(MSR_MC0_CTL, MSR_MC_LAST),
    OWN(MSR_U_CET, MSR_CET_LAST), OWN(MSR_X2APIC_FIRST, MSR_X2APIC_LVT_CMCI - 1),
    OWN(MSR_STAR, MSR_SFMASK), OWN(MSR_FS_BASE, MSR_TSC_AUX),
    OWN(MSR_PERF_CTL0_LEGACY, MSR_PERF_CTR3_LEGACY), OWN(MSR_PERF_CTL0, MSR_PERF_CTR5),
};
#define MSR_ROWS (sizeof msr_table / sizeof msr_table[0])

bool msr_access(struct vcpu *vcpu, uint32_t msr, bool is_write, uint64_t *value)
{
    for (const struct msr_row *row = msr_table; row < msr_table + MSR_ROWS; row++)
        if (msr >= row->first && msr <= row->last) {
            msr_handler *instead = is_write ? row->write : row->read;
            return instead != DIRECT && instead(vcpu, msr, value);
        }
    return false;
}

void msr_start(struct vcpu *vcpu)
{
    uint64_t capabilities = rdmsr(MSR_MTRR_CAP);
    vcpu->types.pat = PAT_RESET;
    vcpu->types.mtrr_default = rdmsr(MSR_MTRR_DEF_TYPE);
    for (uint32_t i = 0; i < MTRR_FIXED_COUNT && (capabilities & MTRR_CAP_FIX); i++)
        vcpu->types.mtrr_fixed[i] = rdmsr(mtrr_fixed[i]);
    if (cpuid(CPUID_XSTATE, 1).eax & CPUID_D1_EAX_XSAVES)
        wrmsr(MSR_XSS, 0);      /* whatever the firmware left */
    uint64_t variable = 2 * field_get(capabilities, MTRR_CAP_VCNT);
    for (uint32_t i = 0; i < variable && i < 2 * MTRR_VARIABLE_MAX; i++)
        vcpu->types.mtrr_variable[i] = rdmsr((enum msr)(MSR_MTRR_PHYSBASE + i));
}

void msr_open(struct vcpu *vcpu)
{
    for (const struct msr_row *row = msr_table; row < msr_table + MSR_ROWS; row++)
        for (uint32_t msr = row->first; msr <= row->last; msr++)
            engine->open_msr(vcpu, msr, row->read == DIRECT, row->write == DIRECT);
}
