/*
 * What a fetcher has with one leader: the connection, and the session on it.
 */
#include <stdlib.h>

#include "broker/replica/replica_fetcher_internal.h"
#include "client/base/logger.h"
#include "client/net/connection.h"

#define CONNECT_TIMEOUT_MS 10000

/* The timer is shared: the earliest of those who want it counts. */
void link_retry_in(struct link *link, int64_t pause) {
    int64_t at_ms = clock_monotonic_ms(clock_system()) + pause;

    if (link->retry_at_ms != 0 && link->retry_at_ms <= at_ms)
        return;
    link->retry_at_ms = at_ms;
    loop_timer_arm(&link->retry, pause);
}

static void link_retry_connection(struct link *link) {
    link_retry_in(link, fetcher_pause_ms(link->fetcher, link->failures++));
}

/* Everything is said anew after a lost connection or session. */
void link_forget_session(struct link *link) {
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
            followed_mark_changed(followed);
    }
}

static void link_on_ready(void *context) {
    struct link *link = context;

    link->ready = true;
    link_send(link);
}

void link_on_closed(void *context, enum error error) {
    struct link *link = context;
    struct connection *closed = link->connection;

    LOG_DEBUG("replica_link_closed", "leader=%d error=%s", link->leader_id, error_name(error));
    link->connection = NULL;
    link->ready = false;
    link->request_under_way = false;
    connection_close(closed);
    link_forget_session(link);
    if (link->partition_count > 0)
        link_retry_connection(link);
}

void link_connect(struct link *link) {
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
        link_retry_connection(link);
        return;
    }
    connection.port = port;
    snprintf(client_id, sizeof(client_id), "broker-%d-fetcher-%d", config->broker_id,
             (int)(link->fetcher - link->fetcher->fetchers->threads));
    if (connection_open(link->fetcher->loop, &connection, &link->connection) != ERR_NONE)
        link_retry_connection(link);
}

/* Brings back what was delayed long enough, and the connection. */
static void link_on_retry(struct loop_timer *timer) {
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
            followed->delayed_until_ms = now_ms + REPLICA_THROTTLE_LOOK_MS;
        if (followed->delayed_until_ms <= now_ms)
            followed_fetch_on(followed);
        else if (followed->delayed_until_ms < soonest_ms)
            soonest_ms = followed->delayed_until_ms;
    }
    if (soonest_ms != INT64_MAX)
        link_retry_in(link, soonest_ms - now_ms);
    if (link->connection == NULL && link->partition_count > 0) {
        link_connect(link);
        return;
    }
    if (!TAILQ_EMPTY(&link->changed))
        link_hasten(link); /* the fetch under way does not know them, and may wait for long */
    link_send(link);
}

struct link *link_find_or_make(struct fetcher *fetcher, int32_t leader_id) {
    struct link *link;

    HASH_FIND(hh, fetcher->links, &leader_id, sizeof(leader_id), link);
    if (link != NULL)
        return link;
    link = calloc(1, sizeof(*link));
    CHECK(link != NULL);
    link->fetcher = fetcher;
    link->leader_id = leader_id;
    TAILQ_INIT(&link->changed);
    loop_timer_init(&link->retry, fetcher->loop, link_on_retry);
    HASH_ADD(hh, fetcher->links, leader_id, sizeof(leader_id), link);
    return link;
}

void link_free(struct link *link) {
    HASH_DEL(link->fetcher->links, link);
    connection_close(link->connection);
    loop_timer_done(&link->retry);
    free(link->forgotten);
    free(link);
}
