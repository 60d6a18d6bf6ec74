#include "client/cluster/coordinators.h"

#include <stdlib.h>
#include <string.h>

#include "client/cluster/backoff.h"
#include "client/wire/message/find_coordinator.h"

/* From this version on a request may name many keys, and answers stand in a list. */
#define FIND_VERSION_WITH_LIST 4

#define RESPONSE_ARENA_BYTES ((size_t)1 << 20)

struct coordinator {
    struct cluster *cluster;
    enum coordinator_kind kind;
    int32_t broker_id; /* -1: not known */
    bool asking;
    enum error error; /* that stays */
    uint32_t failures;
    int64_t ask_at_ms; /* not before */
    struct loop_timer timer;
    TAILQ_ENTRY(coordinator) next;
    char key[]; /* in this block of memory */
};

struct coordinators {
    struct cluster *cluster;
    TAILQ_HEAD(, coordinator) list;
};

enum error coordinators_new(struct cluster *cluster, struct coordinators **created) {
    struct coordinators *coordinators = calloc(1, sizeof(*coordinators));

    if (coordinators == NULL)
        return ERR_OUT_OF_MEMORY;
    coordinators->cluster = cluster;
    TAILQ_INIT(&coordinators->list);
    *created = coordinators;
    return ERR_NONE;
}

void coordinators_free(struct coordinators *coordinators) {
    struct coordinator *coordinator;

    if (coordinators == NULL)
        return;
    while ((coordinator = TAILQ_FIRST(&coordinators->list)) != NULL) {
        TAILQ_REMOVE(&coordinators->list, coordinator, next);
        loop_timer_done(&coordinator->timer);
        free(coordinator);
    }
    free(coordinators);
}

static void on_timer(struct loop_timer *timer) {
    struct coordinator *coordinator = CONTAINER_OF(timer, struct coordinator, timer);

    cluster_tell(coordinator->cluster); /* whoever waits asks again */
}

static struct coordinator *get(struct coordinators *coordinators, enum coordinator_kind kind,
                               const char *key) {
    size_t size = strlen(key) + 1;
    struct coordinator *coordinator;

    TAILQ_FOREACH (coordinator, &coordinators->list, next)
        if (coordinator->kind == kind && strcmp(coordinator->key, key) == 0)
            return coordinator;
    coordinator = calloc(1, sizeof(*coordinator) + size);
    if (coordinator == NULL)
        return NULL;
    coordinator->cluster = coordinators->cluster;
    coordinator->kind = kind;
    coordinator->broker_id = -1;
    memcpy(coordinator->key, key, size);
    loop_timer_init(&coordinator->timer, cluster_loop(coordinators->cluster), on_timer);
    TAILQ_INSERT_TAIL(&coordinators->list, coordinator, next);
    return coordinator;
}

static void ask_later(struct coordinator *coordinator) {
    struct cluster *cluster = coordinator->cluster;
    const struct settings *s = cluster_settings(cluster);
    int64_t pause_ms;

    coordinator->broker_id = -1;
    coordinator->failures++;
    pause_ms = backoff_ms(cluster_rng(cluster), s->retry_backoff_ms, s->retry_backoff_ms_max,
                          coordinator->failures);
    coordinator->ask_at_ms = cluster_now_ms(cluster) + pause_ms;
    loop_timer_arm(&coordinator->timer, pause_ms);
}

static enum error read_answer(const struct coordinator *coordinator, int16_t version,
                              struct wire_reader *body, int32_t *broker_id) {
    struct find_coordinator_response response;
    struct arena arena;
    enum error error;

    arena_init(&arena, RESPONSE_ARENA_BYTES);
    error = find_coordinator_response_decode(body, version, &arena, &response);
    if (error == ERR_NONE && version < FIND_VERSION_WITH_LIST) {
        error = response.error_code;
        *broker_id = response.node_id;
    } else if (error == ERR_NONE) {
        error = ERR_MALFORMED;
        for (int32_t i = 0; i < response.coordinators_count; i++)
            if (bytes_equal_text(response.coordinators[i].key, coordinator->key)) {
                error = response.coordinators[i].error_code;
                *broker_id = response.coordinators[i].node_id;
            }
    }
    arena_done(&arena);
    if (error == ERR_NONE && *broker_id < 0)
        error = ERR_COORDINATOR_NOT_AVAILABLE;
    return error;
}

static void on_answer(void *context, enum error error, int16_t version, struct wire_reader *body) {
    struct coordinator *coordinator = context;
    struct cluster *cluster = coordinator->cluster;
    int32_t broker_id = -1;

    coordinator->asking = false;
    if (cluster_is_freeing(cluster))
        return;
    if (error == ERR_NONE)
        error = read_answer(coordinator, version, body, &broker_id);
    else if (error == ERR_CANCELLED)
        error = ERR_CONNECTION_LOST;
    if (error == ERR_NONE) {
        coordinator->broker_id = broker_id;
        coordinator->failures = 0;
        cluster_log_write(cluster, BARNABAS_LOG_DEBUG, "coordinator_found", "key=%s broker=%d",
                          coordinator->key, broker_id);
    } else {
        cluster_log_write(cluster, BARNABAS_LOG_INFO, "coordinator_not_found", "key=%s error=%s",
                          coordinator->key, error_name(error));
        if (!error_is_retriable(error))
            coordinator->error = error;
        ask_later(coordinator);
    }
    cluster_tell(cluster);
}

static void ask(struct coordinator *coordinator) {
    struct cluster *cluster = coordinator->cluster;
    struct connection *connection = cluster_any_connection(cluster);
    struct bytes key = bytes_of_text(coordinator->key);
    struct find_coordinator_request request;
    int16_t version;

    if (connection == NULL)
        return; /* listeners hear when there is one */
    version =
        connection_version(connection, find_coordinator_api.key, find_coordinator_api.version_max);
    find_coordinator_request_init(&request);
    request.key_type = (int8_t)coordinator->kind;
    if (version < FIND_VERSION_WITH_LIST) {
        request.key = key;
    } else {
        request.coordinator_keys = &key;
        request.coordinator_keys_count = 1;
    }
    coordinator->asking = true;
    connection_send(connection, &find_coordinator_api, find_coordinator_api.version_max, &request,
                    cluster_settings(cluster)->request_timeout_ms, true, on_answer, coordinator);
}

int32_t coordinators_find(struct coordinators *coordinators, enum coordinator_kind kind,
                          const char *key, enum error *error) {
    struct coordinator *coordinator = get(coordinators, kind, key);

    if (coordinator == NULL)
        return -1;
    if (coordinator->broker_id >= 0)
        return coordinator->broker_id;
    if (coordinator->asking)
        return -1;
    if (coordinator->error != ERR_NONE) {
        *error = coordinator->error;
        coordinator->error = ERR_NONE; /* told; who asks again is heard */
        return -1;
    }
    if (cluster_now_ms(coordinators->cluster) >= coordinator->ask_at_ms)
        ask(coordinator);
    return -1;
}

void coordinators_forget(struct coordinators *coordinators, enum coordinator_kind kind,
                         const char *key) {
    struct coordinator *coordinator = get(coordinators, kind, key);

    if (coordinator != NULL && coordinator->broker_id >= 0)
        ask_later(coordinator);
}
