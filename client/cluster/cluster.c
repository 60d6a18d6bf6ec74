#include "client/cluster/cluster.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/base/clock.h"
#include "client/cluster/backoff.h"
#include "client/cluster/coordinators.h"
#include "client/cluster/endpoint.h"
#include "client/cluster/wanted_topics.h"
#include "client/wire/message/metadata.h"

/* A connection that takes longer than this no longer keeps us from trying another broker. */
#define CONNECT_PATIENCE_MS 1000

/* Bound of what one metadata answer decodes into. */
#define METADATA_ARENA_BYTES ((size_t)256 << 20)

enum node_state { NODE_IDLE, NODE_CONNECTING, NODE_READY };

/* A broker, or a bootstrap server of which we do not know yet which broker it is. */
struct node {
    struct cluster *cluster;
    int32_t id;        /* < 0: a bootstrap server */
    bool coordination; /* a second connection to this broker, for what coordinators are asked */
    char host[ENDPOINT_HOST_MAX];
    uint16_t port;
    enum node_state state;
    bool wanted;         /* somebody waits for it: connect when the pause is over */
    uint32_t failures;   /* in a row */
    int64_t retry_at_ms; /* not before */
    int64_t connecting_since_ms;
    struct connection *connection; /* NULL if idle */
    struct loop_timer retry_timer;
    TAILQ_ENTRY(node) next;
};

TAILQ_HEAD(node_list, node);

struct cluster {
    struct loop *loop;
    const struct settings *settings;
    struct cluster_log log;
    struct rng rng;
    struct view *view;
    struct node_list nodes;
    TAILQ_HEAD(, cluster_listener) listeners;
    struct wanted_topics wanted;
    struct coordinators *coordinators;
    enum error trouble;
    bool freeing;
    /* Metadata: at most one question is under way. */
    bool refresh_due;
    bool refresh_in_flight;
    bool any_wanted; /* somebody waits for any broker */
    uint32_t refresh_failures;
    int64_t refresh_at_ms; /* not before */
    struct loop_timer refresh_timer;
    struct loop_timer seek_timer;
};

static void refresh_pump(struct cluster *cluster);
static void node_connect(struct node *node);

int64_t cluster_now_ms(const struct cluster *cluster) {
    (void)cluster;
    return clock_monotonic_ms(clock_system());
}

void cluster_log_write(const struct cluster *cluster, enum barnabas_log_level level,
                       const char *event, const char *format, ...) {
    char details[512];
    va_list arguments;

    if (cluster->log.write == NULL)
        return;
    va_start(arguments, format);
    vsnprintf(details, sizeof(details), format, arguments);
    va_end(arguments);
    cluster->log.write(cluster->log.context, level, event, details);
}

/* A listener may unlisten itself, but not another, while it is told. */
void cluster_tell(struct cluster *cluster) {
    struct cluster_listener *listener = TAILQ_FIRST(&cluster->listeners);

    while (listener != NULL && !cluster->freeing) {
        struct cluster_listener *next = TAILQ_NEXT(listener, next);

        listener->changed(listener);
        listener = next;
    }
}

void cluster_listen(struct cluster *cluster, struct cluster_listener *listener) {
    TAILQ_INSERT_TAIL(&cluster->listeners, listener, next);
}

void cluster_unlisten(struct cluster *cluster, struct cluster_listener *listener) {
    TAILQ_REMOVE(&cluster->listeners, listener, next);
}

const struct view *cluster_view(const struct cluster *cluster) {
    return cluster->view;
}

const struct settings *cluster_settings(const struct cluster *cluster) {
    return cluster->settings;
}

struct loop *cluster_loop(const struct cluster *cluster) {
    return cluster->loop;
}

bool cluster_is_freeing(const struct cluster *cluster) {
    return cluster->freeing;
}

struct rng *cluster_rng(struct cluster *cluster) {
    return &cluster->rng;
}

/* --- nodes ------------------------------------------------------------------------------- */

