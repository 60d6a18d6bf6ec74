#include "ops/cli/health_groups.h"

#include <inttypes.h>
#include <string.h>

#include "ops/cli/lag_rows.h"

#define LOSS_SECONDS_MIN 3600

/* The partition on which the group is furthest behind, and that which it loses first. */
struct worst {
    const struct lag_row *behind;
    const struct lag_row *loss;
    struct lag_outlook behind_outlook;
    struct lag_outlook loss_outlook;
};

static struct worst worst_of(const struct lag_rows *rows) {
    struct worst worst = {0};

    for (size_t i = 0; i < rows->count; i++) {
        const struct lag_row *row = &rows->items[i];
        struct lag_outlook outlook = lag_outlook_of(&row->facts);

        if (outlook.seconds_behind > 0 &&
            (worst.behind == NULL ||
             outlook.seconds_behind > worst.behind_outlook.seconds_behind)) {
            worst.behind = row;
            worst.behind_outlook = outlook;
        }
        if (outlook.seconds_to_loss >= 0 &&
            (worst.loss == NULL || outlook.seconds_to_loss < worst.loss_outlook.seconds_to_loss)) {
            worst.loss = row;
            worst.loss_outlook = outlook;
        }
    }
    return worst;
}

static void report_worst(struct health_report *report, const struct barnabas_group *group,
                         const struct worst *worst, int64_t lag_seconds_max) {
    char where[300], details[500], time[32];
    const bool is_read = group->member_count > 0;

    snprintf(where, sizeof(where), "group %s", group->name);
    if (worst->loss != NULL && worst->loss_outlook.seconds_to_loss < LOSS_SECONDS_MIN) {
        lag_outlook_text(worst->loss_outlook.seconds_to_loss, time, sizeof(time));
        snprintf(details, sizeof(details), "%s:%d may lose unread records in %s",
                 worst->loss->topic, worst->loss->partition, time);
        health_report_add(
            report,
            &(struct health_finding){
                false, "group-loses-soon", where, worst->loss->facts.first_unread_ms, details,
                is_read ? "raise the topic's retention.ms until the group has caught up"
                        : "start its consumers, or raise the topic's retention.ms"});
    } else if (worst->behind != NULL &&
               worst->behind_outlook.seconds_behind > (double)lag_seconds_max) {
        lag_outlook_text(worst->behind_outlook.seconds_behind, time, sizeof(time));
        snprintf(details, sizeof(details), "%s:%d by %" PRId64 " records, %s", worst->behind->topic,
                 worst->behind->partition, worst->behind->facts.lag, time);
        health_report_add(
            report, &(struct health_finding){
                        true, "group-lagging", where, worst->behind->facts.first_unread_ms, details,
                        is_read ? "see whether its members work: group lag, group describe"
                                : "start its consumers, or delete the group"});
    }
}

static void judge(struct health_report *report, struct barnabas_admin *admin,
                  struct barnabas_config *config, const char *name, int64_t lag_seconds_max,
                  int64_t timeout_ms) {
    struct barnabas_group *group = NULL;
    struct lag_rows rows = {0};
    char where[300];
    int error = barnabas_admin_describe_group(admin, name, timeout_ms, &group);

    if (error == BARNABAS_OK)
        error = lag_rows_read(&rows, admin, config, group, 0, timeout_ms);
    if (error == BARNABAS_OK) {
        const struct worst worst = worst_of(&rows);

        report_worst(report, group, &worst, lag_seconds_max);
    } else {
        snprintf(where, sizeof(where), "group %s", name);
        health_report_add(report, &(struct health_finding){
                                      false, "group-unknown", where, 0, barnabas_error_name(error),
                                      "see whether its coordinator answers: group describe"});
    }
    lag_rows_done(&rows);
    barnabas_group_free(group);
}

int health_groups_judge(struct health_report *report, struct barnabas_admin *admin,
                        struct barnabas_config *config, int64_t lag_seconds_max,
                        int64_t timeout_ms) {
    struct barnabas_groups *groups = NULL;
    int error = barnabas_admin_list_groups(admin, timeout_ms, &groups);

    if (error != BARNABAS_OK)
        return error;
    for (size_t i = 0; i < groups->count; i++)
        judge(report, admin, config, groups->items[i].group, lag_seconds_max, timeout_ms);
    barnabas_groups_free(groups);
    return BARNABAS_OK;
}
