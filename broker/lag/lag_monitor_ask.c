/*
 * What one leader is asked in a look: the ends of its logs, then their starts, then, one after the
 * other, the time of the first unread record of each group that is behind. Places and entries stay
 * as they are while a look is under way.
 */
#include <stdlib.h>

#include "broker/lag/lag_monitor_internal.h"
#include "client/base/logger.h"
#include "client/wire/message/fetch.h"
#include "client/wire/message/list_offsets.h"
#include "client/wire/record_batch.h"

#define TIMEOUT_MS           10000
#define LIST_OFFSETS_VERSION 7
#define FETCH_VERSION        11 /* topics by name */
#define CONSUMER             (-1)
#define NO_SESSION           (-1)
#define LATEST               (-1)
#define EARLIEST             (-2)

struct ask {
    struct lag_monitor *monitor;
    int32_t leader;
    struct lag_place **places;
    size_t count;
    struct list_offsets_request offsets;
    struct fetch_request fetch;
    struct fetch_request_topics fetch_topic;
    struct fetch_request_topics_partitions fetch_partition;
    size_t at;               /* the place whose groups are looked at */
    struct lag_entry *entry; /* that is asked for */
};

static void ask_next_time(struct ask *ask);

static void finish(struct ask *ask) {
    struct lag_monitor *monitor = ask->monitor;

    for (int32_t i = 0; i < ask->offsets.topics_count; i++)
        free(ask->offsets.topics[i].partitions);
    free(ask->offsets.topics);
    free(ask->places);
    free(ask);
    lag_monitor_leader_done(monitor);
}

/* Nothing more of this look from that leader; the next look asks anew. */
static void give_up(struct ask *ask, enum error error) {
    if (error != ERR_CANCELLED)
        LOG_DEBUG("lag_not_known", "leader=%d partitions=%zu error=%s", ask->leader, ask->count,
                  error_name(error));
    finish(ask);
}

/* ---- Starts and ends ---- */

static void add_partition(struct list_offsets_request *request, const struct lag_place *place,
                          size_t partitions_max) {
    struct list_offsets_request_topics *topic = NULL;
    struct list_offsets_request_topics_partitions *partition;

    if (request->topics_count > 0)
        topic = &request->topics[request->topics_count - 1];
    if (topic == NULL || !bytes_equal(topic->name, place->topic)) {
        topic = &request->topics[request->topics_count++];
        list_offsets_request_topics_init(topic);
        topic->name = place->topic;
        topic->partitions = calloc(partitions_max, sizeof(*topic->partitions));
        CHECK(topic->partitions != NULL);
    }
    partition = &topic->partitions[topic->partitions_count++];
    list_offsets_request_topics_partitions_init(partition);
    partition->partition_index = place->partition;
}

static void make_offsets_request(struct ask *ask) {
    struct list_offsets_request *request = &ask->offsets;

    list_offsets_request_init(request);
    request->replica_id = CONSUMER;
    request->topics = calloc(ask->count, sizeof(*request->topics));
    CHECK(request->topics != NULL);
    for (size_t i = 0, end = 0; i < ask->count; i++) {
        if (i == end) {
            while (end < ask->count && bytes_equal(ask->places[end]->topic, ask->places[i]->topic))
                end++;
        }
        add_partition(request, ask->places[i], end - i);
    }
}

static void set_timestamp(struct ask *ask, int64_t timestamp) {
    for (int32_t i = 0; i < ask->offsets.topics_count; i++) {
        struct list_offsets_request_topics *topic = &ask->offsets.topics[i];
        for (int32_t j = 0; j < topic->partitions_count; j++)
            topic->partitions[j].timestamp = timestamp;
    }
}

static void take_offsets(struct ask *ask, const struct list_offsets_response *response,
                         bool is_end) {
    for (int32_t i = 0; i < response->topics_count; i++) {
        const struct list_offsets_response_topics *topic = &response->topics[i];
        for (int32_t j = 0; j < topic->partitions_count; j++) {
            struct lag_place *place = lag_table_find(&ask->monitor->table, topic->name,
                                                     topic->partitions[j].partition_index);
            if (place == NULL || topic->partitions[j].error_code != ERR_NONE)
                continue;
            if (is_end) {
                place->log_end_offset = topic->partitions[j].offset;
                place->has_end = true;
            } else {
                place->log_start_offset = topic->partitions[j].offset;
                place->has_start = true;
            }
        }
    }
}

static void on_starts(void *context, enum error error, const void *response) {
    struct ask *ask = context;

    if (error != ERR_NONE) {
        give_up(ask, error);
        return;
    }
    take_offsets(ask, response, false);
    ask_next_time(ask);
}

