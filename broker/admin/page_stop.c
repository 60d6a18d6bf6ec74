/* /stop-ok: what an orchestrator asks before it stops this broker. */
#include "broker/admin/admin_page.h"

#include <stdlib.h>
#include <string.h>

#include "broker/admin/stop_check.h"
#include "broker/config/config.h"
#include "broker/config/live_config.h"
#include "broker/control/control.h"
#include "broker/control/control_status.h"
#include "broker/metadata/metadata_cache.h"

/* How many partitions are named; the rest is counted. */
#define NAMED_MAX  100
#define MARGIN_MAX 1000

/* ---- Partitions ---- */

static json_t *ids(const int32_t *numbers, int32_t count) {
    json_t *array = json_array();

    for (int32_t i = 0; i < count; i++)
        json_array_append_new(array, json_integer(numbers[i]));
    return array;
}

static void name_partition(void *context, enum stop_obstacle obstacle,
                           const struct metadata_topic *topic, int32_t index, int32_t min_isr) {
    const struct metadata_partition *partition = &topic->partitions[index];
    json_t *named = context;
    json_t *item;

    if (json_array_size(named) == NAMED_MAX)
        return;
    item = json_pack("{s:s, s:s, s:i, s:i, s:o, s:o, s:i}", "reason", stop_obstacle_name(obstacle),
                     "topic", topic->name, "partitionIndex", (int)index, "leaderId",
                     (int)partition->leader, "replicaNodes",
                     ids(partition->replicas, partition->replica_count), "isrNodes",
                     ids(partition->isr, partition->isr_count), "minInSyncReplicas", (int)min_isr);
    CHECK(item != NULL);
    json_array_append_new(named, item);
}

/* ---- The answer ---- */

/* Why nobody can tell, or NULL. */
static const char *why_unknown(const struct admin_view *view) {
    if (!view->is_attached)
        return view->phase == BROKER_STOPPING ? "stopping" : "starting";
    if (!atomic_load(&control_status(view->parts.control)->is_connected))
        return "zookeeper_disconnected";
    return NULL;
}

static void reply_unknown(struct admin_reply *reply, const char *reason) {
    json_t *object = json_pack("{s:s, s:s, s:b, s:s}", "kind", "BrokerStopOk", "apiVersion",
                               "barnabas/v1", "stopOk", 0, "reason", reason);

    CHECK(object != NULL);
    admin_reply_json(reply, 503, object);
}

static json_t *counts_of(const struct stop_check *check) {
    json_t *counts = json_object();

    for (size_t i = 0; i < STOP_OBSTACLE_COUNT; i++)
        json_object_set_new(counts, stop_obstacle_name((enum stop_obstacle)i),
                            json_integer(check->obstacles[i]));
    return counts;
}

static void reply_known(struct admin_view *view, const struct stop_question *question,
                        struct admin_reply *reply) {
    const struct metadata *metadata = metadata_cache_get(control_metadata(view->parts.control));
    json_t *named = json_array();
    const struct stop_check check = stop_check(metadata, question, name_partition, named);
    const bool is_ok = check.obstacle_count == 0;
    json_t *object = json_pack(
        "{s:s, s:s, s:b, s:i, s:s*, s:i, s:i, s:o, s:o}", "kind", "BrokerStopOk", "apiVersion",
        "barnabas/v1", "stopOk", (int)is_ok, "brokerId", (int)question->broker_id, "reason",
        is_ok ? NULL : "partitions", "partitionsInSync", (int)check.in_sync, "partitionsInTheWay",
        (int)check.obstacle_count, "counts", counts_of(&check), "partitions", named);

    metadata_unref(metadata);
    CHECK(object != NULL);
    admin_reply_json(reply, is_ok ? 200 : 503, object);
}

static bool read_margin(const char *text, int32_t *margin) {
    char *end;
    long value;

    *margin = 0;
    if (text == NULL)
        return true;
    value = strtol(text, &end, 10);
    if (end == text || *end != '\0' || value < 0 || value > MARGIN_MAX)
        return false;
    *margin = (int32_t)value;
    return true;
}

static void make_stop_ok(struct admin_view *view, const struct admin_query *query,
                         struct admin_reply *reply) {
    const char *allow = admin_query_value(query, "allow");
    const char *unknown = why_unknown(view);
    struct stop_question question = {.allow_single_replica = allow != NULL};
    const struct config *config;

    if ((allow != NULL && strcmp(allow, "single_replica") != 0) ||
        !read_margin(admin_query_value(query, "margin"), &question.margin)) {
        admin_reply_text(reply, 400, "allow=single_replica and margin=NUMBER are understood\n");
        return;
    }
    if (unknown != NULL) {
        reply_unknown(reply, unknown);
        return;
    }
    config = live_config_get(control_live_config(view->parts.control));
    question.broker_id = view->parts.broker_id;
    question.min_isr = config->min_insync_replicas;
    live_config_release(config);
    reply_known(view, &question, reply);
}

const struct admin_page admin_page_stop_ok = {
    "/stop-ok", ADMIN_GET,
    "whether this broker may stop now; ?margin=N demands N more in sync, ?allow=single_replica "
    "overlooks what has one replica",
    make_stop_ok};
