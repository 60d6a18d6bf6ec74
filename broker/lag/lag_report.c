#include "broker/lag/lag_report.h"

#include <stdlib.h>

void lag_report_init(struct lag_report *report) {
    *report = (struct lag_report){0};
    mutex_init(&report->lock);
    arena_init(&report->found.arena, 0);
}

void lag_report_done(struct lag_report *report) {
    for (size_t i = 0; i < LAG_LOSSES_MAX; i++) {
        free(report->losses[i].group);
        free(report->losses[i].topic);
    }
    arena_done(&report->found.arena);
    mutex_done(&report->lock);
}

static int compare_text(struct bytes a, struct bytes b) {
    size_t shorter = a.size < b.size ? a.size : b.size;
    int order = shorter == 0 ? 0 : memcmp(a.data, b.data, shorter);

    return order != 0 ? order : (a.size > b.size) - (a.size < b.size);
}

static int compare(const void *left, const void *right) {
    const struct lag_row *a = left, *b = right;
    int order = compare_text(a->group, b->group);

    if (order == 0)
        order = compare_text(a->topic, b->topic);
    return order != 0 ? order : (a->partition > b->partition) - (a->partition < b->partition);
}

void lag_report_publish(struct lag_report *report, const struct lag_findings *found,
                        int64_t wall_ms) {
    struct arena old;

    if (found->row_count > 0)
        qsort(found->rows, found->row_count, sizeof(*found->rows), compare);
    mutex_lock(&report->lock);
    old = report->found.arena;
    report->found = *found;
    report->wall_ms = wall_ms;
    mutex_unlock(&report->lock);
    arena_done(&old);
}

static char *copy_text(struct bytes text) {
    char *copy = malloc(text.size + 1);

    CHECK(copy != NULL);
    if (text.size > 0)
        memcpy(copy, text.data, text.size);
    copy[text.size] = '\0';
    return copy;
}

void lag_report_add_loss(struct lag_report *report, struct bytes group, struct bytes topic,
                         int32_t partition, const struct lag_loss *loss, int64_t wall_ms) {
    struct lag_loss_event *event;

    mutex_lock(&report->lock);
    event = &report->losses[report->loss_count++ % LAG_LOSSES_MAX];
    free(event->group);
    free(event->topic);
    *event = (struct lag_loss_event){wall_ms, copy_text(group), copy_text(topic), partition, *loss};
    mutex_unlock(&report->lock);
}

int64_t lag_report_visit(struct lag_report *report, const struct lag_visitor *visitor) {
    size_t first;
    int64_t wall_ms;

    mutex_lock(&report->lock);
    wall_ms = report->wall_ms;
    for (size_t i = 0; visitor->group != NULL && i < report->found.group_count; i++)
        visitor->group(visitor->context, &report->found.groups[i]);
    for (size_t i = 0; visitor->row != NULL && i < report->found.row_count; i++)
        visitor->row(visitor->context, &report->found.rows[i]);
    first = report->loss_count > LAG_LOSSES_MAX ? report->loss_count - LAG_LOSSES_MAX : 0;
    for (size_t i = first; visitor->loss != NULL && i < report->loss_count; i++)
        visitor->loss(visitor->context, &report->losses[i % LAG_LOSSES_MAX]);
    mutex_unlock(&report->lock);
    return wall_ms;
}