static void on_ends(void *context, enum error error, const void *response) {
    struct ask *ask = context;

    if (error != ERR_NONE) {
        give_up(ask, error);
        return;
    }
    take_offsets(ask, response, true);
    set_timestamp(ask, EARLIEST);
    peer_call(ask->monitor->calls, ask->leader, &list_offsets_api, LIST_OFFSETS_VERSION,
              &ask->offsets, TIMEOUT_MS, on_starts, ask);
}

/* ---- The time of the first unread record ---- */

static bool is_time_wanted(const struct lag_place *place, const struct lag_entry *entry) {
    return place->has_start && place->has_end && entry->timed_offset != entry->committed &&
           entry->committed >= place->log_start_offset && entry->committed < place->log_end_offset;
}

/* The next entry, from the present one on, that is behind and whose time is not known. */
static bool find_next(struct ask *ask) {
    struct lag_entry *entry = ask->entry == NULL ? NULL : LIST_NEXT(ask->entry, link);

    if (ask->entry == NULL && ask->at < ask->count)
        entry = LIST_FIRST(&ask->places[ask->at]->entries);
    while (ask->at < ask->count) {
        for (; entry != NULL; entry = LIST_NEXT(entry, link)) {
            if (is_time_wanted(ask->places[ask->at], entry)) {
                ask->entry = entry;
                return true;
            }
        }
        if (++ask->at < ask->count)
            entry = LIST_FIRST(&ask->places[ask->at]->entries);
    }
    return false;
}

static void take_time(struct ask *ask, struct bytes records) {
    struct lag_place *place = ask->places[ask->at];
    struct record_batch batch;
    size_t size;

    if (record_batch_total_size(records, &size) != ERR_NONE || size > records.size ||
        record_batch_decode(bytes_of(records.data, size), &batch) != ERR_NONE)
        return; /* of a format that has no such time, or cut */
    ask->entry->timed_offset = ask->entry->committed;
    ask->entry->first_unread_ms =
        batch.base_timestamp == RECORD_NO_TIMESTAMP ? LAG_UNKNOWN_MS : batch.base_timestamp;
    if (batch.record_count > 0)
        place->record_bytes = (double)size / batch.record_count;
}

static void on_fetched(void *context, enum error error, const void *answer) {
    const struct fetch_response *response = answer;
    struct ask *ask = context;

    if (error != ERR_NONE) {
        give_up(ask, error);
        return;
    }
    if (response->responses_count == 1 && response->responses[0].partitions_count == 1 &&
        response->responses[0].partitions[0].error_code == ERR_NONE)
        take_time(ask, response->responses[0].partitions[0].records.data);
    ask_next_time(ask);
}

static void ask_next_time(struct ask *ask) {
    const struct lag_place *place;

    if (!find_next(ask)) {
        finish(ask);
        return;
    }
    place = ask->places[ask->at];
    fetch_request_init(&ask->fetch);
    ask->fetch.replica_id = CONSUMER;
    ask->fetch.max_bytes = 1; /* the first batch comes all the same, whole */
    ask->fetch.session_epoch = NO_SESSION;
    ask->fetch.topics = &ask->fetch_topic;
    ask->fetch.topics_count = 1;
    fetch_request_topics_init(&ask->fetch_topic);
    ask->fetch_topic.topic = place->topic;
    ask->fetch_topic.partitions = &ask->fetch_partition;
    ask->fetch_topic.partitions_count = 1;
    fetch_request_topics_partitions_init(&ask->fetch_partition);
    ask->fetch_partition.partition = place->partition;
    ask->fetch_partition.fetch_offset = ask->entry->committed;
    ask->fetch_partition.partition_max_bytes = 1;
    peer_call(ask->monitor->calls, ask->leader, &fetch_api, FETCH_VERSION, &ask->fetch, TIMEOUT_MS,
              on_fetched, ask);
}

void lag_monitor_ask(struct lag_monitor *monitor, int32_t leader, struct lag_place **places,
                     size_t count) {
    struct ask *ask = calloc(1, sizeof(*ask));

    CHECK(ask != NULL);
    ask->monitor = monitor;
    ask->leader = leader;
    ask->count = count;
    ask->places = malloc(count * sizeof(struct lag_place *));
    CHECK(ask->places != NULL);
    memcpy(ask->places, places, count * sizeof(struct lag_place *));
    make_offsets_request(ask);
    set_timestamp(ask, LATEST);
    peer_call(monitor->calls, leader, &list_offsets_api, LIST_OFFSETS_VERSION, &ask->offsets,
              TIMEOUT_MS, on_ends, ask);
}
