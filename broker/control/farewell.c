#include "broker/control/farewell.h"

#include <stdlib.h>

#include "broker/peer/peer_calls.h"
#include "client/wire/message/metadata.h"

#define VERSION_MAX  8
#define ASK_AGAIN_MS 10
#define ASK_MS_MAX   1000

struct farewell {
    struct farewell_config config;
    struct peer_calls *peers;
    struct metadata_request request; /* names owned */
    struct loop_timer again;         /* to ask the same broker, or the end of the clients' time */
    struct loop_timer limit;         /* of the brokers' time, whatever a connection takes */
    int32_t *others;                 /* those who are still to be asked; owned */
    size_t other_count;
    size_t next;   /* in others: who is being asked */
    bool all_know; /* of the brokers; now the clients */
    bool is_over;
};

static void ask_next(struct farewell *farewell);

/* ---- Whom and what to ask ---- */

static bool leads_any(const struct metadata_topic *topic, int32_t broker_id) {
    for (int32_t p = 0; p < topic->partition_count; p++)
        if (topic->partitions[p].leader == broker_id && topic->partitions[p].replica_count > 1)
            return true;
    return false;
}

static void forget_topics(struct farewell *farewell) {
    for (int32_t t = 0; t < farewell->request.topics_count; t++)
        free((void *)(uintptr_t)farewell->request.topics[t].name.data);
    free(farewell->request.topics);
    farewell->request.topics = NULL;
    farewell->request.topics_count = 0;
}

void farewell_remember(struct farewell *farewell, const struct metadata *metadata) {
    struct metadata_request *request = &farewell->request;

    forget_topics(farewell);
    request->topics = calloc((size_t)metadata->topic_count + 1, sizeof(*request->topics));
    CHECK(request->topics != NULL);
    for (int32_t t = 0; t < metadata->topic_count; t++) {
        const struct metadata_topic *topic = metadata->topics[t];
        struct metadata_request_topics *asked = &request->topics[request->topics_count];
        char *name;

        if (!leads_any(topic, farewell->config.broker_id))
            continue;
        metadata_request_topics_init(asked);
        name = strdup(topic->name);
        CHECK(name != NULL);
        asked->name = bytes_of_text(name);
        request->topics_count++;
    }
}

static void find_others(struct farewell *farewell) {
    const struct metadata *metadata = metadata_cache_get(farewell->config.metadata);

    farewell->others = calloc((size_t)metadata->broker_count + 1, sizeof(*farewell->others));
    CHECK(farewell->others != NULL);
    for (int32_t i = 0; i < metadata->broker_count; i++)
        if (metadata->brokers[i]->id != farewell->config.broker_id)
            farewell->others[farewell->other_count++] = metadata->brokers[i]->id;
    metadata_unref(metadata);
}

/* ---- Asking ---- */

static void finish(struct farewell *farewell) {
    farewell->is_over = true;
    farewell->config.on_said(farewell->config.context);
}

/* Whether he names this broker as leader of something that it does not lead any more; what nobody
 * could take stays with it. */
static bool names_me_wrongly(const struct farewell *farewell,
                             const struct metadata_response_topics *told,
                             const struct metadata_topic *known) {
    const int32_t me = farewell->config.broker_id;

    for (int32_t p = 0; known != NULL && p < told->partitions_count; p++) {
        const struct metadata_partition *partition =
            metadata_find_partition(known, told->partitions[p].partition_index);

        if (told->partitions[p].leader_id == me && partition != NULL && partition->leader != me)
            return true;
    }
    return false;
}

static bool is_behind(const struct farewell *farewell, const struct metadata_response *response) {
    const struct metadata *metadata = metadata_cache_get(farewell->config.metadata);
    bool behind = false;

    for (int32_t t = 0; t < response->topics_count && !behind; t++)
        behind = names_me_wrongly(farewell, &response->topics[t],
                                  metadata_find_topic(metadata, response->topics[t].name));
    metadata_unref(metadata);
    return behind;
}

static void turn_to_clients(struct farewell *farewell) {
    farewell->all_know = true;
    loop_timer_cancel(&farewell->limit);
    loop_timer_arm(&farewell->again, FAREWELL_CLIENTS_MS);
}

static void on_answer(void *context, enum error error, const void *response) {
    struct farewell *farewell = context;

    if (farewell->is_over || farewell->all_know)
        return;
    if (error == ERR_NONE && is_behind(farewell, response)) {
        loop_timer_arm(&farewell->again, ASK_AGAIN_MS);
        return;
    }
    /* He knows, or is gone. */
    farewell->next++;
    ask_next(farewell);
}

static void ask_next(struct farewell *farewell) {
    if (farewell->next == farewell->other_count) {
        turn_to_clients(farewell);
        return;
    }
    peer_call(farewell->peers, farewell->others[farewell->next], &metadata_api, VERSION_MAX,
              &farewell->request, ASK_MS_MAX, on_answer, farewell);
}

static void on_again(struct loop_timer *timer) {
    struct farewell *farewell = CONTAINER_OF(timer, struct farewell, again);

    if (farewell->is_over)
        return;
    if (farewell->all_know)
        finish(farewell);
    else
        ask_next(farewell);
}

static void on_limit(struct loop_timer *timer) {
    struct farewell *farewell = CONTAINER_OF(timer, struct farewell, limit);

    if (!farewell->is_over && !farewell->all_know)
        turn_to_clients(farewell);
}

void farewell_begin(struct farewell *farewell) {
    if (farewell->is_over)
        return;
    if (farewell->request.topics_count == 0) {
        finish(farewell); /* it led nothing that could have moved */
        return;
    }
    loop_timer_arm(&farewell->limit, FAREWELL_BROKERS_MS_MAX);
    find_others(farewell);
    ask_next(farewell);
}

/* ---- Life ---- */

enum error farewell_new(const struct farewell_config *config, struct farewell **created) {
    const struct peer_calls_config peers = {
        .loop = config->loop,
        .metadata = config->metadata,
        .listener = config->listener,
        .purpose = "farewell",
        .broker_id = config->broker_id,
    };
    struct farewell *farewell = calloc(1, sizeof(*farewell));

    if (farewell == NULL)
        return ERR_OUT_OF_MEMORY;
    farewell->config = *config;
    metadata_request_init(&farewell->request);
    farewell->request.topics = NULL;
    farewell->request.topics_count = 0;
    farewell->request.allow_auto_topic_creation = false;
    farewell->peers = peer_calls_new(&peers);
    if (farewell->peers == NULL) {
        free(farewell);
        return ERR_OUT_OF_MEMORY;
    }
    loop_timer_init(&farewell->again, config->loop, on_again);
    loop_timer_init(&farewell->limit, config->loop, on_limit);
    *created = farewell;
    return ERR_NONE;
}

void farewell_abandon(struct farewell *farewell) {
    farewell->is_over = true;
    loop_timer_cancel(&farewell->again);
    loop_timer_cancel(&farewell->limit);
}

void farewell_free(struct farewell *farewell) {
    if (farewell == NULL)
        return;
    farewell->is_over = true;
    peer_calls_free(farewell->peers);
    loop_timer_done(&farewell->again);
    loop_timer_done(&farewell->limit);
    forget_topics(farewell);
    free(farewell->others);
    free(farewell);
}
