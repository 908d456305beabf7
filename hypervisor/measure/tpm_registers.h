/* tpm_registers.h — a TPM's registers, and how ACPI tells of it.
 *
 *   source  TCG PC Client Platform TPM Profile 1.05, 6.5.2 (FIFO) and 6.5.3 (CRB): tables 18, 34;
 *           TCG ACPI Specification 1.2, 7.3 (table "TPM2"); TCG PC Client Platform Firmware Profile
 *           1.05, 10 (event log)
 */
#pragma once
#include <stdint.h>

#define TPM_BASE        UINT64_C(0xFED40000)    /* locality 0: one page */

/* FIFO. */
#define TPM_ACCESS      0x00u
#define TPM_STS         0x18u
#define TPM_STS_BURST   FIELD(23, 8)            /* bytes that may follow at once */
#define TPM_DATA_FIFO   0x24u
#define ACCESS_REQUEST  BIT(1)
#define ACCESS_ACTIVE   BIT(5)                  /* written: the locality is given up */
#define STS_EXPECT      BIT(3)
#define STS_DATA        BIT(4)
#define STS_GO          BIT(5)
#define STS_READY       BIT(6)
#define STS_VALID       BIT(7)

/* CRB. */
#define CRB_LOC_CTRL    0x08u
#define CRB_LOC_STS     0x0Cu
#define CRB_CTRL_REQ    0x40u
#define CRB_CTRL_STS    0x44u
#define CRB_CTRL_START  0x4Cu
#define CRB_CMD_SIZE    0x58u
#define CRB_CMD_ADDRESS 0x5Cu
#define CRB_RSP_ADDRESS 0x68u
#define LOC_REQUEST     BIT(0)                  /* of LOC_CTRL */
#define LOC_RELINQUISH  BIT(1)
#define LOC_GRANTED     BIT(0)                  /* of LOC_STS */
#define REQ_READY       BIT(0)
#define REQ_IDLE        BIT(1)
#define CRB_FATAL       BIT(0)                  /* of CTRL_STS */
#define CRB_START       BIT(0)

#define TPM2_SIGNATURE  0x324D5054u             /* "TPM2" */
#define TPM2_CONTROL    40u
#define TPM2_METHOD     48u
#define TPM2_LOG_BYTES  64u                     /* in tables that are long enough */
#define TPM2_LOG        68u
#define TPM2_WITH_LOG   76u