static void node_on_ready(void *context) {
    struct node *node = context;

    node->state = NODE_READY;
    node->failures = 0;
    node->wanted = false;
    node->cluster->trouble = ERR_NONE;
    node->cluster->any_wanted = false;
    cluster_log_write(node->cluster, BARNABAS_LOG_DEBUG, "broker_connected",
                      "broker=%d host=%s port=%d", node->id, node->host, node->port);
    refresh_pump(node->cluster);
    cluster_tell(node->cluster);
}

static void node_disconnect(struct node *node) {
    struct connection *connection = node->connection;

    node->connection = NULL;
    node->state = NODE_IDLE;
    connection_close(connection);
}

static void node_failed(struct node *node, enum error error) {
    struct cluster *cluster = node->cluster;
    const struct settings *s = cluster->settings;
    bool was_ready = node->state == NODE_READY;
    int64_t pause_ms;

    node->failures++;
    pause_ms = backoff_ms(&cluster->rng, s->reconnect_backoff_ms, s->reconnect_backoff_ms_max,
                          node->failures);
    node->retry_at_ms = cluster_now_ms(cluster) + pause_ms;
    cluster->trouble = error;
    cluster_log_write(cluster, BARNABAS_LOG_WARN,
                      was_ready ? "connection_lost" : "connection_failed",
                      "broker=%d host=%s port=%d error=%s retry_ms=%" PRId64, node->id, node->host,
                      node->port, error_name(error), pause_ms);
    loop_timer_arm(&node->retry_timer, pause_ms);
    /* Whoever it led has probably moved. */
    if (node->id >= 0)
        cluster_refresh(cluster);
}

static void node_on_closed(void *context, enum error error) {
    struct node *node = context;
    struct cluster *cluster = node->cluster;

    node_failed(node, error);
    node_disconnect(node);
    refresh_pump(cluster);
    cluster_tell(cluster);
}

static void node_on_retry(struct loop_timer *timer) {
    struct node *node = CONTAINER_OF(timer, struct node, retry_timer);

    if (node->state != NODE_IDLE)
        return;
    if (node->wanted)
        node_connect(node);
    else if (node->cluster->any_wanted)
        (void)cluster_any_connection(node->cluster); /* only to set it going */
}

static void node_connect(struct node *node) {
    struct cluster *cluster = node->cluster;
    struct connection_config config = {
        .host = node->host,
        .port = node->port,
        .client_id = cluster->settings->client_id,
        .connect_timeout_ms = cluster->settings->connect_timeout_ms,
        .request_timeout_ms = cluster->settings->request_timeout_ms,
        .response_bytes_max = (size_t)cluster->settings->response_bytes_max,
        .negotiate = true,
        .on_ready = node_on_ready,
        .on_closed = node_on_closed,
        .context = node,
    };
    enum error error;

    CHECK(node->state == NODE_IDLE && node->connection == NULL);
    node->state = NODE_CONNECTING;
    node->connecting_since_ms = cluster_now_ms(cluster);
    error = connection_open(cluster->loop, &config, &node->connection);
    if (error != ERR_NONE) {
        node_failed(node, error);
        node->state = NODE_IDLE;
    }
}

static struct node *node_add(struct cluster *cluster, int32_t id, const char *host, uint16_t port) {
    struct node *node = calloc(1, sizeof(*node));

    if (node == NULL)
        return NULL;
    node->cluster = cluster;
    node->id = id;
    node->port = port;
    snprintf(node->host, sizeof(node->host), "%s", host);
    loop_timer_init(&node->retry_timer, cluster->loop, node_on_retry);
    TAILQ_INSERT_TAIL(&cluster->nodes, node, next);
    return node;
}

static void node_remove(struct node *node) {
    TAILQ_REMOVE(&node->cluster->nodes, node, next);
    loop_timer_done(&node->retry_timer);
    node_disconnect(node);
    free(node);
}

