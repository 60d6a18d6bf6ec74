#include "ops/cli/unclean_loss.h"

#include <inttypes.h>
#include <stdlib.h>

#include "ops/cli/group_marks.h"
#include "ops/cli/json.h"
#include "ops/cli/live_cluster.h"
#include "ops/cli/session.h"
#include "ops/cli/table.h"

struct row {
    const char *topic;
    const struct barnabas_partition_info *now;
    int32_t candidate;
    bool is_unclean;       /* otherwise he was in sync, and nothing is lost */
    int64_t candidate_end; /* -1: unknown */
    int64_t known_end;     /* -1: nothing is known */
};

struct loss {
    struct live_cluster live;
    struct group_marks marks;
    struct row *rows;
    size_t count, capacity;
};

/* --- Who would lead ----------------------------------------------------------------------- */

static bool add_row(struct loss *loss, const char *topic, const struct barnabas_partition_info *now,
                    const struct impact *impact) {
    if (loss->count == loss->capacity) {
        size_t capacity = loss->capacity == 0 ? 64 : loss->capacity * 2;
        struct row *rows = reallocarray(loss->rows, capacity, sizeof(*rows));

        if (rows == NULL)
            return false;
        loss->rows = rows;
        loss->capacity = capacity;
    }
    loss->rows[loss->count++] = (struct row){topic,
                                             now,
                                             impact->leader,
                                             impact->is_unclean,
                                             -1,
                                             group_marks_end(&loss->marks, topic, now->partition)};
    return true;
}

static enum exit_status look_at(struct loss *loss, size_t topic_index,
                                const struct barnabas_partition_info *now) {
    enum replica_health *health = calloc(now->replica_count + 1, sizeof(*health));
    struct impact_partition partition;
    struct impact impact;
    enum exit_status status;

    if (health == NULL)
        return session_fail("leader elect", BARNABAS_OUT_OF_MEMORY);
    status = live_cluster_partition(&loss->live, topic_index, now, health, &partition);
    if (status == EXIT_OK && controller_impact_of_unclean_election(&partition, &impact) &&
        !add_row(loss, loss->live.topics->items[topic_index].name, now, &impact))
        status = session_fail("leader elect", BARNABAS_OUT_OF_MEMORY);
    free(health);
    return status;
}

static enum exit_status find_rows(struct loss *loss, const struct partition_name *name) {
    enum exit_status status = EXIT_OK;

    for (size_t t = 0; t < loss->live.topics->count && status == EXIT_OK; t++) {
        const struct barnabas_topic_info *topic = &loss->live.topics->items[t];

        for (size_t p = 0; p < topic->partition_count && status == EXIT_OK; p++)
            if (name == NULL || name->partition == PARTITION_ALL ||
                name->partition == topic->partitions[p].partition)
                status = look_at(loss, t, &topic->partitions[p]);
    }
    return status;
}

/* --- Where the logs end ------------------------------------------------------------------- */

static bool has_replica(const struct barnabas_partition_info *now, int32_t broker_id) {
    for (size_t r = 0; r < now->replica_count; r++)
        if (now->replicas[r] == broker_id)
            return true;
    return false;
}

static void note_end(struct row *row, int32_t broker_id, const struct barnabas_offset *told) {
    if (told->error != BARNABAS_OK)
        return;
    if (row->candidate == broker_id)
        row->candidate_end = told->offset;
    if (told->offset > row->known_end)
        row->known_end = told->offset;
}

