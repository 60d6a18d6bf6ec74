/* The groups that this broker coordinates, so that sums over brokers are right: how many are in
 * which state, and how far they are behind. Of the latter the first names are kafka_exporter's. */
#include "broker/admin/collect.h"

#include <stdio.h>
#include <stdlib.h>

#include "broker/group/group_census.h"
#include "broker/lag/lag_report.h"
#include "client/base/check.h"

enum value {
    COMMITTED,
    LAG,
    SECONDS_BEHIND,
    SECONDS_TO_CATCH_UP,
    SECONDS_TO_LOSS,
    LOST_RECORDS,
};

/* A family, on its way. */
struct samples {
    struct exposition *out;
    const char *topic; /* of which rows are told; NULL: of all */
    enum value value;
};

/* Negative: not known, or never. Then there is no sample. */
static double value_of(const struct lag_row *row, enum value value) {
    switch (value) {
    case COMMITTED:
        return (double)row->committed;
    case LAG:
        return (double)row->estimate.records;
    case SECONDS_BEHIND:
        return row->estimate.seconds_behind;
    case SECONDS_TO_CATCH_UP:
        return row->estimate.seconds_to_catch_up;
    case SECONDS_TO_LOSS:
        return row->estimate.seconds_to_loss;
    case LOST_RECORDS:
        break;
    }
    return (double)row->lost_records;
}

static bool is_wanted(const char *topic, const struct lag_row *row) {
    return topic == NULL || bytes_equal_text(row->topic, topic);
}

static char *text(struct bytes value) {
    char *copy = strndup((const char *)value.data, value.size);

    CHECK(copy != NULL);
    return copy;
}

static void add_sample(void *context, const struct lag_row *row) {
    const struct samples *samples = context;
    double value = value_of(row, samples->value);
    char partition[16];
    char *group, *topic;

    if (value < 0 || !is_wanted(samples->topic, row))
        return;
    group = text(row->group);
    topic = text(row->topic);
    snprintf(partition, sizeof(partition), "%d", row->partition);
    exposition_number(samples->out, "",
                      LABELS({"consumergroup", group}, {"topic", topic}, {"partition", partition}),
                      value);
    free(group);
    free(topic);
}

#define GROUPS "kafka_coordinator_group_groupmetadatamanager_"

static void collect_states(struct exposition *out, const struct group_census *census) {
    static const struct {
        const char *name;
        const char *help;
    } states[GROUP_STATE_COUNT] = {
        [GROUP_EMPTY] = {GROUPS "numgroupsempty", "Groups without members."},
        [GROUP_PREPARING_REBALANCE] = {GROUPS "numgroupspreparingrebalance",
                                       "Groups whose members are to join anew."},
        [GROUP_COMPLETING_REBALANCE] = {GROUPS "numgroupscompletingrebalance",
                                        "Groups that wait for their leader's assignment."},
        [GROUP_STABLE] = {GROUPS "numgroupsstable",
                          "Groups whose members all know what they read."},
        [GROUP_DEAD] = {GROUPS "numgroupsdead", "Groups that are being removed."},
    };
    int64_t all = 0;

    for (size_t i = 0; i < GROUP_STATE_COUNT; i++) {
        int64_t count = (int64_t)counter_read(&census->groups[i]);

        exposition_single(out, states[i].name, METRIC_GAUGE, states[i].help, count);
        all += count;
    }
    exposition_single(out, GROUPS "numgroups", METRIC_GAUGE, "Groups coordinated here.", all);
    exposition_single(out, GROUPS "numoffsets", METRIC_GAUGE, "Offsets committed in them.",
                      (int64_t)counter_read(&census->offsets));
}

/* Of one group and topic, whose rows stand together. */
struct sums {
    struct exposition *out;
    const char *wanted_topic; /* NULL: all */
    enum value value;
    char *group; /* owned, as the topic; NULL: nothing yet */
    char *topic;
    double sum;
};

static void end_sum(struct sums *sums) {
    if (sums->group != NULL)
        exposition_number(sums->out, "",
                          LABELS({"consumergroup", sums->group}, {"topic", sums->topic}),
                          sums->sum);
    free(sums->group);
    free(sums->topic);
}

