/* layout.c — runs on the build machine; prints layout.inc, the numbers that C and assembly
 * share. */
#include <stddef.h>
#include <stdio.h>

#include "boot/loader.h"
#include "contract.h"
#include "cpu/descriptors.h"
#include "cpu/memory.h"
#include "engine/vcpu.h"
#include "engine/vmx.h"

#define PRINT(name, value) printf("%%define %-26s 0x%llx\n", name, (unsigned long long)(value))
#define NUMBER(name)                PRINT(#name, name)
#define OFFSET(name, type, member)  PRINT(#name, offsetof(struct type, member))
#define SIZE(name, type)            PRINT(#name, sizeof(struct type))

static_assert(LOADER_BOUNCE + 0x10000 <= LOADER_LOW_END, "the loader stays in its own memory");

int main(void)
{
    NUMBER(HYPERVISOR_BASE);
    NUMBER(COM1);
    NUMBER(ENTRY_SIGNATURE);
    NUMBER(LOADER_LOW_BASE);
    NUMBER(LOADER_SEGMENT);
    NUMBER(LOADER_CODE_OFFSET);
    NUMBER(LOADER_STACK_OFFSET);
    NUMBER(LOADER_MAX_SECTORS);
    NUMBER(LOADER_BOUNCE);
    NUMBER(BOOT_INFO_BASE);
    NUMBER(BOOT_INFO_SEGMENT);
    NUMBER(BOOT_TABLES);
    NUMBER(BOOT_E820_ENTRIES);
    NUMBER(IMAGE_HEADER_LBA);
    NUMBER(IMAGE_HEADER_SECTORS);
    NUMBER(IMAGE_LOADER_LBA);
    OFFSET(IMAGE_LOADER_SECTORS, image_header, loader_sectors);
    OFFSET(IMAGE_HYPERVISOR_LBA, image_header, hypervisor_lba);
    OFFSET(IMAGE_HYPERVISOR_SECTORS, image_header, hypervisor_sectors);
    OFFSET(IMAGE_PAYLOAD_LBA, image_header, payload_lba);
    OFFSET(IMAGE_RUN_COUNT, image_header, run_count);
    OFFSET(IMAGE_FROZEN_BASE, image_header, frozen_base);
    OFFSET(IMAGE_RUNS_OFFSET, image_header, runs);
    OFFSET(RUN_HOME, image_run, home);
    OFFSET(RUN_PAGES, image_run, pages);
    SIZE(RUN_SIZE, image_run);
    OFFSET(BOOT_HEADER, boot_info, header);
    OFFSET(BOOT_DRIVE, boot_info, drive);
    OFFSET(BOOT_E820_COUNT, boot_info, e820_count);
    OFFSET(BOOT_E820, boot_info, e820);
    SIZE(E820_SIZE, e820_entry);
    OFFSET(REGS_RAX, guest_regs, rax);
    OFFSET(REGS_RBX, guest_regs, rbx);
    OFFSET(REGS_RCX, guest_regs, rcx);
    OFFSET(REGS_RDX, guest_regs, rdx);
    OFFSET(REGS_RSI, guest_regs, rsi);
    OFFSET(REGS_RDI, guest_regs, rdi);
    OFFSET(REGS_RBP, guest_regs, rbp);
    OFFSET(REGS_R8, guest_regs, r8);
    OFFSET(REGS_R9, guest_regs, r9);
    OFFSET(REGS_R10, guest_regs, r10);
    OFFSET(REGS_R11, guest_regs, r11);
    OFFSET(REGS_R12, guest_regs, r12);
    OFFSET(REGS_R13, guest_regs, r13);
    OFFSET(REGS_R14, guest_regs, r14);
    OFFSET(REGS_R15, guest_regs, r15);
    NUMBER(STACK_BYTES);
    NUMBER(HOST_CS);
    NUMBER(HOST_DS);
    NUMBER(VMCS_HOST_RSP);
    NUMBER(VMCS_HOST_RIP);
    NUMBER(VMCS_PROC_CONTROLS);
    NUMBER(PROC_NMI_WINDOW);
    NUMBER(VM_SUCCEED);
    NUMBER(VM_FAIL_INVALID);
    NUMBER(VM_FAIL_VALID);
}
