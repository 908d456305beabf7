/* record.h — writes the record's files: residency.log, and others that are written whole. */
#pragma once
#include "machine.h"

/* Creates residency.log with its header. */
void record_start(void);
/* Fills in the record's head, and appends it: `bytes` of it, a multiple of 8. */
void record_append(enum residency_kind kind, void *record, size_t bytes);
/* Appends what has its head already, or follows it. */
void record_append_bytes(const void *bytes, size_t count);
/* What the log has grown to, in bytes. */
uint64_t record_bytes(void);
/* Appends the totals, and closes the log. */
void record_end(void);

/* A new file of the record: its descriptor, for reading and writing. */
int record_create(const char *name);
/* Writes a file of the record whole. */
void record_file(const char *name, const void *bytes, size_t count);
