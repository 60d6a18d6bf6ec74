/* transaction find-hanging, abort */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "ops/cli/command_table.h"
#include "ops/cli/json.h"
#include "ops/cli/open_transactions.h"
#include "ops/cli/report.h"
#include "ops/cli/session.h"
#include "ops/cli/table.h"

/* Longer than any transaction may take by default (transaction.max.timeout.ms). */
#define OLDER_THAN_SECONDS 900

static int64_t idle_seconds(const struct open_transaction *open) {
    return time(NULL) - open->producer.last_ms / 1000;
}

static json_t *open_json(const struct open_transaction *open) {
    const struct barnabas_active_producer *producer = &open->producer;

    return json_pack("{s:s, s:i, s:I, s:i, s:i, s:I, s:I, s:I}", "topic", open->topic, "partition",
                     open->partition, "producerId", (json_int_t)producer->producer_id,
                     "producerEpoch", producer->producer_epoch, "coordinatorEpoch",
                     producer->coordinator_epoch, "startOffset", (json_int_t)producer->start_offset,
                     "lastTimestamp", (json_int_t)producer->last_ms, "idleSeconds",
                     (json_int_t)idle_seconds(open));
}

static void open_row(struct table *table, const struct open_transaction *open) {
    table_text(table, open->topic);
    table_number(table, open->partition);
    table_number(table, open->producer.producer_id);
    table_number(table, open->producer.producer_epoch);
    table_number(table, open->producer.coordinator_epoch);
    table_number(table, open->producer.start_offset);
    table_number(table, idle_seconds(open));
}

static struct table *open_table(void) {
    return table_new("TOPIC PARTITION# PRODUCER# EPOCH# COORDINATOR-EPOCH# START-OFFSET# IDLE-S#");
}

/* --- find-hanging ------------------------------------------------------------------------- */

static enum exit_status print_hanging(const struct transaction_search *search, bool json) {
    struct table *table = json ? NULL : open_table();
    json_t *items = json_array();
    json_t *document;

    for (size_t i = 0; i < search->count; i++) {
        if (!search->items[i].is_hanging)
            continue;
        json_array_append_new(items, open_json(&search->items[i]));
        if (table != NULL)
            open_row(table, &search->items[i]);
    }
    if (json) {
        document = json_document("HangingTransactionList");
        json_object_set_new(document, "items", items);
        return json_finish(document);
    }
    json_decref(items);
    if (table != NULL)
        table_print(table, stdout);
    table_free(table);
    return EXIT_OK;
}

static bool parse_name(const struct invocation *invocation, struct partition_name *name) {
    if (partition_name_parse(invocation->operands[0], name))
        return true;
    fprintf(stderr, "barnabas: %s: neither TOPIC nor TOPIC:PARTITION\n", invocation->operands[0]);
    return false;
}

static enum exit_status run_find(const struct invocation *invocation) {
    int64_t older_than_s, broker;
    struct transaction_search search = {0};
    enum exit_status status, judged;
    struct partition_name name;
    bool json;

    if (!session_json(invocation, &json) ||
        !invocation_number(invocation, "broker", 0, INT32_MAX, -1, &broker) ||
        !invocation_number(invocation, "older-than", 0, INT32_MAX, OLDER_THAN_SECONDS,
                           &older_than_s) ||
        (invocation->operand_count > 0 && !parse_name(invocation, &name)))
        return EXIT_USAGE;
    if ((status = session_admin(invocation, &search.admin, &search.timeout_ms)) != EXIT_OK)
        return status;
    search.name = invocation->operand_count > 0 ? &name : NULL;
    search.broker = (int32_t)broker;
    search.older_than_ms = older_than_s * 1000;
    status = transaction_search_run(&search);
    if (status == EXIT_OK || status == EXIT_PARTLY_FAILED) {
        judged = transaction_search_judge(&search);
        if (judged == EXIT_OK)
            judged = print_hanging(&search, json);
        status = judged == EXIT_OK ? status : judged;
    }
    transaction_search_done(&search);
    barnabas_admin_close(search.admin);
    return status;
}

static const struct flag find_flags[] = {
    {0, "broker", "ID", "look at the replicas of this broker; by default, at the leaders"},
    {0, "older-than", "SECONDS",
     "only whose producer has not written for so long; by default 900, the longest that a "
     "transaction may take"},
};

const struct command command_transaction_find_hanging = {
    .group = "transaction",
    .verb = "find-hanging",
    .operands = "[TOPIC[:PARTITION]]",
    .operand_count_max = 1,
    .meaning = "transactions that partitions have open, but no coordinator will end",
    .details = "Readers of committed records wait at them for ever, and compaction too. "
               "\"transaction abort\" ends one.",
    .flags = find_flags,
    .flag_count = 2,
    .run = run_find,
};

