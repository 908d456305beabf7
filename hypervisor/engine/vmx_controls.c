/* vmx_controls.c — which controls the engine wants, and which it cannot do without.
 *
 * source  Intel SDM (325462) vol 3, appendix A.3 to A.5: bits 31:0 of a capability MSR must be 1,
 *         bits 63:32 may be 1
 */
#include "engine/vmx.h"

static const enum msr capabilities[CONTROL_WORDS] = {
    [CONTROL_PIN]   = MSR_VMX_TRUE_PINBASED_CTLS,
    [CONTROL_PROC]  = MSR_VMX_TRUE_PROCBASED_CTLS,
    [CONTROL_PROC2] = MSR_VMX_PROCBASED_CTLS2,
    [CONTROL_EXIT]  = MSR_VMX_TRUE_EXIT_CTLS,
    [CONTROL_ENTRY] = MSR_VMX_TRUE_ENTRY_CTLS,
};

/* Where the CPU has them: else it does not offer the guest what they are about. */
#define PROC2_WANTED \
    (PROC2_RDTSCP | PROC2_INVPCID | PROC2_XSAVES | PROC2_USER_WAIT | PROC2_ENCLS_EXITING)

static const struct {
    enum control_word word;
    uint64_t bit;
    const char *lack;
} needed[] = {
    {CONTROL_PROC,  PROC_SECONDARY,       "the CPU has no secondary processor-based controls"},
    {CONTROL_PROC2, PROC2_EPT,            "the CPU has no EPT"},
    {CONTROL_PROC2, PROC2_UNRESTRICTED,   "the CPU has no unrestricted guest"},
    {CONTROL_PROC2, PROC2_VPID,           "the CPU has no VPID"},
    {CONTROL_PROC2, PROC2_WBINVD_EXITING, "the CPU has no WBINVD exiting"},
    {CONTROL_PIN,   PIN_NMI_EXITING,      "the CPU has no NMI exiting"},
    {CONTROL_PIN,   PIN_VIRTUAL_NMIS,     "the CPU has no virtual NMIs"},
    {CONTROL_PROC,  PROC_IO_BITMAPS,      "the CPU has no I/O bitmaps"},
    {CONTROL_PROC,  PROC_MSR_BITMAPS,     "the CPU has no MSR bitmaps"},
    {CONTROL_PROC,  PROC_MWAIT_EXITING,   "the CPU has no MWAIT exiting"},
    {CONTROL_PROC,  PROC_MONITOR_EXITING, "the CPU has no MONITOR exiting"},
    {CONTROL_EXIT,  EXIT_SAVE_DEBUG,      "the CPU cannot save debug controls on exit"},
    {CONTROL_EXIT,  EXIT_HOST_64,         "the CPU cannot exit to a 64-bit host"},
    {CONTROL_EXIT,  EXIT_SAVE_EFER,       "the CPU cannot save IA32_EFER on exit"},
    {CONTROL_EXIT,  EXIT_LOAD_EFER,       "the CPU cannot load IA32_EFER on exit"},
    {CONTROL_ENTRY, ENTRY_LOAD_DEBUG,     "the CPU cannot load debug controls on entry"},
    {CONTROL_ENTRY, ENTRY_IA32E_GUEST,    "the CPU cannot enter a 64-bit guest"},
    {CONTROL_ENTRY, ENTRY_LOAD_EFER,      "the CPU cannot load IA32_EFER on entry"},
};
#define NEEDED (sizeof needed / sizeof needed[0])

uint32_t vmx_control(enum control_word word)
{
    uint64_t capability = rdmsr(capabilities[word]);
    uint64_t wanted = word == CONTROL_PROC2 ? PROC2_WANTED : 0;
    for (uint32_t i = 0; i < NEEDED; i++)
        if (needed[i].word == word)
            wanted |= needed[i].bit;
    return (uint32_t)((wanted | (uint32_t)capability) & capability >> 32);
}

const char *vmx_controls_lack(void)
{
    for (uint32_t i = 0; i < NEEDED; i++)
        if (!(vmx_control(needed[i].word) & needed[i].bit))
            return needed[i].lack;
    return 0;
}
