/* source  Intel SDM (325462) vol 3, "VM Instruction Error Numbers": those of VMLAUNCH, VMRESUME and
 *         INVEPT; "VM-Entry Failures During or After Loading Guest State"; appendix C */
#include "engine/vmx.h"

#define WORDS(table, number)                                                            \
    ((number) < sizeof (table) / sizeof (table)[0] && (table)[number] ? (table)[number] \
                                                    : "for a reason that no entry of ours has")

const char *vmx_instruction_error(uint64_t number)
{
    static const char *const errors[] = {
        [4]  = "VMLAUNCH with non-clear VMCS",
        [5]  = "VMRESUME with non-launched VMCS",
        [7]  = "VM entry with invalid control field(s)",
        [8]  = "VM entry with invalid host-state field(s)",
        [26] = "VM entry with events blocked by MOV SS",
        [28] = "Invalid operand to INVEPT/INVVPID",
    };
    return WORDS(errors, number);
}

const char *vmx_entry_failure(uint64_t reason)
{
    static const char *const failures[] = {
        [33] = "VM-entry failure due to invalid guest state",
        [34] = "VM-entry failure due to MSR loading",
        [41] = "VM-entry failure due to machine-check event",
    };
    return WORDS(failures, reason);
}
