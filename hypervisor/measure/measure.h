/* measure.h — what a TPM is told of the launch, so that others can ask it: which guest this is, how
 * far it came (contract.h). The firmware's event log gets it too. */
#pragma once
#include "image.h"

/* Finds the TPM by ACPI's tables and gives it to the guest, by the loader's identity mapping; says
 * so where there is one whose registers are neither FIFO nor CRB. Where there is none, what follows
 * does nothing. */
void measure_start(void);

/* After the freeze. A TPM that refuses is a panic. */
void measure_guest(const struct image_header *header);
void measure_phase(const char *phase);