/* --- abort -------------------------------------------------------------------------------- */

static const struct open_transaction *find_at(const struct transaction_search *search,
                                              int64_t start_offset) {
    for (size_t i = 0; i < search->count; i++)
        if (search->items[i].producer.start_offset == start_offset)
            return &search->items[i];
    return NULL;
}

static json_t *marker_item(const struct barnabas_abort_marker *marker,
                           const struct open_transaction *open) {
    return json_pack("{s:s, s:i, s:I, s:I}", "topic", open->topic, "partitionIndex",
                     open->partition, "producerId", (json_int_t)marker->producer_id, "startOffset",
                     (json_int_t)open->producer.start_offset);
}

static enum exit_status abort_it(const struct invocation *invocation,
                                 const struct transaction_search *search,
                                 const struct open_transaction *open) {
    const struct barnabas_abort_marker marker = {
        .partition = {open->topic, open->partition},
        .producer_id = open->producer.producer_id,
        .producer_epoch = (int16_t)open->producer.producer_epoch,
        /* Of a producer without any marker yet: no coordinator's epoch is below 0. */
        .coordinator_epoch =
            open->producer.coordinator_epoch < 0 ? 0 : open->producer.coordinator_epoch,
    };
    struct table *table = report_is_json() ? NULL : open_table();
    enum exit_status status;
    int error;

    if (table != NULL) {
        open_row(table, open);
        table_print(table, stdout);
    }
    table_free(table);
    if (invocation_has(invocation, "dry-run")) {
        report_tell(marker_item(&marker, open), "would abort it");
        return EXIT_OK;
    }
    status = session_confirm(
        invocation,
        "What it wrote there will never be seen by readers of committed records. Abort?", NULL);
    if (status != EXIT_OK)
        return status;
    error =
        barnabas_admin_abort_transaction(search->admin, open->leader, &marker, search->timeout_ms);
    if (error != BARNABAS_OK)
        return session_fail(open->topic, error);
    report_tell(marker_item(&marker, open),
                "aborted the transaction of producer %" PRId64 " in %s:%d", marker.producer_id,
                open->topic, open->partition);
    return EXIT_OK;
}

static enum exit_status find_and_abort(const struct invocation *invocation,
                                       struct transaction_search *search, int64_t start_offset) {
    const struct open_transaction *open;
    enum exit_status status;

    if ((status = transaction_search_run(search)) != EXIT_OK)
        return status;
    if ((open = find_at(search, start_offset)) == NULL) {
        fprintf(stderr, "barnabas: no transaction is open from offset %lld on in %s:%d\n",
                (long long)start_offset, search->name->topic, search->name->partition);
        return EXIT_FAILED;
    }
    if (!invocation_has(invocation, "force")) {
        if ((status = transaction_search_judge(search)) != EXIT_OK)
            return status;
        if (!open->is_hanging) {
            fprintf(stderr, "barnabas: refused: its coordinator knows of it, and will end it; "
                            "--force aborts it all the same, in this partition only\n");
            return EXIT_REFUSED;
        }
    }
    return abort_it(invocation, search, open);
}

static enum exit_status run_abort(const struct invocation *invocation) {
    struct transaction_search search = {.broker = -1};
    struct partition_name name;
    enum exit_status status;
    int64_t start_offset;

    if (!parse_name(invocation, &name) ||
        !invocation_number(invocation, "start-offset", 0, INT64_MAX, -1, &start_offset))
        return EXIT_USAGE;
    if (name.partition == PARTITION_ALL || start_offset < 0) {
        fprintf(stderr, "barnabas: which one? TOPIC:PARTITION --start-offset OFFSET says it, as "
                        "find-hanging shows it\n");
        return EXIT_USAGE;
    }
    if ((status = session_admin(invocation, &search.admin, &search.timeout_ms)) != EXIT_OK)
        return status;
    search.name = &name;
    status = find_and_abort(invocation, &search, start_offset);
    transaction_search_done(&search);
    barnabas_admin_close(search.admin);
    return status;
}

static const struct flag abort_flags[] = {
    {0, "start-offset", "OFFSET", "of the transaction in the partition"},
    {0, "force", NULL, "also one that its coordinator knows of"},
    {'n', "dry-run", NULL, "only show which it is, and whether it would be aborted"},
};

const struct command command_transaction_abort = {
    .group = "transaction",
    .verb = "abort",
    .operands = "TOPIC:PARTITION",
    .operand_count_min = 1,
    .operand_count_max = 1,
    .meaning = "ends a transaction that hangs in a partition",
    .details = "Only in this partition, and only if no coordinator will end it.",
    .flags = abort_flags,
    .flag_count = sizeof(abort_flags) / sizeof(abort_flags[0]),
    .result_kind = "TransactionAbortion",
    .run = run_abort,
};
