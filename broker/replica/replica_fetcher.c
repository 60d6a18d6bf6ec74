#include "broker/replica/replica_fetcher.h"

#include <stdlib.h>
#include <uthash.h>

#include "client/base/arena.h"
#include "client/base/logger.h"
#include "client/net/connection.h"
#include "client/wire/message/api_keys.h"
#include "client/wire/message/fetch.h"
#include "client/wire/message/list_offsets.h"

#define FETCH_VERSION_MAX        17
#define LIST_OFFSETS_VERSION_MAX 9
#define ARENA_BYTES_MAX          ((size_t)256 << 20)
#define CONNECT_TIMEOUT_MS       10000
#define PAUSE_MS_MIN             INT64_C(20) /* doubled by each failure in a row, up to backoff_ms */
#define THROTTLE_LOOK_MS         50

struct partition_key {
    struct uuid topic_id;
    int32_t index;
};

enum followed_state {
    FOLLOWED_FETCHING,
    FOLLOWED_ASKING_OFFSETS, /* out of range: asks the leader where its log begins and ends */
    FOLLOWED_DELAYED,        /* until delayed_until_ms */
    FOLLOWED_FAILED          /* until it is followed anew */
};

/* One partition that a fetcher follows. */
struct followed {
    struct partition_key key;
    struct partition *partition; /* a reference */
    int32_t leader_epoch;
    struct link *link;
    enum followed_state state;
    struct fetch_position position; /* what the next request says */
    bool in_session;                /* the leader's session has it */
    bool listed;                    /* on the link's `changed` list */
    bool is_throttled;              /* DELAYED: because of the replication throttle */
    int64_t delayed_until_ms;
    int32_t failures;           /* in a row */
    int64_t asked_start_offset; /* ASKING_OFFSETS: the leader's log start, -1 until known */
    TAILQ_ENTRY(followed) changed;
    UT_hash_handle hh;
};

TAILQ_HEAD(followed_list, followed);

/* What one thread has with one leader. */
struct link {
    struct fetcher *fetcher;
    int32_t leader_id;
    struct connection *connection; /* NULL: closed */
    bool ready;
    bool request_under_way;
    int32_t session_id;
    int32_t session_epoch;           /* of the next request; 0: make a session */
    struct followed_list changed;    /* partitions that the session does not know as they are */
    struct partition_key *forgotten; /* to be taken out of the session */
    size_t forgotten_count;
    size_t forgotten_capacity;
    size_t partition_count;
    size_t in_session_count; /* of these */
    int32_t failures;        /* connections in a row that gave no response to a fetch */
    int64_t retry_at_ms;     /* when `retry` expires; 0: it is not armed */
    struct loop_timer retry; /* of the connection, and of delayed partitions */
    UT_hash_handle hh;
};

/* One thread. */
struct fetcher {
    struct replica_fetchers *fetchers;
    struct loop *loop;
    struct followed *followed;
    struct link *links;
    struct arena arena; /* of one request or response */
};

struct replica_fetchers {
    struct replica_fetchers_config config;
    struct fetcher *threads;
    int32_t thread_count;
};

/* ---- Lists ---- */

static struct partition_key key_of(const struct partition *partition) {
    struct partition_key key;

    memset(&key, 0, sizeof(key)); /* keys are compared as bytes */
    key.topic_id = *partition_topic_id(partition);
    key.index = partition_index(partition);
    return key;
}

static struct followed *find_followed(struct fetcher *fetcher, const struct uuid *topic_id,
                                      int32_t index) {
    struct partition_key key;
    struct followed *followed;

    memset(&key, 0, sizeof(key));
    key.topic_id = *topic_id;
    key.index = index;
    HASH_FIND(hh, fetcher->followed, &key, sizeof(key), followed);
    return followed;
}

static void mark_changed(struct followed *followed) {
    if (followed->listed)
        return;
    TAILQ_INSERT_TAIL(&followed->link->changed, followed, changed);
    followed->listed = true;
}

