/* transaction list, describe, producers */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "ops/cli/command_table.h"
#include "ops/cli/json.h"
#include "ops/cli/partition_name.h"
#include "ops/cli/session.h"
#include "ops/cli/table.h"

/* --- list --------------------------------------------------------------------------------- */

static enum exit_status print_transactions(const struct barnabas_transactions *transactions,
                                           bool json) {
    struct table *table = json ? NULL : table_new("TRANSACTIONAL-ID COORDINATOR# PRODUCER# STATE");
    json_t *items = json_array();
    json_t *document;

    for (size_t i = 0; i < transactions->count; i++) {
        const struct barnabas_transaction_listing *one = &transactions->items[i];

        json_array_append_new(items, json_pack("{s:s, s:i, s:I, s:s}", "transactionalId",
                                               one->transactional_id, "coordinatorId",
                                               one->coordinator, "producerId",
                                               (json_int_t)one->producer_id, "state", one->state));
        if (table != NULL) {
            table_text(table, one->transactional_id);
            table_number(table, one->coordinator);
            table_number(table, one->producer_id);
            table_text(table, one->state);
        }
    }
    if (json) {
        document = json_document("TransactionList");
        json_object_set_new(document, "items", items);
        return json_finish(document);
    }
    json_decref(items);
    if (table != NULL)
        table_print(table, stdout);
    table_free(table);
    return EXIT_OK;
}

static enum exit_status run_list(const struct invocation *invocation) {
    struct barnabas_transactions *transactions = NULL;
    int64_t timeout_ms, longer_than_s;
    struct barnabas_admin *admin;
    enum exit_status status;
    bool json;
    int error;

    if (!session_json(invocation, &json) ||
        !invocation_number(invocation, "longer-than", 0, INT32_MAX, -1, &longer_than_s))
        return EXIT_USAGE;
    if ((status = session_admin(invocation, &admin, &timeout_ms)) != EXIT_OK)
        return status;
    error = barnabas_admin_list_transactions(
        admin, NULL, 0, longer_than_s < 0 ? -1 : longer_than_s * 1000, timeout_ms, &transactions);
    status = error == BARNABAS_OK ? print_transactions(transactions, json)
                                  : session_fail("transactions", error);
    if (status == EXIT_OK && transactions->silent_brokers > 0) {
        fprintf(stderr, "barnabas: %zu brokers gave no answer (%s): theirs are missing\n",
                transactions->silent_brokers, barnabas_error_name(transactions->error));
        status = EXIT_PARTLY_FAILED;
    }
    barnabas_transactions_free(transactions);
    barnabas_admin_close(admin);
    return status;
}

static const struct flag list_flags[] = {
    {0, "longer-than", "SECONDS", "only those that have been open for longer"},
};

const struct command command_transaction_list = {
    .group = "transaction",
    .verb = "list",
    .operands = "",
    .meaning = "the transactional ids, as their coordinators know them",
    .flags = list_flags,
    .flag_count = 1,
    .run = run_list,
};

/* --- describe ----------------------------------------------------------------------------- */

static enum exit_status transaction_print_json(const struct barnabas_transaction *transaction) {
    json_t *document = json_document("Transaction");
    json_t *partitions = json_array();

    for (size_t i = 0; i < transaction->partition_count; i++)
        json_array_append_new(partitions,
                              json_pack("{s:s, s:i}", "topic", transaction->partitions[i].topic,
                                        "partition", transaction->partitions[i].partition));
    json_object_set_new(document, "transactionalId", json_string(transaction->transactional_id));
    json_object_set_new(document, "state", json_string(transaction->state));
    json_object_set_new(document, "producerId", json_integer(transaction->producer_id));
    json_object_set_new(document, "producerEpoch", json_integer(transaction->producer_epoch));
    json_object_set_new(document, "timeoutMs", json_integer(transaction->timeout_ms));
    json_object_set_new(document, "startTimeMs", json_integer(transaction->start_ms));
    json_object_set_new(document, "partitions", partitions);
    return json_finish(document);
}

static enum exit_status transaction_print(const struct barnabas_transaction *transaction) {
    time_t seconds = (time_t)(transaction->start_ms / 1000);
    char since[32] = "-";
    struct tm utc;

    if (transaction->start_ms >= 0)
        strftime(since, sizeof(since), "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&seconds, &utc));
    printf("transaction  %s\nstate        %s\nproducer     %lld, epoch %d\ntimeout      %.3f s\n"
           "open since   %s\npartitions  ",
           transaction->transactional_id, transaction->state, (long long)transaction->producer_id,
           transaction->producer_epoch, transaction->timeout_ms / 1000.0, since);
    for (size_t i = 0; i < transaction->partition_count; i++)
        printf(" %s:%d", transaction->partitions[i].topic, transaction->partitions[i].partition);
    printf("%s\n", transaction->partition_count == 0 ? " -" : "");
    return EXIT_OK;
}

static enum exit_status run_describe(const struct invocation *invocation) {
    const char *id = invocation->operands[0];
    struct barnabas_transaction *transaction = NULL;
    struct barnabas_admin *admin;
    enum exit_status status;
    int64_t timeout_ms;
    bool json;
    int error;

