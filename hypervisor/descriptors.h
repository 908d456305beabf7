/* descriptors.h — the hypervisor's own segments and exception table. */
#pragma once

/* Loads GDT and IDT. Every exception is a panic. There is no TSS: TR stays the guest's. */
void descriptors_start(void);