static void unmark_changed(struct followed *followed) {
    if (!followed->listed)
        return;
    TAILQ_REMOVE(&followed->link->changed, followed, changed);
    followed->listed = false;
}

/* The leader's session must not serve it any more. */
static void leave_session(struct followed *followed) {
    struct link *link = followed->link;

    unmark_changed(followed);
    if (!followed->in_session)
        return;
    followed->in_session = false;
    link->in_session_count--;
    if (link->forgotten_count == link->forgotten_capacity) {
        link->forgotten_capacity =
            link->forgotten_capacity == 0 ? 16 : link->forgotten_capacity * 2;
        link->forgotten =
            realloc(link->forgotten, link->forgotten_capacity * sizeof(*link->forgotten));
        CHECK(link->forgotten != NULL);
    }
    link->forgotten[link->forgotten_count++] = followed->key;
}

static void link_send(struct link *link);
static void link_connect(struct link *link);

/* The pause after so many failures in a row. All brokers learn of a new leader at the same moment,
 * so the first fetch often comes a little before the leader knows that it leads. A full backoff
 * would then hold up acks=all for that long. */
static int64_t pause_ms(const struct fetcher *fetcher, int32_t failures) {
    int64_t pause = PAUSE_MS_MIN << (failures < 16 ? failures : 16);
    int64_t longest = fetcher->fetchers->config.backoff_ms;

    return pause < longest ? pause : longest;
}

/* The timer is shared: the earliest of those who want it counts. */
static void retry_in(struct link *link, int64_t pause) {
    int64_t at_ms = clock_monotonic_ms(clock_system()) + pause;

    if (link->retry_at_ms != 0 && link->retry_at_ms <= at_ms)
        return;
    link->retry_at_ms = at_ms;
    loop_timer_arm(&link->retry, pause);
}

static void retry_connection(struct link *link) {
    retry_in(link, pause_ms(link->fetcher, link->failures++));
}

static void delay(struct followed *followed) {
    int64_t pause = pause_ms(followed->link->fetcher, followed->failures++);

    leave_session(followed);
    followed->state = FOLLOWED_DELAYED;
    followed->delayed_until_ms = clock_monotonic_ms(clock_system()) + pause;
    retry_in(followed->link, pause);
}

/* It took too much: asked for again when the throttle allows. */
static void pause_throttled(struct followed *followed) {
    leave_session(followed);
    followed->state = FOLLOWED_DELAYED;
    followed->is_throttled = true;
    followed->delayed_until_ms = clock_monotonic_ms(clock_system()) + THROTTLE_LOOK_MS;
    retry_in(followed->link, THROTTLE_LOOK_MS);
}

static void fail(struct followed *followed, enum error error) {
    LOG_ERROR("replica_fetch_failed",
              "topic=%s partition=%d leader=%d leader_epoch=%d error=%s reason=\"%s\" "
              "action=\"waits for a new leader epoch\"",
              partition_topic(followed->partition), partition_index(followed->partition),
              followed->link->leader_id, followed->leader_epoch, error_name(error),
              error_text(error));
    leave_session(followed);
    followed->state = FOLLOWED_FAILED;
}

static void fetch_on(struct followed *followed) {
    followed->state = FOLLOWED_FETCHING;
    followed->is_throttled = false;
    followed->position = partition_fetch_position(followed->partition);
    mark_changed(followed);
}

/* After an error of our own log: the partition's role changed (its follower will be told), the
 * disk failed, or what came was not as expected. */
static void handle_own_error(struct followed *followed, enum error error) {
    switch ((int)error) {
    case ERR_NONE:
        fetch_on(followed);
        break;
    case ERR_NOT_LEADER_OR_FOLLOWER:
        leave_session(followed);
        followed->state = FOLLOWED_FAILED;
        break;
    case ERR_CORRUPT_MESSAGE:
    case ERR_OFFSET_OUT_OF_RANGE:
        LOG_WARN("replica_fetch_retried", "topic=%s partition=%d leader=%d error=%s",
                 partition_topic(followed->partition), partition_index(followed->partition),
                 followed->link->leader_id, error_name(error));
        delay(followed);
        break;
    default:
        fail(followed, error);
        break;
    }
}