static struct node *node_find_for(const struct cluster *cluster, int32_t id, bool coordination) {
    struct node *node;

    TAILQ_FOREACH (node, &cluster->nodes, next)
        if (node->id == id && node->coordination == coordination)
            return node;
    return NULL;
}

static struct node *node_find(const struct cluster *cluster, int32_t id) {
    return node_find_for(cluster, id, false);
}

/* A bootstrap server that turns out to be this broker. */
static struct node *node_find_bootstrap(const struct cluster *cluster, const char *host,
                                        uint16_t port) {
    struct node *node;

    TAILQ_FOREACH (node, &cluster->nodes, next)
        if (node->id < 0 && node->port == port && strcmp(node->host, host) == 0)
            return node;
    return NULL;
}

static bool node_is_free(const struct node *node, int64_t now_ms) {
    return node->state == NODE_IDLE && now_ms >= node->retry_at_ms;
}

static struct connection *node_use(struct node *node) {
    if (node->state == NODE_READY)
        return node->connection;
    node->wanted = true;
    if (node_is_free(node, cluster_now_ms(node->cluster)))
        node_connect(node);
    return NULL;
}

struct connection *cluster_connection(struct cluster *cluster, int32_t broker_id) {
    struct node *node = node_find(cluster, broker_id);

    if (node != NULL)
        return node_use(node);
    cluster_refresh(cluster);
    return NULL;
}

struct connection *cluster_coordinator_connection(struct cluster *cluster,
                                                  enum coordinator_kind kind, const char *key,
                                                  enum error *error) {
    int32_t id = coordinators_find(cluster->coordinators, kind, key, error);
    struct node *node = id < 0 ? NULL : node_find_for(cluster, id, true);
    const struct view_broker *broker;

    if (id < 0)
        return NULL;
    if (node == NULL) {
        broker = view_broker(cluster->view, id);
        if (broker == NULL) {
            /* It came and we have not heard of it; or it left, and there is another. */
            cluster_forget_coordinator(cluster, kind, key);
            cluster_refresh(cluster);
            return NULL;
        }
        node = node_add(cluster, id, broker->host, broker->port);
        if (node == NULL)
            return NULL;
        node->coordination = true;
    }
    if (node->state == NODE_IDLE && node->failures > 0 &&
        !node_is_free(node, cluster_now_ms(cluster)))
        cluster_forget_coordinator(cluster, kind, key); /* it may have moved */
    return node_use(node);
}

void cluster_forget_coordinator(struct cluster *cluster, enum coordinator_kind kind,
                                const char *key) {
    coordinators_forget(cluster->coordinators, kind, key);
}

bool cluster_broker_failed(const struct cluster *cluster, int32_t broker_id) {
    struct node *node = node_find(cluster, broker_id);

    return node == NULL || node->failures > 0;
}

/* The least busy ready node; known brokers before bootstrap servers. */
static struct node *pick_ready(const struct cluster *cluster) {
    struct node *best = NULL;
    struct node *node;

    TAILQ_FOREACH (node, &cluster->nodes, next) {
        if (node->state != NODE_READY || node->coordination)
            continue;
        if (best == NULL || (best->id < 0 && node->id >= 0) ||
            ((best->id < 0) == (node->id < 0) &&
             connection_in_flight(node->connection) < connection_in_flight(best->connection)))
            best = node;
    }
    return best;
}

/* A node to connect to, by chance: a known broker, or when none may be tried now, a bootstrap
 * server. */
static struct node *pick_free(struct cluster *cluster, int64_t now_ms) {
    for (int pass = 0; pass < 2; pass++) {
        struct node *chosen = NULL;
        struct node *node;
        uint64_t seen = 0;

        TAILQ_FOREACH (node, &cluster->nodes, next) {
            if (node->coordination || (node->id < 0) != (pass == 1) || !node_is_free(node, now_ms))
                continue;
            if (rng_below(&cluster->rng, ++seen) == 0)
                chosen = node;
        }
        if (chosen != NULL)
            return chosen;
    }
    return NULL;
}

