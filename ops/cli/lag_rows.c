#include "ops/cli/lag_rows.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "ops/cli/lag_retention.h"
#include "ops/cli/session.h"

#define LOOK_TIMEOUT_MS 10000 /* for the first unread records of all partitions */

static int64_t now_ms(void) {
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Of each partition one record is wanted. */
bool lag_rows_prepare(const struct invocation *invocation, struct barnabas_config *config) {
    return session_default(invocation, config, "enable.partition.eof", "true") &&
           session_default(invocation, config, "auto.offset.reset", "earliest") &&
           session_default(invocation, config, "max.partition.fetch.bytes", "1");
}

void lag_rows_done(struct lag_rows *rows) {
    group_lines_done(&rows->lines);
    free(rows->items);
}

/* --- Offsets ------------------------------------------------------------------------------- */

/* What members read without having committed. */
static bool add_read_partitions(struct group_lines *lines, const struct barnabas_group *group) {
    for (size_t i = 0; i < group->member_count; i++)
        for (size_t j = 0; j < group->members[i].partition_count; j++) {
            const struct barnabas_topic_partition *p = &group->members[i].partitions[j];

            if (group_lines_find(lines, p->topic, p->partition) == NULL &&
                !group_lines_add(lines, p->topic, p->partition, BARNABAS_OFFSET_NONE))
                return false;
        }
    group_lines_sort(lines);
    return true;
}

static int look(struct group_lines *lines, struct barnabas_admin *admin,
                const struct barnabas_group *group, int64_t timeout_ms,
                struct barnabas_offsets **ends) {
    struct barnabas_offsets *committed = NULL;
    int error = barnabas_admin_group_offsets(admin, group->name, timeout_ms, &committed);

    if (error == BARNABAS_OK &&
        (!group_lines_take(lines, committed, NULL) || !add_read_partitions(lines, group)))
        error = BARNABAS_OUT_OF_MEMORY;
    if (error == BARNABAS_OK)
        error = group_lines_locate(lines, admin, BARNABAS_OFFSET_SPEC_LATEST, timeout_ms, ends);
    barnabas_offsets_free(committed);
    return error;
}

static int64_t lag_of(const struct lag_row *row) {
    if (row->committed < 0 || row->end_error != BARNABAS_OK)
        return -1;
    return row->end > row->committed ? row->end - row->committed : 0;
}

static bool fill(struct lag_rows *rows, const struct barnabas_offsets *ends) {
    rows->items = calloc(rows->lines.count + 1, sizeof(*rows->items));
    if (rows->items == NULL)
        return false;
    rows->count = rows->lines.count;
    for (size_t i = 0; i < rows->count; i++) {
        struct lag_row *row = &rows->items[i];

        row->topic = rows->lines.items[i].topic;
        row->partition = rows->lines.items[i].partition;
        row->committed = rows->lines.items[i].offset;
        row->end = ends->items[i].offset;
        row->end_error = ends->items[i].error;
        row->facts = (struct lag_facts){.now_ms = now_ms(),
                                        .lag = lag_of(row),
                                        .first_unread_ms = -1,
                                        .retention_ms = -1,
                                        .retention_bytes = -1,
                                        .written_per_second = -1};
    }
    return true;
}

/* --- Rates --------------------------------------------------------------------------------- */

static void take_rate(struct lag_row *row, const struct lag_row *before, double seconds) {
    if (before->facts.lag < 0 || row->facts.lag < 0)
        return;
    row->facts.gain_per_second = (double)(before->facts.lag - row->facts.lag) / seconds;
    row->facts.written_per_second =
        row->end > before->end ? (double)(row->end - before->end) / seconds : 0;
}

/* Compares what was with what is now, some seconds later. */
static void take_rates(struct lag_rows *rows, const struct lag_rows *before, double seconds) {
    for (size_t i = 0; i < rows->count; i++)
        for (size_t j = 0; j < before->count; j++)
            if (before->items[j].partition == rows->items[i].partition &&
                strcmp(before->items[j].topic, rows->items[i].topic) == 0)
                take_rate(&rows->items[i], &before->items[j], seconds);
}

/* --- The first unread records -------------------------------------------------------------- */

static struct lag_row *row_of(struct lag_rows *rows, const char *topic, int32_t partition) {
    for (size_t i = 0; i < rows->count; i++)
        if (rows->items[i].partition == partition && strcmp(rows->items[i].topic, topic) == 0)
            return &rows->items[i];
    return NULL;
}

static size_t assign_unread(struct lag_rows *rows, struct barnabas_consumer *consumer) {
    size_t wanted = 0;

    for (size_t i = 0; i < rows->count; i++)
        if (rows->items[i].facts.lag > 0 &&
            barnabas_consumer_assign(
                consumer, rows->items[i].topic, rows->items[i].partition,
                (struct barnabas_position){BARNABAS_FROM_OFFSET, rows->items[i].committed}) ==
                BARNABAS_OK)
            wanted++;
    return wanted;
}

/* The position of who was too far behind is moved: that record is gone, but the next is the first
 * that the group will read. */
static void take_times(struct lag_rows *rows, struct barnabas_consumer *consumer, size_t wanted) {
    int64_t deadline = now_ms() + LOOK_TIMEOUT_MS;
    struct barnabas_polled polled;

    while (wanted > 0 && now_ms() < deadline &&
           barnabas_consumer_poll(consumer, deadline - now_ms(), &polled) == BARNABAS_OK) {
        for (size_t i = 0; i < polled.message_count; i++) {
            const struct barnabas_message *message = &polled.messages[i];
            struct lag_row *row = row_of(rows, message->topic, message->partition);

            if (row == NULL || row->facts.first_unread_ms >= 0)
                continue;
            row->facts.first_unread_ms = message->timestamp;
            (void)barnabas_consumer_unassign(consumer, message->topic, message->partition);
            wanted--;
        }
        for (size_t i = 0; i < polled.event_count; i++) {
            const struct barnabas_event *event = &polled.events[i];
            const struct lag_row *row = row_of(rows, event->topic, event->partition);

            /* Its records are gone, or nobody can be asked for them. */
            if (wanted > 0 && event->kind != BARNABAS_POSITION_RESET && row != NULL &&
                row->facts.first_unread_ms < 0)
                wanted--;
        }
    }
}

static bool is_behind(const struct lag_rows *rows) {
    for (size_t i = 0; i < rows->count; i++)
        if (rows->items[i].facts.lag > 0)
            return true;
    return false;
}

static void read_times(struct lag_rows *rows, struct barnabas_config *config) {
    struct barnabas_consumer *consumer;
    struct barnabas_reason reason;

    if (barnabas_consumer_open(config, &consumer, &reason) != BARNABAS_OK)
        return;
    take_times(rows, consumer, assign_unread(rows, consumer));
    barnabas_consumer_close(consumer);
}

/* --- All of it ----------------------------------------------------------------------------- */

static int read_offsets(struct lag_rows *rows, struct barnabas_admin *admin,
                        const struct barnabas_group *group, int64_t timeout_ms) {
    struct barnabas_offsets *ends = NULL;
    int error = look(&rows->lines, admin, group, timeout_ms, &ends);

    if (error == BARNABAS_OK && !fill(rows, ends))
        error = BARNABAS_OUT_OF_MEMORY;
    barnabas_offsets_free(ends);
    return error;
}

int lag_rows_read(struct lag_rows *rows, struct barnabas_admin *admin,
                  struct barnabas_config *config, const struct barnabas_group *group,
                  int64_t rate_seconds, int64_t timeout_ms) {
    struct lag_rows before = {0};
    int error = BARNABAS_OK;
    int64_t looked_ms = 0;

    if (rate_seconds > 0)
        error = read_offsets(&before, admin, group, timeout_ms);
    if (rate_seconds > 0 && error == BARNABAS_OK) {
        looked_ms = now_ms();
        nanosleep(&(struct timespec){.tv_sec = rate_seconds}, NULL);
    }
    if (error == BARNABAS_OK)
        error = read_offsets(rows, admin, group, timeout_ms);
    if (error == BARNABAS_OK && rate_seconds > 0)
        take_rates(rows, &before, (double)(now_ms() - looked_ms) / 1000);
    if (error == BARNABAS_OK && is_behind(rows)) {
        read_times(rows, config);
        lag_retention_read(rows, admin, timeout_ms);
    }
    lag_rows_done(&before);
    return error;
}