static void add_to_sum(void *context, const struct lag_row *row) {
    struct sums *sums = context;

    if (!is_wanted(sums->wanted_topic, row))
        return;
    if (sums->group == NULL || !bytes_equal_text(row->group, sums->group) ||
        !bytes_equal_text(row->topic, sums->topic)) {
        end_sum(sums);
        sums->group = text(row->group);
        sums->topic = text(row->topic);
        sums->sum = 0;
    }
    sums->sum += value_of(row, sums->value);
}

static void collect_sum(struct exposition *out, struct lag_report *report, const char *topic,
                        const char *name, const char *help, enum value value) {
    struct sums sums = {.out = out, .wanted_topic = topic, .value = value};
    const struct lag_visitor visitor = {NULL, add_to_sum, NULL, &sums};

    exposition_family(out, name, METRIC_GAUGE, help);
    (void)lag_report_visit(report, &visitor);
    end_sum(&sums);
}

static void add_members(void *context, const struct lag_group *group) {
    struct exposition *out = context;
    char *id = text(group->id);

    exposition_integer(out, "", LABELS({"consumergroup", id}), group->member_count);
    free(id);
}

static void collect_members(struct exposition *out, struct lag_report *report) {
    const struct lag_visitor visitor = {add_members, NULL, NULL, out};

    exposition_family(out, "kafka_consumergroup_members", METRIC_GAUGE, "Members of the group.");
    (void)lag_report_visit(report, &visitor);
}

/* Reasons that there never were have no sample: most groups know one or two. */
static void add_rebalances(void *context, const struct lag_group *group) {
    struct exposition *out = context;
    char *id = text(group->id);

    for (int i = 0; i < GROUP_REBALANCE_REASONS; i++) {
        const char *reason = group_rebalance_reason_name((enum group_rebalance_reason)i);

        if (group->rebalances[i] > 0)
            exposition_integer(out, "", LABELS({"group", id}, {"reason", reason}),
                               (int64_t)group->rebalances[i]);
    }
    free(id);
}

static void collect_rebalances(struct exposition *out, struct lag_report *report) {
    const struct lag_visitor visitor = {add_rebalances, NULL, NULL, out};

    exposition_family(out, "barnabas_group_rebalances_total", METRIC_COUNTER,
                      "How often the group began to rebalance, and why.");
    (void)lag_report_visit(report, &visitor);
}

void collect_groups(struct exposition *out, const struct admin_view *view) {
    collect_states(out, view->parts.groups);
}

void collect_group_progress(struct exposition *out, const struct admin_view *view,
                            const char *topic) {
    static const struct {
        const char *name;
        const char *help;
        enum metric_type type;
        enum value value;
    } families[] = {
        {"kafka_consumergroup_current_offset", "What the group has committed.", METRIC_GAUGE,
         COMMITTED},
        {"kafka_consumergroup_lag", "Records that the group has not read yet.", METRIC_GAUGE, LAG},
        {"barnabas_group_lag_seconds", "The age of the first record that it has not read yet.",
         METRIC_GAUGE, SECONDS_BEHIND},
        {"barnabas_group_time_to_drain_seconds",
         "When it will have caught up at the present rates; no sample: never.", METRIC_GAUGE,
         SECONDS_TO_CATCH_UP},
        {"barnabas_group_time_to_loss_seconds",
         "When retention may delete the first record that it has not read yet; no sample: never.",
         METRIC_GAUGE, SECONDS_TO_LOSS},
        {"barnabas_group_lost_records_total",
         "Records that retention deleted before the group had read them.", METRIC_COUNTER,
         LOST_RECORDS},
    };

    if (view->parts.lag == NULL)
        return;
    for (size_t i = 0; i < ARRAY_COUNT(families); i++) {
        struct samples samples = {out, topic, families[i].value};
        const struct lag_visitor visitor = {NULL, add_sample, NULL, &samples};
        exposition_family(out, families[i].name, families[i].type, families[i].help);
        (void)lag_report_visit(view->parts.lag, &visitor);
    }
    collect_sum(out, view->parts.lag, topic, "kafka_consumergroup_current_offset_sum",
                "What the group has committed, summed over the topic's partitions.", COMMITTED);
    collect_sum(out, view->parts.lag, topic, "kafka_consumergroup_lag_sum",
                "Records of the topic that the group has not read yet.", LAG);
    collect_members(out, view->parts.lag);
    collect_rebalances(out, view->parts.lag);
}
