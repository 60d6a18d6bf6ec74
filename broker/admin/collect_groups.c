/* How far groups are behind: of those that this broker coordinates, so that sums over brokers are
 * right. The first names are kafka_exporter's. */
#include "broker/admin/collect.h"

#include <stdio.h>
#include <stdlib.h>

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

struct samples {
    struct exposition *out;
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

    if (value < 0)
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

void collect_groups(struct exposition *out, const struct admin_view *view) {
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
        struct samples samples = {out, families[i].value};
        const struct lag_visitor visitor = {add_sample, NULL, &samples};
        exposition_family(out, families[i].name, families[i].type, families[i].help);
        (void)lag_report_visit(view->parts.lag, &visitor);
    }
}
