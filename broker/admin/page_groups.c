/* How far groups are behind, and what they lost: of those that this broker coordinates. */
#include "broker/admin/admin_page.h"

#include "broker/lag/lag_report.h"
#include "client/base/check.h"

static json_t *text(struct bytes value) {
    json_t *string = json_stringn((const char *)value.data, value.size);

    return string != NULL ? string : json_string("?"); /* a name that is not UTF-8 */
}

/* Null: not known, or never. */
static json_t *seconds(double value) {
    return value < 0 ? json_null() : json_real(value);
}

struct lists {
    json_t *lag;
    json_t *losses;
};

static void add_row(void *context, const struct lag_row *row) {
    const struct lists *lists = context;
    json_t *object = json_pack(
        "{s:o, s:o, s:i, s:I, s:I, s:I, s:I, s:o, s:o, s:o, s:I}", "group", text(row->group),
        "topic", text(row->topic), "partition", (int)row->partition, "committedOffset",
        (json_int_t)row->committed, "logStartOffset", (json_int_t)row->log_start_offset,
        "logEndOffset", (json_int_t)row->log_end_offset, "lagRecords",
        (json_int_t)row->estimate.records, "secondsBehind", seconds(row->estimate.seconds_behind),
        "secondsToCatchUp", seconds(row->estimate.seconds_to_catch_up), "secondsToLoss",
        seconds(row->estimate.seconds_to_loss), "lostRecords", (json_int_t)row->lost_records);

    CHECK(object != NULL && json_array_append_new(lists->lag, object) == 0);
}

static void add_loss(void *context, const struct lag_loss_event *event) {
    const struct lists *lists = context;
    json_t *object = json_pack(
        "{s:I, s:o, s:o, s:i, s:I, s:I}", "timeMs", (json_int_t)event->wall_ms, "group",
        text(bytes_of_text(event->group)), "topic", text(bytes_of_text(event->topic)), "partition",
        (int)event->partition, "firstLostOffset", (json_int_t)event->loss.first_offset,
        "lastLostOffset", (json_int_t)event->loss.last_offset);

    CHECK(object != NULL && json_array_append_new(lists->losses, object) == 0);
}

static void make_groups(struct admin_view *view, const struct admin_query *query,
                        struct admin_reply *reply) {
    struct lists lists = {json_array(), json_array()};
    const struct lag_visitor visitor = {NULL, add_row, add_loss, &lists};
    int64_t looked_ms = 0;
    json_t *object;

    (void)query;
    CHECK(lists.lag != NULL && lists.losses != NULL);
    if (view->is_attached && view->parts.lag != NULL)
        looked_ms = lag_report_visit(view->parts.lag, &visitor);
    object =
        json_pack("{s:s, s:s, s:I, s:o, s:o}", "kind", "GroupProgress", "apiVersion", "barnabas/v1",
                  "lookedAtMs", (json_int_t)looked_ms, "lag", lists.lag, "losses", lists.losses);
    CHECK(object != NULL);
    admin_reply_json(reply, 200, object);
}

const struct admin_page admin_page_groups = {
    "/groups", ADMIN_GET, "how far the groups coordinated here are behind, and what they lost",
    make_groups};
