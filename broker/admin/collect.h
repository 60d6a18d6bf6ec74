/*
 * Where metrics come from: each function writes the families of one part of the broker. Names are
 * those that dashboards made for Kafka expect, by the rules of the JMX exporter's usual
 * configuration; what Kafka does not have begins with barnabas_.
 *
 * Threads: the admin thread. The view is attached, but for collect_process and collect_build, and
 * for collect_log_dirs, which needs its logs only.
 */
#ifndef BROKER_ADMIN_COLLECT_H
#define BROKER_ADMIN_COLLECT_H

#include "broker/admin/admin_page.h"
#include "broker/admin/cluster_tally.h"
#include "broker/control/control_status.h"
#include "broker/metrics/exposition.h"

void collect_process(struct exposition *out);
void collect_build(struct exposition *out, const struct admin_view *view);
void collect_server(struct exposition *out, const struct admin_view *view);
/* What the metadata says of partitions, and who is the controller. */
void collect_cluster(struct exposition *out, const struct admin_view *view);
/* What the controller does, and what only it tells. */
void collect_controller(struct exposition *out, const struct cluster_tally *tally,
                        const struct control_status *status);
/* How many groups are in which state. */
void collect_groups(struct exposition *out, const struct admin_view *view);
void collect_zookeeper(struct exposition *out, const struct admin_view *view);
void collect_requests(struct exposition *out, const struct admin_view *view);
void collect_traffic(struct exposition *out, const struct admin_view *view);
void collect_replicas(struct exposition *out, const struct admin_view *view);
void collect_flushes(struct exposition *out, const struct admin_view *view);
void collect_compaction(struct exposition *out, const struct admin_view *view);
void collect_log_dirs(struct exposition *out, const struct admin_view *view);

/* The samples of a summary in ms: quantiles of what is recent, count and sum of all. `request` is a
 * label, or NULL. */
void collect_quantiles(struct exposition *out, const char *request,
                       const struct histogram_snapshot *recent,
                       const struct histogram_snapshot *all);

/* The same, of all since the start: for what is rare. */
void collect_rare(struct exposition *out, const char *name, const char *help,
                  const struct histogram *histogram);
/* The samples of a histogram in seconds, of all since the start, with a label of its own; `value`
 * may be NULL: none. */
void collect_buckets(struct exposition *out, const char *label, const char *value,
                     const struct histogram_snapshot *all);

/* Series for each group coordinated here; those of its partitions for one topic only, unless that
 * is NULL. */
void collect_group_progress(struct exposition *out, const struct admin_view *view,
                            const char *topic);
/* A series for each partition of this broker; of one topic, unless that is NULL. */
void collect_partitions(struct exposition *out, const struct admin_view *view, const char *topic);

#endif
