/*
 * What a leader answered, partition by partition.
 */
#include "broker/replica/replica_fetcher_internal.h"
#include "client/base/logger.h"
#include "client/net/connection.h"
#include "client/wire/message/list_offsets.h"

#define LIST_OFFSETS_VERSION_MAX 9

static void ask_offsets(struct followed *followed, int64_t timestamp);

static void on_offsets(void *context, enum error error, int16_t version, struct wire_reader *body) {
    struct link *link = context;
    struct fetcher *fetcher = link->fetcher;
    struct list_offsets_response response;
    const struct list_offsets_response_topics_partitions *answer;
    struct followed *followed;
    struct followed *next;

    if (error == ERR_NONE)
        error = list_offsets_response_decode(body, version, &fetcher->arena, &response);
    if (error != ERR_NONE) {
        arena_reset(&fetcher->arena);
        return; /* the connection closes, or the partition is asked for again with it */
    }
    /* One partition at a time is asked for; it is found by name, since the answer has no id. */
    answer = response.topics_count == 1 && response.topics[0].partitions_count == 1
                 ? &response.topics[0].partitions[0]
                 : NULL;
    HASH_ITER (hh, fetcher->followed, followed, next) {
        if (answer == NULL || followed->link != link ||
            followed->state != FOLLOWED_ASKING_OFFSETS ||
            followed->key.index != answer->partition_index ||
            !bytes_equal_text(response.topics[0].name, partition_topic(followed->partition)))
            continue;
        if (answer->error_code != ERR_NONE) {
            followed_delay(followed);
        } else if (followed->asked_start_offset < 0) {
            followed->asked_start_offset = answer->offset;
            ask_offsets(followed, -1);
        } else {
            followed_handle_own_error(followed, partition_recover_out_of_range(
                                                    followed->partition, followed->leader_epoch,
                                                    followed->asked_start_offset, answer->offset));
        }
    }
    arena_reset(&fetcher->arena);
    link_send(link);
}

static void ask_offsets(struct followed *followed, int64_t timestamp) {
    struct link *link = followed->link;
    const struct replica_fetchers_config *config = &link->fetcher->fetchers->config;
    struct list_offsets_request request;
    struct list_offsets_request_topics topic;
    struct list_offsets_request_topics_partitions partition;

    list_offsets_request_init(&request);
    list_offsets_request_topics_init(&topic);
    list_offsets_request_topics_partitions_init(&partition);
    request.replica_id = config->broker_id;
    request.topics = &topic;
    request.topics_count = 1;
    topic.name = bytes_of_text(partition_topic(followed->partition));
    topic.partitions = &partition;
    topic.partitions_count = 1;
    partition.partition_index = followed->key.index;
    partition.current_leader_epoch = followed->leader_epoch;
    partition.timestamp = timestamp;
    connection_send(link->connection, &list_offsets_api, LIST_OFFSETS_VERSION_MAX, &request,
                    config->timeout_ms, true, on_offsets, link);
}

static void handle_error(struct followed *followed, enum error error) {
    switch ((int)error) {
    case ERR_OFFSET_OUT_OF_RANGE:
        followed_leave_session(followed);
        followed->state = FOLLOWED_ASKING_OFFSETS;
        followed->asked_start_offset = -1;
        ask_offsets(followed, -2);
        break;
    case ERR_FENCED_LEADER_EPOCH:
        if (partition_leader_epoch(followed->partition) != followed->leader_epoch) {
            followed_delay(followed);
            break;
        }
        /* The leader learnt of a new epoch before we did: we shall be told to follow anew. */
        followed_leave_session(followed);
        followed->state = FOLLOWED_FAILED;
        break;
    default:
        LOG_DEBUG("replica_fetch_delayed", "topic=%s partition=%d leader=%d error=%s",
                  partition_topic(followed->partition), followed->key.index,
                  followed->link->leader_id, error_name(error));
        followed_delay(followed);
        break;
    }
}

