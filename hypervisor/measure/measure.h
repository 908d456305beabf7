/* measure.h — what a TPM is told of the launch, so that others can ask it: which guest this is, and
 * how far it came (contract.h). */
#pragma once
#include "image.h"

/* Finds the TPM by ACPI's tables and gives it to the guest, by the loader's identity mapping; says
 * so where there is one whose registers are neither FIFO nor CRB. Where there is none, what follows
 * does nothing. */
void measure_start(void);

/* After the freeze. A TPM that refuses is a panic. */
void measure_guest(const struct image_header *header);
void measure_phase(const char *phase);

/* Adds what was measured to the firmware's log, which has become the guest's memory. Where it does
 * not fit there, the log has less than the TPM. */
void measure_give_log(void);
