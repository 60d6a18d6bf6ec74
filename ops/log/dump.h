/*
 * Tells what a file of a data directory holds: each batch, record or entry, to a printer.
 *
 * As text it is one line for each, in the words of kafka-dump-log. As JSON it is one document,
 * written as it is read, with one item a line:
 *
 *   {"kind": "LogDump", "apiVersion": "barnabas/v1", "items": [
 *   {"path": "...", "type": "batch", "baseOffset": 0, ...},
 *   {"path": "...", "type": "offsetIndexEntry", "offset": 10, "position": 4096}
 *   ], "status": 0}
 *
 * Threads: one at a time. Source: Apache Kafka 3.9, DumpLogSegments.
 */
#ifndef OPS_LOG_DUMP_H
#define OPS_LOG_DUMP_H

#include <stdbool.h>
#include <stdio.h>

#include "broker/log/batch_walk.h"
#include "broker/log/txn_index.h"
#include "client/base/check.h"
#include "client/base/error.h"
#include "client/wire/message_set.h"

struct dump_printer;

struct dump {
    FILE *out;
    bool records;  /* every record of a .log, too */
    bool contents; /* with its key and value */
    const struct dump_printer *printer;
    const char *path; /* of the file that is dumped */
    int64_t base_offset;
    bool has_items; /* the printer's */
};

/* An entry of a .snapshot. */
struct dumped_producer {
    int64_t producer_id;
    int16_t producer_epoch;
    int32_t coordinator_epoch;
    int64_t first_offset; /* of its open transaction; negative: none */
    int64_t timestamp;
    int64_t last_offset; /* negative: then the sequences say nothing */
    int32_t offset_delta;
    int32_t first_sequence;
    int32_t last_sequence;
};

struct dump_printer {
    void (*begin)(struct dump *dump);
    void (*end)(struct dump *dump, int status);
    void (*file)(struct dump *dump, bool is_log);
    /* With their records, if the dump says so. */
    enum error (*batch)(struct dump *dump, const struct stored_batch *stored);
    enum error (*message)(struct dump *dump, const struct stored_batch *stored,
                          const struct message_set_entry *entry); /* before Kafka 0.11 */
    void (*unreadable)(struct dump *dump, int64_t position);      /* records of a sound batch */
    void (*invalid)(struct dump *dump, int64_t position, int64_t size);
    void (*offset_entry)(struct dump *dump, int64_t offset, int32_t position);
    void (*time_entry)(struct dump *dump, int64_t timestamp, int64_t offset);
    void (*aborted)(struct dump *dump, int version, const struct aborted_transaction *aborted);
    void (*producer)(struct dump *dump, const struct dumped_producer *producer);
};

extern const struct dump_printer dump_text; /* dump_text.c */
extern const struct dump_printer dump_json; /* dump_json.c */

/* By the suffix of `path`: .log, .index, .timeindex, .txnindex, .snapshot.
 * Errors: INVALID_REQUEST (another suffix), DISK_CORRUPT (what could be read was printed), the
 * disk's (a missing file is DISK_FAILED), OUT_OF_MEMORY. */
MUST_CHECK enum error dump_file(struct dump *dump, const char *path);

/* ---- For printers ---- */

const char *dump_timestamp_type(int16_t attributes, int8_t magic);

typedef void dump_record(void *context, const struct record *record);
MUST_CHECK enum error dump_each_record(const struct stored_batch *stored, dump_record *each,
                                       void *context);
MUST_CHECK enum error dump_each_message(const struct message_set_entry *entry, dump_record *each,
                                        void *context);

#endif