enum error cluster_trouble(const struct cluster *cluster) {
    return pick_ready(cluster) != NULL ? ERR_NONE : cluster->trouble;
}

static bool is_connecting(const struct cluster *cluster, int64_t now_ms) {
    struct node *node;

    TAILQ_FOREACH (node, &cluster->nodes, next)
        if (node->state == NODE_CONNECTING &&
            now_ms - node->connecting_since_ms < CONNECT_PATIENCE_MS)
            return true;
    return false;
}

struct connection *cluster_any_connection(struct cluster *cluster) {
    int64_t now_ms = cluster_now_ms(cluster);
    struct node *node = pick_ready(cluster);

    if (node != NULL)
        return node->connection;
    cluster->any_wanted = true;
    loop_timer_arm(&cluster->seek_timer, CONNECT_PATIENCE_MS);
    if (is_connecting(cluster, now_ms))
        return NULL;
    node = pick_free(cluster, now_ms);
    if (node != NULL)
        node_connect(node);
    return NULL;
}

static void cluster_on_seek(struct loop_timer *timer) {
    struct cluster *cluster = CONTAINER_OF(timer, struct cluster, seek_timer);

    if (cluster->any_wanted)
        (void)cluster_any_connection(cluster); /* only to set it going */
}

/* --- metadata ---------------------------------------------------------------------------- */

/* Makes the nodes those of the view. Connections to brokers that moved or left are closed, with
 * what was under way on them. */
static enum error nodes_follow_view(struct cluster *cluster) {
    const struct view *view = cluster->view;
    struct node *node;
    struct node *next;

    for (size_t i = 0; i < view_broker_count(view); i++) {
        const struct view_broker *broker = view_broker_at(view, i);

        if (node_find(cluster, broker->id) != NULL)
            continue;
        node = node_find_bootstrap(cluster, broker->host, broker->port);
        if (node != NULL)
            node->id = broker->id; /* its connection is that broker's */
        else if (node_add(cluster, broker->id, broker->host, broker->port) == NULL)
            return ERR_OUT_OF_MEMORY;
    }
    for (node = TAILQ_FIRST(&cluster->nodes); node != NULL; node = next) {
        const struct view_broker *broker = view_broker(view, node->id);

        next = TAILQ_NEXT(node, next);
        if (node->id < 0)
            continue;
        if (broker == NULL) {
            node_remove(node);
        } else if (broker->port != node->port || strcmp(broker->host, node->host) != 0) {
            node->port = broker->port;
            snprintf(node->host, sizeof(node->host), "%s", broker->host);
            node->failures = 0;
            node->retry_at_ms = 0;
            node_disconnect(node);
        }
    }
    return ERR_NONE;
}

/* The bootstrap servers that became brokers, or were never asked, must be there when all known
 * brokers are gone. */
static enum error bootstrap_nodes_add(struct cluster *cluster, char *reason, size_t reason_size) {
    struct endpoint *endpoints;
    size_t count;
    enum error error;

    error = endpoints_parse(cluster->settings->bootstrap_servers, &endpoints, &count, reason,
                            reason_size);
    if (error != ERR_NONE)
        return error;
    for (size_t i = 0; i < count && error == ERR_NONE; i++) {
        struct node *node = node_find(cluster, -1 - (int32_t)i);

        if (node == NULL &&
            node_add(cluster, -1 - (int32_t)i, endpoints[i].host, endpoints[i].port) == NULL)
            error = ERR_OUT_OF_MEMORY;
    }
    free(endpoints);
    return error;
}

static void refresh_again(struct cluster *cluster) {
    const struct settings *s = cluster->settings;

    cluster->refresh_failures++;
    cluster->refresh_at_ms =
        cluster_now_ms(cluster) + backoff_ms(&cluster->rng, s->retry_backoff_ms,
                                             s->retry_backoff_ms_max, cluster->refresh_failures);
    cluster->refresh_due = true;
    refresh_pump(cluster);
}