/* ---- Links ---- */

/* Everything is said anew after a lost connection or session. */
static void forget_session(struct link *link) {
    struct followed *followed;
    struct followed *next;

    link->session_id = 0;
    link->session_epoch = 0;
    link->forgotten_count = 0;
    link->in_session_count = 0;
    HASH_ITER (hh, link->fetcher->followed, followed, next) {
        if (followed->link != link)
            continue;
        followed->in_session = false;
        if (followed->state == FOLLOWED_ASKING_OFFSETS)
            followed->state = FOLLOWED_FETCHING;
        if (followed->state == FOLLOWED_FETCHING)
            mark_changed(followed);
    }
}

static void link_on_ready(void *context) {
    struct link *link = context;

    link->ready = true;
    link_send(link);
}

static void link_on_closed(void *context, enum error error) {
    struct link *link = context;
    struct connection *closed = link->connection;

    LOG_DEBUG("replica_link_closed", "leader=%d error=%s", link->leader_id, error_name(error));
    link->connection = NULL;
    link->ready = false;
    link->request_under_way = false;
    connection_close(closed);
    forget_session(link);
    if (link->partition_count > 0)
        retry_connection(link);
}

static void link_connect(struct link *link) {
    const struct replica_fetchers_config *config = &link->fetcher->fetchers->config;
    char host[256];
    char client_id[64];
    uint16_t port;
    struct connection_config connection = {
        .host = host,
        .client_id = client_id,
        .connect_timeout_ms = CONNECT_TIMEOUT_MS,
        .request_timeout_ms = config->timeout_ms,
        .response_bytes_max = (size_t)config->frame_bytes_max,
        .negotiate = true,
        .on_ready = link_on_ready,
        .on_closed = link_on_closed,
        .context = link,
    };

    if (!config->endpoint(config->context, link->leader_id, host, sizeof(host), &port)) {
        retry_connection(link);
        return;
    }
    connection.port = port;
    snprintf(client_id, sizeof(client_id), "broker-%d-fetcher-%d", config->broker_id,
             (int)(link->fetcher - link->fetcher->fetchers->threads));
    if (connection_open(link->fetcher->loop, &connection, &link->connection) != ERR_NONE)
        retry_connection(link);
}

/* Brings back what was delayed long enough, and the connection. */
static void link_retry(struct loop_timer *timer) {
    struct link *link = CONTAINER_OF(timer, struct link, retry);
    int64_t now_ms = clock_monotonic_ms(clock_system());
    int64_t soonest_ms = INT64_MAX;
    struct followed *followed;
    struct followed *next;

    link->retry_at_ms = 0;
    HASH_ITER (hh, link->fetcher->followed, followed, next) {
        if (followed->link != link || followed->state != FOLLOWED_DELAYED)
            continue;
        if (followed->delayed_until_ms <= now_ms && followed->is_throttled &&
            partition_must_pause(followed->partition))
            followed->delayed_until_ms = now_ms + THROTTLE_LOOK_MS;
        if (followed->delayed_until_ms <= now_ms)
            fetch_on(followed);
        else if (followed->delayed_until_ms < soonest_ms)
            soonest_ms = followed->delayed_until_ms;
    }
    if (soonest_ms != INT64_MAX)
        retry_in(link, soonest_ms - now_ms);
    if (link->connection == NULL && link->partition_count > 0)
        link_connect(link);
    else
        link_send(link);
}

static struct link *find_or_make_link(struct fetcher *fetcher, int32_t leader_id) {
    struct link *link;

    HASH_FIND(hh, fetcher->links, &leader_id, sizeof(leader_id), link);
    if (link != NULL)
        return link;
    link = calloc(1, sizeof(*link));
    CHECK(link != NULL);
    link->fetcher = fetcher;
    link->leader_id = leader_id;
    TAILQ_INIT(&link->changed);
    loop_timer_init(&link->retry, fetcher->loop, link_retry);
    HASH_ADD(hh, fetcher->links, leader_id, sizeof(leader_id), link);
    return link;
}

