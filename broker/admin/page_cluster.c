/* Partitions of the cluster that are not as they should be, and since when: of all, whichever
 * broker is asked. What ZooKeeper's clock said when the state was written survives restarts of
 * brokers. */
#include "broker/admin/admin_page.h"

#include "broker/admin/cluster_tally.h"
#include "broker/config/config.h"
#include "broker/config/live_config.h"
#include "broker/control/control.h"
#include "broker/metadata/metadata_cache.h"
#include "client/base/check.h"

static json_t *numbers(const int32_t *values, int32_t count) {
    json_t *array = json_array();

    CHECK(array != NULL);
    for (int32_t i = 0; i < count; i++)
        CHECK(json_array_append_new(array, json_integer(values[i])) == 0);
    return array;
}

static void add_partition(json_t *items, const struct metadata *metadata,
                          const struct metadata_topic *topic, int32_t index, int32_t min_isr) {
    const struct metadata_partition *partition = &topic->partitions[index];
    const struct partition_standing standing = partition_standing(metadata, topic, index, min_isr);
    const bool is_unbalanced =
        partition->replica_count > 0 && partition->leader != partition->replicas[0];
    json_t *item;

    if (!standing.is_offline && standing.isr_count >= standing.replica_count && !is_unbalanced)
        return;
    item = json_pack("{s:s, s:i, s:i, s:o, s:o, s:b, s:I}", "topic", topic->name, "partition",
                     (int)index, "leader", (int)partition->leader, "replicas",
                     numbers(partition->replicas, partition->replica_count), "isr",
                     numbers(partition->isr, partition->isr_count), "underMinIsr",
                     (int)(standing.isr_count < standing.min_isr), "sinceMs",
                     (json_int_t)partition->state_ms);
    CHECK(item != NULL && json_array_append_new(items, item) == 0);
}

static json_t *list_partitions(const struct admin_view *view) {
    struct control *control = view->parts.control;
    const struct config *config = live_config_get(control_live_config(control));
    const struct metadata *metadata = metadata_cache_get(control_metadata(control));
    json_t *items = json_array();

    CHECK(items != NULL);
    for (int32_t i = 0; i < metadata->topic_count; i++)
        for (int32_t j = 0; j < metadata->topics[i]->partition_count; j++)
            add_partition(items, metadata, metadata->topics[i], j, config->min_insync_replicas);
    metadata_unref(metadata);
    live_config_release(config);
    return items;
}

static void make_cluster(struct admin_view *view, const struct admin_query *query,
                         struct admin_reply *reply) {
    json_t *object;

    (void)query;
    if (!view->is_attached) {
        admin_reply_text(reply, 503, "the broker has not joined its cluster\n");
        return;
    }
    object = json_pack("{s:s, s:s, s:o}", "kind", "ClusterPartitions", "apiVersion", "barnabas/v1",
                       "items", list_partitions(view));
    CHECK(object != NULL);
    admin_reply_json(reply, 200, object);
}

const struct admin_page admin_page_cluster = {
    "/cluster", ADMIN_GET, "partitions that are not as they should be, and since when",
    make_cluster};