/* An answer for all topics tells of those that do not exist by not naming them. */
static enum error refresh_note_absent(struct cluster *cluster) {
    struct wanted_topic *wanted;
    enum error error = ERR_NONE;

    if (!cluster->wanted.all_asked)
        return ERR_NONE;
    view_forget_unnamed(cluster->view);
    cluster->wanted.all_known = true;
    TAILQ_FOREACH (wanted, &cluster->wanted.list, next)
        if (error == ERR_NONE)
            error = view_note_unnamed(cluster->view, wanted->name);
    return error;
}

static enum error refresh_take(struct cluster *cluster, int16_t version, struct wire_reader *body,
                               bool *settled) {
    struct metadata_response response;
    struct arena arena;
    char ignored[256];
    enum error error;

    arena_init(&arena, METADATA_ARENA_BYTES);
    error = metadata_response_decode(body, version, &arena, &response);
    /* A broker that has just started knows of nobody, not even of itself. */
    if (error == ERR_NONE && response.brokers_count <= 0)
        error = ERR_BROKER_NOT_AVAILABLE;
    if (error == ERR_NONE)
        error = view_update(cluster->view, &response, settled);
    if (error == ERR_NONE)
        error = refresh_note_absent(cluster);
    arena_done(&arena);
    if (error == ERR_NONE)
        error = nodes_follow_view(cluster);
    if (error == ERR_NONE)
        error = bootstrap_nodes_add(cluster, ignored, sizeof(ignored));
    return error;
}

static void refresh_on_response(void *context, enum error error, int16_t version,
                                struct wire_reader *body) {
    struct cluster *cluster = context;
    bool settled = false;

    cluster->refresh_in_flight = false;
    if (cluster->freeing)
        return;
    if (error == ERR_NONE)
        error = refresh_take(cluster, version, body, &settled);
    if (error != ERR_NONE) {
        cluster_log_write(cluster, BARNABAS_LOG_WARN, "metadata_failed", "error=%s",
                          error_name(error));
        cluster->trouble = error;
        refresh_again(cluster);
    } else if (!settled) {
        refresh_again(cluster);
    } else {
        cluster->refresh_failures = 0;
        cluster->refresh_at_ms = cluster_now_ms(cluster) + cluster->settings->retry_backoff_ms;
        loop_timer_arm(&cluster->refresh_timer, cluster->settings->metadata_age_ms_max);
        refresh_pump(cluster);
    }
    cluster_tell(cluster);
}

/* The first version in which a client can say that nothing is to be created. */
#define METADATA_VERSION_WITHOUT_CREATION 4

static void refresh_send(struct cluster *cluster, struct connection *connection) {
    struct metadata_request request;
    struct metadata_request_topics *topics;
    struct wanted_topic *wanted;
    int32_t count = 0;

    topics = calloc(cluster->wanted.count + 1, sizeof(*topics));
    if (topics == NULL) {
        refresh_again(cluster);
        return;
    }
    TAILQ_FOREACH (wanted, &cluster->wanted.list, next) {
        metadata_request_topics_init(&topics[count]);
        topics[count++].name = bytes_of_text(wanted->name);
    }
    metadata_request_init(&request);
    cluster->wanted.all_asked = cluster->wanted.all;
    request.topics = topics;
    /* No list at all asks for all topics; before version 1, an empty one did. */
    request.topics_count = cluster->wanted.all ? -1 : count;
    request.allow_auto_topic_creation =
        cluster->settings->auto_create_topics ||
        connection_version(connection, metadata_api.key, metadata_api.version_max) <
            METADATA_VERSION_WITHOUT_CREATION;
    cluster->refresh_in_flight = true;
    connection_send(connection, &metadata_api, metadata_api.version_max, &request,
                    cluster->settings->request_timeout_ms, true, refresh_on_response, cluster);
    free(topics);
}