static void link_free(struct link *link) {
    HASH_DEL(link->fetcher->links, link);
    connection_close(link->connection);
    loop_timer_done(&link->retry);
    free(link->forgotten);
    free(link);
}

/* ---- Requests ---- */

static void fill_partition(struct fetch_request_topics *topic, const struct followed *followed,
                           int32_t bytes_max, struct arena *arena) {
    struct fetch_request_topics_partitions *partition = arena_alloc(arena, 1, sizeof(*partition));

    CHECK(partition != NULL);
    *topic = (struct fetch_request_topics){
        .topic = bytes_of_text(partition_topic(followed->partition)),
        .topic_id = followed->key.topic_id,
        .partitions = partition,
        .partitions_count = 1,
    };
    *partition = (struct fetch_request_topics_partitions){
        .partition = followed->key.index,
        .current_leader_epoch = followed->leader_epoch,
        .fetch_offset = followed->position.fetch_offset,
        .last_fetched_epoch = followed->position.last_fetched_epoch,
        .log_start_offset = followed->position.log_start_offset,
        .partition_max_bytes = bytes_max,
    };
}

static void fill_changed(struct link *link, struct fetch_request *request) {
    struct arena *arena = &link->fetcher->arena;
    struct followed *followed;
    int32_t count = 0;

    TAILQ_FOREACH (followed, &link->changed, changed)
        count++;
    request->topics = arena_alloc(arena, (size_t)count, sizeof(*request->topics));
    CHECK(request->topics != NULL);
    request->topics_count = count;
    count = 0;
    while ((followed = TAILQ_FIRST(&link->changed)) != NULL) {
        fill_partition(&request->topics[count++], followed,
                       link->fetcher->fetchers->config.bytes_max, arena);
        unmark_changed(followed);
        if (!followed->in_session)
            link->in_session_count++;
        followed->in_session = true;
    }
}

static void fill_forgotten(struct link *link, struct fetch_request *request) {
    struct arena *arena = &link->fetcher->arena;
    int32_t count = 0;

    request->forgotten_topics_data =
        arena_alloc(arena, link->forgotten_count, sizeof(*request->forgotten_topics_data));
    CHECK(request->forgotten_topics_data != NULL);
    for (size_t i = 0; i < link->forgotten_count; i++) {
        const struct partition_key *key = &link->forgotten[i];
        struct followed *followed = find_followed(link->fetcher, &key->topic_id, key->index);
        int32_t *index;
        if (followed != NULL && followed->link == link && followed->in_session)
            continue; /* back in by this very request */
        index = arena_alloc(arena, 1, sizeof(*index));
        CHECK(index != NULL);
        *index = key->index;
        request->forgotten_topics_data[count++] = (struct fetch_request_forgotten_topics_data){
            .topic_id = key->topic_id, .partitions = index, .partitions_count = 1};
    }
    request->forgotten_topics_data_count = count;
    link->forgotten_count = 0;
}

static void on_fetched(void *context, enum error error, int16_t version, struct wire_reader *body);

static void link_send(struct link *link) {
    struct fetcher *fetcher = link->fetcher;
    const struct replica_fetchers_config *config = &fetcher->fetchers->config;
    struct fetch_request request;

    if (!link->ready || link->request_under_way || link->partition_count == 0)
        return;
    if (TAILQ_EMPTY(&link->changed) &&
        (link->session_epoch == 0 || (link->in_session_count == 0 && link->forgotten_count == 0)))
        return; /* all its partitions are delayed, and would be answered at once with nothing */
    fetch_request_init(&request);
    if (connection_version(link->connection, API_FETCH, FETCH_VERSION_MAX) >= 15) {
        request.replica_state.replica_id = config->broker_id;
        request.replica_state.replica_epoch = config->broker_epoch(config->context);
    } else {
        request.replica_id = config->broker_id;
    }
    request.max_wait_ms = config->wait_ms_max;
    request.min_bytes = config->bytes_min;
    request.max_bytes = config->response_bytes_max;
    request.session_id = link->session_id;
    request.session_epoch = link->session_epoch;
    fill_changed(link, &request);
    fill_forgotten(link, &request);
    link->request_under_way = true;
    connection_send(link->connection, &fetch_api, FETCH_VERSION_MAX, &request, config->timeout_ms,
                    true, on_fetched, link);
    arena_reset(&fetcher->arena);
}