    if (!session_json(invocation, &json))
        return EXIT_USAGE;
    if ((status = session_admin(invocation, &admin, &timeout_ms)) != EXIT_OK)
        return status;
    error = barnabas_admin_describe_transaction(admin, id, timeout_ms, &transaction);
    if (error != BARNABAS_OK)
        status = session_fail(id, error);
    else
        status = json ? transaction_print_json(transaction) : transaction_print(transaction);
    barnabas_transaction_free(transaction);
    barnabas_admin_close(admin);
    return status;
}

const struct command command_transaction_describe = {
    .group = "transaction",
    .verb = "describe",
    .operands = "TRANSACTIONAL-ID",
    .operand_count_min = 1,
    .operand_count_max = 1,
    .meaning = "a transaction, as its coordinator knows it",
    .run = run_describe,
};

/* --- producers ---------------------------------------------------------------------------- */

static enum exit_status print_producers(const struct barnabas_partition_producers *in, bool json) {
    struct table *table =
        json ? NULL
             : table_new("PRODUCER# EPOCH# COORDINATOR-EPOCH# LAST-SEQUENCE# LAST-WRITE-MS# "
                         "OPEN-FROM#");
    json_t *items = json_array();
    json_t *document;

    for (size_t i = 0; i < in->count; i++) {
        const struct barnabas_active_producer *producer = &in->items[i];

        json_array_append_new(
            items,
            json_pack("{s:I, s:i, s:i, s:i, s:I, s:I}", "producerId",
                      (json_int_t)producer->producer_id, "producerEpoch", producer->producer_epoch,
                      "coordinatorEpoch", producer->coordinator_epoch, "lastSequence",
                      producer->last_sequence, "lastTimestamp", (json_int_t)producer->last_ms,
                      "currentTransactionStartOffset", (json_int_t)producer->start_offset));
        if (table != NULL) {
            table_number(table, producer->producer_id);
            table_number(table, producer->producer_epoch);
            table_number(table, producer->coordinator_epoch);
            table_number(table, producer->last_sequence);
            table_number(table, producer->last_ms);
            if (producer->start_offset >= 0)
                table_number(table, producer->start_offset);
            else
                table_text(table, "-");
        }
    }
    if (json) {
        document = json_document("ProducerList");
        json_object_set_new(document, "items", items);
        return json_finish(document);
    }
    json_decref(items);
    if (table != NULL)
        table_print(table, stdout);
    table_free(table);
    return EXIT_OK;
}

/* The one that is asked by default; -1 after a complaint. */
static int32_t find_leader(struct barnabas_admin *admin, const struct partition_name *name,
                           int64_t timeout_ms) {
    const char *const topic = name->topic;
    struct barnabas_topics *topics = NULL;
    int32_t leader = -1;
    int error = barnabas_admin_describe_topics(admin, &topic, 1, timeout_ms, &topics);

    if (error == BARNABAS_OK)
        error = topics->count == 1 ? topics->items[0].error : BARNABAS_UNKNOWN_TOPIC_OR_PARTITION;
    if (error == BARNABAS_OK) {
        error = BARNABAS_UNKNOWN_TOPIC_OR_PARTITION;
        for (size_t i = 0; i < topics->items[0].partition_count; i++) {
            const struct barnabas_partition_info *partition = &topics->items[0].partitions[i];

            if (partition->partition != name->partition)
                continue;
            leader = partition->leader;
            error = leader < 0 ? BARNABAS_LEADER_NOT_AVAILABLE : BARNABAS_OK;
        }
    }
    if (error != BARNABAS_OK)
        (void)session_fail(topic, error);
    barnabas_topics_free(topics);
    return leader;
}

static enum exit_status show_producers(struct barnabas_admin *admin,
                                       const struct partition_name *name, int32_t broker,
                                       int64_t timeout_ms, bool json) {
    const struct barnabas_topic_partition partition = {name->topic, name->partition};
    struct barnabas_producers *producers = NULL;
    enum exit_status status;
    int error;

    if (broker < 0 && (broker = find_leader(admin, name, timeout_ms)) < 0)
        return EXIT_FAILED;
    error = barnabas_admin_describe_producers(admin, broker, &partition, 1, timeout_ms, &producers);
    if (error == BARNABAS_OK)
        error = producers->count == 1 ? producers->items[0].error : BARNABAS_MALFORMED;
    status = error == BARNABAS_OK ? print_producers(&producers->items[0], json)
                                  : session_fail(name->topic, error);
    barnabas_producers_free(producers);
    return status;
}

static enum exit_status run_producers(const struct invocation *invocation) {
    int64_t timeout_ms, broker;
    struct partition_name name;
    struct barnabas_admin *admin;
    enum exit_status status;
    bool json;

    if (!session_json(invocation, &json) ||
        !invocation_number(invocation, "broker", 0, INT32_MAX, -1, &broker))
        return EXIT_USAGE;
    if (!partition_name_parse(invocation->operands[0], &name) || name.partition == PARTITION_ALL) {
        fprintf(stderr, "barnabas: %s: a partition is TOPIC:PARTITION\n", invocation->operands[0]);
        return EXIT_USAGE;
    }
    if ((status = session_admin(invocation, &admin, &timeout_ms)) != EXIT_OK)
        return status;
    status = show_producers(admin, &name, (int32_t)broker, timeout_ms, json);
    barnabas_admin_close(admin);
    return status;
}

static const struct flag producers_flags[] = {
    {0, "broker", "ID", "as this broker's replica knows it; by default, as the leader's"},
};

const struct command command_transaction_producers = {
    .group = "transaction",
    .verb = "producers",
    .operands = "TOPIC:PARTITION",
    .operand_count_min = 1,
    .operand_count_max = 1,
    .meaning = "who writes to a partition, and what they have open there",
    .flags = producers_flags,
    .flag_count = 1,
    .run = run_producers,
};