static void refresh_pump(struct cluster *cluster) {
    struct connection *connection;
    int64_t wait_ms;

    if (!cluster->refresh_due || cluster->refresh_in_flight || cluster->freeing)
        return;
    wait_ms = cluster->refresh_at_ms - cluster_now_ms(cluster);
    if (wait_ms > 0) {
        loop_timer_arm(&cluster->refresh_timer, wait_ms);
        return;
    }
    connection = cluster_any_connection(cluster);
    if (connection == NULL)
        return; /* node_on_ready comes back */
    cluster->refresh_due = false;
    refresh_send(cluster, connection);
}

static void cluster_on_refresh(struct loop_timer *timer) {
    cluster_refresh(CONTAINER_OF(timer, struct cluster, refresh_timer));
}

void cluster_refresh(struct cluster *cluster) {
    cluster->refresh_due = true;
    refresh_pump(cluster);
}

void cluster_learn_leader(struct cluster *cluster, const char *topic, int32_t partition,
                          int32_t leader_id, int32_t leader_epoch) {
    if (view_learn_leader(cluster->view, topic, partition, leader_id, leader_epoch))
        cluster_tell(cluster);
}

bool cluster_knows_all_topics(const struct cluster *cluster) {
    return cluster->wanted.all_known;
}

enum error cluster_want_topic(struct cluster *cluster, const char *topic) {
    bool is_new;
    enum error error = wanted_topics_add(&cluster->wanted, topic, &is_new);

    if (error == ERR_NONE && is_new) {
        cluster->refresh_at_ms = 0; /* new topics do not wait for the pause */
        cluster_refresh(cluster);
    }
    return error;
}

void cluster_unwant_topic(struct cluster *cluster, const char *topic) {
    wanted_topics_remove(&cluster->wanted, topic);
    view_forget_topic(cluster->view, topic);
}

void cluster_want_all_topics(struct cluster *cluster, bool wanted) {
    bool is_new = wanted && !cluster->wanted.all;

    cluster->wanted.all = wanted;
    if (is_new) {
        cluster->wanted.all_known = false;
        cluster->refresh_at_ms = 0;
        cluster_refresh(cluster);
    }
}

enum error cluster_new(struct loop *loop, const struct settings *settings,
                       const struct cluster_log *log, struct cluster **created, char *reason,
                       size_t reason_size) {
    struct cluster *cluster = calloc(1, sizeof(*cluster));
    enum error error;

    if (cluster == NULL)
        return ERR_OUT_OF_MEMORY;
    cluster->loop = loop;
    cluster->settings = settings;
    cluster->log = *log;
    rng_seed_from_kernel(&cluster->rng);
    TAILQ_INIT(&cluster->nodes);
    TAILQ_INIT(&cluster->listeners);
    wanted_topics_init(&cluster->wanted);
    loop_timer_init(&cluster->refresh_timer, loop, cluster_on_refresh);
    loop_timer_init(&cluster->seek_timer, loop, cluster_on_seek);
    if ((error = view_new(&cluster->view)) != ERR_NONE)
        goto out;
    if ((error = coordinators_new(cluster, &cluster->coordinators)) != ERR_NONE)
        goto out;
    if ((error = bootstrap_nodes_add(cluster, reason, reason_size)) != ERR_NONE)
        goto out;
    *created = cluster;
    cluster = NULL; /* handed over */
out:
    cluster_free(cluster);
    return error;
}

void cluster_free(struct cluster *cluster) {
    struct node *node;

    if (cluster == NULL)
        return;
    cluster->freeing = true;
    while ((node = TAILQ_FIRST(&cluster->nodes)) != NULL)
        node_remove(node);
    wanted_topics_done(&cluster->wanted);
    coordinators_free(cluster->coordinators);
    loop_timer_done(&cluster->refresh_timer);
    loop_timer_done(&cluster->seek_timer);
    view_free(cluster->view);
    free(cluster);
}