/* ---- Responses ---- */

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
            delay(followed);
        } else if (followed->asked_start_offset < 0) {
            followed->asked_start_offset = answer->offset;
            ask_offsets(followed, -1);
        } else {
            handle_own_error(followed, partition_recover_out_of_range(
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
        leave_session(followed);
        followed->state = FOLLOWED_ASKING_OFFSETS;
        followed->asked_start_offset = -1;
        ask_offsets(followed, -2);
        break;
    case ERR_FENCED_LEADER_EPOCH:
        if (partition_leader_epoch(followed->partition) != followed->leader_epoch) {
            delay(followed);
            break;
        }
        /* The leader learnt of a new epoch before we did: we shall be told to follow anew. */
        leave_session(followed);
        followed->state = FOLLOWED_FAILED;
        break;
    default:
        LOG_DEBUG("replica_fetch_delayed", "topic=%s partition=%d leader=%d error=%s",
                  partition_topic(followed->partition), followed->key.index,
                  followed->link->leader_id, error_name(error));
        delay(followed);
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
        handle_own_error(followed, error);
        return;
    }
    error = partition_append_as_follower(followed->partition, followed->leader_epoch,
                                         followed->position.fetch_offset, answer->records.data,
                                         answer->high_watermark, answer->log_start_offset);
    if (error == ERR_NONE) {
        followed->failures = 0;
        partition_record_taken(followed->partition, (int64_t)answer->records.data.size);
        if (lags(followed, answer) && partition_must_pause(followed->partition)) {
            pause_throttled(followed);
            return;
        }
    }
    if (error != ERR_NONE || answer->records.data.size > 0 || has_new_log_start(followed))
        handle_own_error(followed, error);
}

static void handle_response(struct link *link, const struct fetch_response *response) {
    if (response->error_code != ERR_NONE) {
        LOG_DEBUG("replica_session_lost", "leader=%d error=%s", link->leader_id,
                  error_name((enum error)response->error_code));
        forget_session(link);
        return;
    }
    for (int32_t i = 0; i < response->responses_count; i++) {
        const struct fetch_response_responses *topic = &response->responses[i];
        for (int32_t j = 0; j < topic->partitions_count; j++) {
            struct followed *followed = find_followed(link->fetcher, &topic->topic_id,
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
        forget_session(link);
    else
        link->session_epoch = link->session_epoch == INT32_MAX ? 1 : link->session_epoch + 1;
}

static void on_fetched(void *context, enum error error, int16_t version, struct wire_reader *body) {
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

/* ---- Following and not following ---- */

struct follow_task {
    struct task task;
    struct fetcher *fetcher;
    struct partition *partition; /* a reference */
    int32_t leader_id;           /* METADATA_NO_BROKER: stop */
    int32_t leader_epoch;
};

static void drop(struct fetcher *fetcher, struct followed *followed) {
    leave_session(followed);
    followed->link->partition_count--;
    HASH_DEL(fetcher->followed, followed);
    partition_unref(followed->partition);
    free(followed);
}

static void take_up(struct fetcher *fetcher, struct follow_task *follow) {
    struct followed *followed = calloc(1, sizeof(*followed));
    enum error error;

    CHECK(followed != NULL);
    followed->key = key_of(follow->partition);
    followed->partition = follow->partition;
    partition_ref(followed->partition);
    followed->leader_epoch = follow->leader_epoch;
    followed->link = find_or_make_link(fetcher, follow->leader_id);
    followed->link->partition_count++;
    HASH_ADD(hh, fetcher->followed, key, sizeof(followed->key), followed);
    error =
        partition_begin_following(followed->partition, followed->leader_epoch, &followed->position);
    handle_own_error(followed, error);
    if (followed->link->connection == NULL)
        link_connect(followed->link);
    else
        link_send(followed->link);
}

static void run_follow(struct task *task) {
    struct follow_task *follow = CONTAINER_OF(task, struct follow_task, task);
    struct fetcher *fetcher = follow->fetcher;
    struct partition_key key = key_of(follow->partition);
    struct followed *known = find_followed(fetcher, &key.topic_id, key.index);

    if (known != NULL)
        drop(fetcher, known);
    if (follow->leader_id != METADATA_NO_BROKER)
        take_up(fetcher, follow);
    partition_unref(follow->partition);
    free(follow);
}

static void post_follow(struct replica_fetchers *fetchers, struct partition *partition,
                        int32_t leader_id, int32_t leader_epoch) {
    struct follow_task *follow = calloc(1, sizeof(*follow));
    uint32_t hash = (uint32_t)partition_index(partition);

    CHECK(follow != NULL);
    for (const char *c = partition_topic(partition); *c != '\0'; c++)
        hash = hash * 31 + (unsigned char)*c;
    partition_ref(partition);
    *follow = (struct follow_task){
        .task = {.run = run_follow},
        .fetcher = &fetchers->threads[hash % (uint32_t)fetchers->thread_count],
        .partition = partition,
        .leader_id = leader_id,
        .leader_epoch = leader_epoch,
    };
    executor_post(loop_executor(follow->fetcher->loop), &follow->task);
}

void replica_fetchers_follow(void *context, struct partition *partition, int32_t leader_id,
                             int32_t leader_epoch) {
    post_follow(context, partition, leader_id, leader_epoch);
}

void replica_fetchers_unfollow(void *context, struct partition *partition) {
    post_follow(context, partition, METADATA_NO_BROKER, -1);
}

/* ---- Threads ---- */

static void fetcher_done(struct fetcher *fetcher) {
    struct followed *followed;
    struct followed *next;
    struct link *link;
    struct link *next_link;

    HASH_ITER (hh, fetcher->followed, followed, next)
        drop(fetcher, followed);
    HASH_ITER (hh, fetcher->links, link, next_link)
        link_free(link);
    arena_done(&fetcher->arena);
    loop_free(fetcher->loop);
}

enum error replica_fetchers_start(const struct replica_fetchers_config *config,
                                  struct replica_fetchers **started) {
    struct replica_fetchers *fetchers = calloc(1, sizeof(*fetchers));
    enum error error = ERR_OUT_OF_MEMORY;

    if (fetchers == NULL)
        return error;
    fetchers->config = *config;
    fetchers->threads = calloc((size_t)config->thread_count, sizeof(*fetchers->threads));
    if (fetchers->threads == NULL)
        goto out;
    for (int32_t i = 0; i < config->thread_count; i++) {
        struct fetcher *fetcher = &fetchers->threads[i];
        char name[24];
        fetcher->fetchers = fetchers;
        arena_init(&fetcher->arena, ARENA_BYTES_MAX);
        snprintf(name, sizeof(name), "fetcher-%d", i);
        if ((error = loop_new(&fetcher->loop)) != ERR_NONE)
            goto out;
        fetchers->thread_count++;
        if ((error = loop_start(fetcher->loop, name)) != ERR_NONE)
            goto out;
    }
    *started = fetchers;
    return ERR_NONE;
out:
    replica_fetchers_stop(fetchers);
    return error;
}

void replica_fetchers_stop(struct replica_fetchers *fetchers) {
    if (fetchers == NULL)
        return;
    for (int32_t i = 0; i < fetchers->thread_count; i++) {
        loop_stop(fetchers->threads[i].loop);
        loop_join(fetchers->threads[i].loop);
        fetcher_done(&fetchers->threads[i]);
    }
    free(fetchers->threads);
    free(fetchers);
}