/* All that one broker has of these partitions. */
static int ask_broker(struct loss *loss, int32_t broker_id) {
    struct barnabas_offset_spec *specs = calloc(loss->count + 1, sizeof(*specs));
    size_t *rows = calloc(loss->count + 1, sizeof(*rows));
    struct barnabas_offsets *offsets = NULL;
    int error = BARNABAS_OUT_OF_MEMORY;
    size_t count = 0;

    for (size_t i = 0; specs != NULL && rows != NULL && i < loss->count; i++)
        if (has_replica(loss->rows[i].now, broker_id)) {
            rows[count] = i;
            specs[count++] = (struct barnabas_offset_spec){
                loss->rows[i].topic, loss->rows[i].now->partition, BARNABAS_OFFSET_SPEC_LATEST};
        }
    if (specs != NULL && rows != NULL)
        error = barnabas_admin_list_replica_offsets(loss->live.admin, broker_id, specs, count,
                                                    loss->live.timeout_ms, &offsets);
    for (size_t i = 0; error == BARNABAS_OK && i < count; i++)
        note_end(&loss->rows[rows[i]], broker_id, &offsets->items[i]);
    barnabas_offsets_free(offsets);
    free(rows);
    free(specs);
    return error;
}

static enum exit_status find_ends(struct loss *loss) {
    for (size_t i = 0; i < loss->live.brokers->broker_count && loss->count > 0; i++) {
        int error = ask_broker(loss, loss->live.brokers->brokers[i].id);

        if (error != BARNABAS_OK)
            return session_fail("leader elect", error);
    }
    return EXIT_OK;
}

/* --- Showing ------------------------------------------------------------------------------ */

/* For sure; -1: nobody knows. */
static int64_t lost_of(const struct row *row) {
    return row->is_unclean ? controller_impact_records_lost(row->known_end, row->candidate_end) : 0;
}

static void print_rows(const struct loss *loss) {
    struct table *table = table_new("PARTITION LEADER-THEN# ENDS-AT# KNOWN-END# LOST");

    for (size_t i = 0; table != NULL && i < loss->count; i++) {
        const struct row *row = &loss->rows[i];
        char text[300];

        snprintf(text, sizeof(text), "%s:%" PRId32, row->topic, row->now->partition);
        table_text(table, text);
        table_number(table, row->candidate);
        table_number(table, row->candidate_end);
        table_number(table, row->known_end);
        if (!row->is_unclean)
            snprintf(text, sizeof(text), "nothing");
        else if (lost_of(row) < 0)
            snprintf(text, sizeof(text), "unknown");
        else
            snprintf(text, sizeof(text), "at least %" PRId64, lost_of(row));
        table_text(table, text);
    }
    if (table != NULL && loss->count > 0)
        table_print(table, stdout);
    table_free(table);
    printf("%zu partitions without a leader would get one\n", loss->count);
}

static enum exit_status print_json(const struct loss *loss) {
    json_t *document = json_document("UncleanElection");
    json_t *items = json_array();

    for (size_t i = 0; i < loss->count; i++) {
        const struct row *row = &loss->rows[i];

        json_array_append_new(items,
                              json_pack("{s:s, s:i, s:i, s:b, s:I, s:I, s:I}", "topic", row->topic,
                                        "partitionIndex", row->now->partition, "leaderIdThen",
                                        row->candidate, "unclean", (int)row->is_unclean,
                                        "logEndOffset", (json_int_t)row->candidate_end,
                                        "knownEndOffset", (json_int_t)row->known_end,
                                        "recordsLostAtLeast", (json_int_t)lost_of(row)));
    }
    json_object_set_new(document, "items", items);
    return json_finish(document);
}

enum exit_status unclean_loss_show(struct barnabas_admin *admin, const struct partition_name *name,
                                   bool json, int64_t timeout_ms) {
    const char *topic = name == NULL ? NULL : name->topic;
    struct loss loss = {0};
    enum exit_status status = live_cluster_open(admin, topic, timeout_ms, &loss.live);

    if (status == EXIT_OK)
        status = group_marks_read(admin, topic, timeout_ms, &loss.marks);
    if (status == EXIT_OK)
        status = find_rows(&loss, name);
    if (status == EXIT_OK)
        status = find_ends(&loss);
    if (status == EXIT_OK && json)
        status = print_json(&loss);
    else if (status == EXIT_OK)
        print_rows(&loss);
    free(loss.rows);
    group_marks_free(&loss.marks);
    live_cluster_close(&loss.live);
    return status;
}
