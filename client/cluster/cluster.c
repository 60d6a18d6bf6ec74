#include "client/cluster/cluster.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/base/clock.h"
#include "client/cluster/backoff.h"
#include "client/cluster/endpoint.h"
#include "client/wire/message/metadata.h"

/* A connection that takes longer than this no longer keeps us from trying another broker. */
#define CONNECT_PATIENCE_MS 1000

/* Bound of what one metadata answer decodes into. */
#define METADATA_ARENA_BYTES ((size_t)256 << 20)

enum node_state { NODE_IDLE, NODE_CONNECTING, NODE_READY };

/* A broker, or a bootstrap server of which we do not know yet which broker it is. */
struct node {
    struct cluster *cluster;
    int32_t id; /* < 0: a bootstrap server */
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

struct wanted_topic {
    char *name;
    TAILQ_ENTRY(wanted_topic) next;
};

struct cluster {
    struct loop *loop;
    const struct settings *settings;
    struct cluster_log log;
    struct rng rng;
    struct view *view;
    struct node_list nodes;
    TAILQ_HEAD(, cluster_listener) listeners;
    TAILQ_HEAD(, wanted_topic) wanted_topics;
    size_t wanted_count;
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
static void tell_listeners(struct cluster *cluster) {
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
    tell_listeners(node->cluster);
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
    tell_listeners(cluster);
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

static struct node *node_find(const struct cluster *cluster, int32_t id) {
    struct node *node;

    TAILQ_FOREACH (node, &cluster->nodes, next)
        if (node->id == id)
            return node;
    return NULL;
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

struct connection *cluster_connection(struct cluster *cluster, int32_t broker_id) {
    struct node *node = node_find(cluster, broker_id);

    if (node == NULL) {
        cluster_refresh(cluster);
        return NULL;
    }
    if (node->state == NODE_READY)
        return node->connection;
    node->wanted = true;
    if (node_is_free(node, cluster_now_ms(cluster)))
        node_connect(node);
    return NULL;
}

bool cluster_broker_failed(const struct cluster *cluster, int32_t broker_id) {
    struct node *node = node_find(cluster, broker_id);

    return node != NULL && node->failures > 0;
}

/* The least busy ready node; known brokers before bootstrap servers. */
static struct node *pick_ready(const struct cluster *cluster) {
    struct node *best = NULL;
    struct node *node;

    TAILQ_FOREACH (node, &cluster->nodes, next) {
        if (node->state != NODE_READY)
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
            if ((node->id < 0) != (pass == 1) || !node_is_free(node, now_ms))
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

static enum error refresh_take(struct cluster *cluster, int16_t version, struct wire_reader *body,
                               bool *settled) {
    struct metadata_response response;
    struct arena arena;
    char ignored[256];
    enum error error;

    arena_init(&arena, METADATA_ARENA_BYTES);
    error = metadata_response_decode(body, version, &arena, &response);
    if (error == ERR_NONE)
        error = view_update(cluster->view, &response, settled);
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
    tell_listeners(cluster);
}

/* The first version in which a client can say that nothing is to be created. */
#define METADATA_VERSION_WITHOUT_CREATION 4

static void refresh_send(struct cluster *cluster, struct connection *connection) {
    struct metadata_request request;
    struct metadata_request_topics *topics;
    struct wanted_topic *wanted;
    int32_t count = 0;

    topics = calloc(cluster->wanted_count + 1, sizeof(*topics));
    if (topics == NULL) {
        refresh_again(cluster);
        return;
    }
    TAILQ_FOREACH (wanted, &cluster->wanted_topics, next) {
        metadata_request_topics_init(&topics[count]);
        topics[count++].name = bytes_of_text(wanted->name);
    }
    metadata_request_init(&request);
    request.topics = topics;
    request.topics_count = count;
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
        tell_listeners(cluster);
}

static struct wanted_topic *wanted_find(struct cluster *cluster, const char *topic) {
    struct wanted_topic *wanted;

    TAILQ_FOREACH (wanted, &cluster->wanted_topics, next)
        if (strcmp(wanted->name, topic) == 0)
            return wanted;
    return NULL;
}

enum error cluster_want_topic(struct cluster *cluster, const char *topic) {
    struct wanted_topic *wanted;

    if (wanted_find(cluster, topic) != NULL)
        return ERR_NONE;
    wanted = malloc(sizeof(*wanted));
    if (wanted == NULL)
        return ERR_OUT_OF_MEMORY;
    wanted->name = strdup(topic);
    if (wanted->name == NULL) {
        free(wanted);
        return ERR_OUT_OF_MEMORY;
    }
    TAILQ_INSERT_TAIL(&cluster->wanted_topics, wanted, next);
    cluster->wanted_count++;
    cluster->refresh_at_ms = 0; /* new topics do not wait for the pause */
    cluster_refresh(cluster);
    return ERR_NONE;
}

static void wanted_remove(struct cluster *cluster, struct wanted_topic *wanted) {
    TAILQ_REMOVE(&cluster->wanted_topics, wanted, next);
    cluster->wanted_count--;
    free(wanted->name);
    free(wanted);
}

void cluster_unwant_topic(struct cluster *cluster, const char *topic) {
    struct wanted_topic *wanted = wanted_find(cluster, topic);

    if (wanted != NULL)
        wanted_remove(cluster, wanted);
    view_forget_topic(cluster->view, topic);
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
    TAILQ_INIT(&cluster->wanted_topics);
    loop_timer_init(&cluster->refresh_timer, loop, cluster_on_refresh);
    loop_timer_init(&cluster->seek_timer, loop, cluster_on_seek);
    if ((error = view_new(&cluster->view)) != ERR_NONE)
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
    struct wanted_topic *wanted;

    if (cluster == NULL)
        return;
    cluster->freeing = true;
    while ((node = TAILQ_FIRST(&cluster->nodes)) != NULL)
        node_remove(node);
    while ((wanted = TAILQ_FIRST(&cluster->wanted_topics)) != NULL)
        wanted_remove(cluster, wanted);
    loop_timer_done(&cluster->refresh_timer);
    loop_timer_done(&cluster->seek_timer);
    view_free(cluster->view);
    free(cluster);
}