/* The leader waits to hear that records are deleted here, too. */
static bool has_new_log_start(const struct followed *followed) {
    return log_start_offset(partition_log(followed->partition)) !=
           followed->position.log_start_offset;
}

/* It is behind what is committed: only such a replica may be made to wait. */
static bool lags(const struct followed *followed,
                 const struct fetch_response_responses_partitions *answer) {
    return log_end_offset(partition_log(followed->partition)) < answer->high_watermark;
}

static void handle_partition(struct followed *followed,
                             const struct fetch_response_responses_partitions *answer) {
    enum error error;
    bool complete;

    if (answer->error_code != ERR_NONE) {
        handle_error(followed, (enum error)answer->error_code);
        return;
    }
    if (answer->diverging_epoch.end_offset >= 0 || answer->diverging_epoch.epoch >= 0) {
        /* Not complete only means that the next fetch, from the shorter log, is asked with an
         * older epoch and may diverge again. */
        error = partition_truncate_by_epoch(followed->partition, followed->leader_epoch,
                                            answer->diverging_epoch.epoch,
                                            answer->diverging_epoch.end_offset, &complete);
        followed_handle_own_error(followed, error);
        return;
    }
    error = partition_append_as_follower(followed->partition, followed->leader_epoch,
                                         followed->position.fetch_offset, answer->records.data,
                                         answer->high_watermark, answer->log_start_offset);
    if (error == ERR_NONE) {
        followed->failures = 0;
        partition_record_taken(followed->partition, (int64_t)answer->records.data.size);
        if (lags(followed, answer) && partition_must_pause(followed->partition)) {
            followed_pause_throttled(followed);
            return;
        }
    }
    if (error != ERR_NONE || answer->records.data.size > 0 || has_new_log_start(followed))
        followed_handle_own_error(followed, error);
}

static void handle_response(struct link *link, const struct fetch_response *response) {
    if (response->error_code != ERR_NONE) {
        LOG_DEBUG("replica_session_lost", "leader=%d error=%s", link->leader_id,
                  error_name((enum error)response->error_code));
        link_forget_session(link);
        return;
    }
    for (int32_t i = 0; i < response->responses_count; i++) {
        const struct fetch_response_responses *topic = &response->responses[i];
        for (int32_t j = 0; j < topic->partitions_count; j++) {
            struct followed *followed = followed_find(link->fetcher, &topic->topic_id,
                                                      topic->partitions[j].partition_index);
            /* What has been changed since the request was sent does not fit the answer. */
            if (followed != NULL && followed->link == link &&
                followed->state == FOLLOWED_FETCHING && !followed->listed)
                handle_partition(followed, &topic->partitions[j]);
        }
    }
    link->failures = 0;
    link->session_id = response->session_id;
    if (response->session_id == 0)
        link_forget_session(link);
    else
        link->session_epoch = link->session_epoch == INT32_MAX ? 1 : link->session_epoch + 1;
}

void link_on_fetched(void *context, enum error error, int16_t version, struct wire_reader *body) {
    struct link *link = context;
    struct fetcher *fetcher = link->fetcher;
    struct fetch_response response;

    link->request_under_way = false;
    if (error != ERR_NONE) {
        if (error == ERR_UNSUPPORTED_VERSION)
            LOG_ERROR("leader_speaks_no_fetch", "leader=%d", link->leader_id);
        return; /* on_closed follows */
    }
    fetch_response_init(&response);
    error = fetch_response_decode(body, version, &fetcher->arena, &response);
    if (error != ERR_NONE) {
        LOG_ERROR("fetch_response_malformed", "leader=%d error=%s", link->leader_id,
                  error_name(error));
        arena_reset(&fetcher->arena);
        link_on_closed(link, error);
        return;
    }
    handle_response(link, &response);
    arena_reset(&fetcher->arena);
    link_send(link);
}
