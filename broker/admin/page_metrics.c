/* Metrics: those of the broker as a whole, and those that every partition or group has. */
#include "broker/admin/admin_page.h"
#include "broker/admin/collect.h"

static void reply_with(struct admin_reply *reply, struct exposition *out) {
    *reply = (struct admin_reply){
        .status = 200,
        .content_type = EXPOSITION_CONTENT_TYPE,
        .body = out->data, /* handed over */
        .size = out->size,
    };
}

static void make_metrics(struct admin_view *view, const struct admin_query *query,
                         struct admin_reply *reply) {
    struct exposition out;

    (void)query;
    exposition_init(&out);
    collect_build(&out, view);
    collect_process(&out);
    if (view->logs != NULL)
        collect_log_dirs(&out, view);
    if (view->is_attached) {
        collect_server(&out, view);
        collect_requests(&out, view);
        collect_traffic(&out, view);
        collect_replicas(&out, view);
        collect_cluster(&out, view);
        collect_groups(&out, view);
        collect_zookeeper(&out, view);
        collect_flushes(&out, view);
        collect_compaction(&out, view);
    }
    reply_with(reply, &out);
}

static void make_partitions(struct admin_view *view, const struct admin_query *query,
                            struct admin_reply *reply) {
    struct exposition out;

    exposition_init(&out);
    if (view->is_attached)
        collect_partitions(&out, view, admin_query_value(query, "topic"));
    reply_with(reply, &out);
}

static void make_groups(struct admin_view *view, const struct admin_query *query,
                        struct admin_reply *reply) {
    struct exposition out;

    exposition_init(&out);
    if (view->is_attached)
        collect_group_progress(&out, view, admin_query_value(query, "topic"));
    reply_with(reply, &out);
}

const struct admin_page admin_page_metrics = {
    "/metrics", ADMIN_GET, "metrics of the broker and its topics, for Prometheus", make_metrics};
const struct admin_page admin_page_partitions = {
    "/metrics/partitions", ADMIN_GET, "metrics of each partition here, or of those of ?topic=NAME",
    make_partitions};
const struct admin_page admin_page_group_metrics = {
    "/metrics/groups", ADMIN_GET,
    "metrics of each group coordinated here; its partitions of all topics, or of ?topic=NAME",
    make_groups};
