/* source  Intel SDM (325462) vol 3, "VM Instruction Error Numbers"; "VM-Entry Failures During or After Loading Guest
 *         State"; appendix C */
#include "vmx.h"

#define WORDS(table, number) ((number) < sizeof (table) / sizeof (table)[0] && (table)[number] ? (table)[number] : \
                              "a reason that the manual does not list")

const char *vmx_instruction_error(uint64_t number)
{
    static const char *const errors[] = {
        [1]  = "VMCALL executed in VMX root operation",
        [2]  = "VMCLEAR with invalid physical address",
        [3]  = "VMCLEAR with VMXON pointer",
        [4]  = "VMLAUNCH with non-clear VMCS",
        [5]  = "VMRESUME with non-launched VMCS",
        [6]  = "VMRESUME after VMXOFF",
        [7]  = "VM entry with invalid control field(s)",
        [8]  = "VM entry with invalid host-state field(s)",
        [9]  = "VMPTRLD with invalid physical address",
        [10] = "VMPTRLD with VMXON pointer",
        [11] = "VMPTRLD with incorrect VMCS revision identifier",
        [12] = "VMREAD/VMWRITE from/to unsupported VMCS component",
        [13] = "VMWRITE to read-only VMCS component",
        [15] = "VMXON executed in VMX root operation",
        [16] = "VM entry with invalid executive-VMCS pointer",
        [17] = "VM entry with non-launched executive VMCS",
        [18] = "VM entry with executive-VMCS pointer not VMXON pointer",
        [19] = "VMCALL with non-clear VMCS",
        [20] = "VMCALL with invalid VM-exit control fields",
        [22] = "VMCALL with incorrect MSEG revision identifier",
        [23] = "VMXOFF under dual-monitor treatment of SMIs and SMM",
        [24] = "VMCALL with invalid SMM-monitor features",
        [25] = "VM entry with invalid VM-execution control fields in executive VMCS",
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
