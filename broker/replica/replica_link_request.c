/*
 * The next fetch of a link: what the leader's session does not know yet.
 */
#include "broker/replica/replica_fetcher_internal.h"
#include "client/net/connection.h"
#include "client/wire/message/api_keys.h"

#define FETCH_VERSION_MAX 17

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
        followed_unmark_changed(followed);
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
        struct followed *followed = followed_find(link->fetcher, &key->topic_id, key->index);
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

static void identify(const struct link *link, struct fetch_request *request) {
    const struct replica_fetchers_config *config = &link->fetcher->fetchers->config;

    fetch_request_init(request);
    if (connection_version(link->connection, API_FETCH, FETCH_VERSION_MAX) >= 15) {
        request->replica_state.replica_id = config->broker_id;
        request->replica_state.replica_epoch = config->broker_epoch(config->context);
    } else {
        request->replica_id = config->broker_id;
    }
}

void link_send(struct link *link) {
    struct fetcher *fetcher = link->fetcher;
    const struct replica_fetchers_config *config = &fetcher->fetchers->config;
    struct fetch_request request;

    if (!link->ready || link->request_under_way || link->partition_count == 0)
        return;
    if (TAILQ_EMPTY(&link->changed) &&
        (link->session_epoch == 0 || (link->in_session_count == 0 && link->forgotten_count == 0)))
        return; /* all its partitions are delayed, and would be answered at once with nothing */
    identify(link, &request);
    request.max_wait_ms = config->wait_ms_max;
    request.min_bytes = config->bytes_min;
    request.max_bytes = config->response_bytes_max;
    request.session_id = link->session_id;
    request.session_epoch = link->session_epoch;
    fill_changed(link, &request);
    fill_forgotten(link, &request);
    link->request_under_way = true;
    link->is_hastened = false;
    connection_send(link->connection, &fetch_api, FETCH_VERSION_MAX, &request, config->timeout_ms,
                    true, link_on_fetched, link);
    arena_reset(&fetcher->arena);
}

static void ignore(void *context, enum error error, int16_t version, struct wire_reader *body) {
    (void)context;
    (void)error;
    (void)version;
    (void)body;
}

/* An empty fetch outside of the session. Our leaders answer the one before it then; others answer
 * one after the other, as ever. */
void link_hasten(struct link *link) {
    const struct replica_fetchers_config *config = &link->fetcher->fetchers->config;
    struct fetch_request request;

    if (!link->ready || !link->request_under_way || link->is_hastened)
        return;
    identify(link, &request);
    request.max_wait_ms = 0;
    request.session_id = 0;
    request.session_epoch = -1;
    link->is_hastened = true;
    connection_send(link->connection, &fetch_api, FETCH_VERSION_MAX, &request, config->timeout_ms,
                    true, ignore, link);
}
