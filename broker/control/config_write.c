#include "broker/control/config_write.h"

#include <stdio.h>

#include "client/base/logger.h"
#include "zk-schema/config_znode.h"
#include "zk-schema/zk.h"

#define ARENA_BYTES_MAX ((size_t)16 << 20)
#define ATTEMPTS_MAX    10    /* others may write the same settings at the same time */
#define WRITE_MS_MAX    20000 /* clients wait 30 s and more */

enum { OP_CONTROLLER, OP_ENTITY, OP_CHANGE, OP_TOPIC, OP_COUNT };

static void begin(struct config_write *write);

/* The owner may hand the write to another thread, which frees it: it is not touched afterwards. */
static void finish(struct config_write *write, enum error error) {
    struct arena arena = write->arena;

    write->done(write, error);
    arena_done(&arena);
}

static bool is_away(enum error error) {
    return error == ERR_ZK_OUTCOME_UNKNOWN || error == ERR_ZK_SESSION_EXPIRED;
}

static void wait_for_zookeeper(struct config_write *write) {
    TAILQ_INSERT_TAIL(&write->writes->waiting, write, entry);
}

static struct znode_path entity_path(const struct config_write *write) {
    struct znode_path path;

    snprintf(path.text, sizeof(path.text), "/config/%s", write->entity);
    return path;
}

static bool is_overtaken(enum error error) {
    return error == ERR_ZK_BAD_VERSION || error == ERR_ZK_NO_NODE || error == ERR_ZK_NODE_EXISTS;
}

static void on_written(void *context, const struct zk_result *result) {
    struct config_write *write = context;
    bool topic_gone = !bytes_is_null(write->topic) && result->op_count == OP_COUNT &&
                      result->ops[OP_TOPIC].error == ERR_ZK_NO_NODE;

    if (topic_gone)
        finish(write, ERR_UNKNOWN_TOPIC_OR_PARTITION);
    else if (is_away(result->error))
        wait_for_zookeeper(write);
    else if (!is_overtaken(result->error))
        finish(write, result->error);
    else if (write->attempts < ATTEMPTS_MAX)
        begin(write);
    else
        finish(write, ERR_REQUEST_TIMED_OUT);
}

static struct bytes encode(struct config_write *write, const struct config_pair *pairs,
                           size_t count) {
    struct config_entry *entries = arena_alloc(&write->arena, count, sizeof(*entries));
    struct config_znode znode = {entries, (int32_t)count};

    for (size_t i = 0; entries != NULL && i < count; i++) {
        entries[i].key = (const char *)arena_copy(&write->arena, pairs[i].key).data;
        entries[i].value = (const char *)arena_copy(&write->arena, pairs[i].value).data;
        if (entries[i].key == NULL || entries[i].value == NULL)
            return BYTES_NULL;
    }
    return entries == NULL ? BYTES_NULL : config_znode_encode(&znode, &write->arena);
}

static void store(struct config_write *write, const struct config_pair *pairs, size_t count) {
    struct znode_path path = entity_path(write);
    struct znode_path topic_path = {""};
    struct bytes data = encode(write, pairs, count);
    struct bytes news = config_change_znode_encode(write->entity, &write->arena);
    struct zk_op ops[OP_COUNT] = {
        [OP_CONTROLLER] = {ZK_OP_CHECK, PATH_CONTROLLER, .version = write->controller_version},
        [OP_ENTITY] = {write->version < 0 ? ZK_OP_CREATE : ZK_OP_SET, path.text, data,
                       .version = write->version},
        [OP_CHANGE] = {ZK_OP_CREATE, PATH_CONFIG_CHANGE_PREFIX, news, .flags = ZK_SEQUENTIAL},
        [OP_TOPIC] = {ZK_OP_CHECK, topic_path.text, .version = ZK_ANY_VERSION},
    };

    if (bytes_is_null(data) || bytes_is_null(news)) {
        finish(write, ERR_OUT_OF_MEMORY);
        return;
    }
    if (!bytes_is_null(write->topic))
        topic_path = path_of_topic(write->topic);
    zk_multi(write->writes->zk, ops, bytes_is_null(write->topic) ? OP_TOPIC : OP_COUNT, on_written,
             write);
}

static void decide(struct config_write *write) {
    struct config_pair *after;
    size_t after_count;
    enum error error = write->read_error;

    if (is_away(error)) {
        wait_for_zookeeper(write);
        return;
    }
    if (error == ERR_NONE)
        error = write->decide(write, write->pairs, write->pair_count, &write->arena, &after,
                              &after_count);
    if (error != ERR_NONE || write->validate_only)
        finish(write, error);
    else
        store(write, after, after_count);
}

/* Content that cannot be read counts as none, as in Kafka, and is replaced. */
static enum error take(struct config_write *write, const struct zk_result *result) {
    struct config_znode znode = {0};
    struct znode_error problem;

    write->version = result->error == ERR_ZK_NO_NODE ? -1 : result->stat.version;
    if (result->error == ERR_ZK_NO_NODE)
        return ERR_NONE;
    if (result->error != ERR_NONE)
        return result->error;
    if (config_znode_decode(entity_path(write).text, result->data, &write->arena, &znode,
                            &problem) != ERR_NONE) {
        LOG_ERROR("znode_invalid", "reason=%s action=\"it is replaced\"",
                  LOG_QUOTED_TEXT(problem.text));
        return ERR_NONE;
    }
    write->pairs = arena_alloc(&write->arena, (size_t)znode.entry_count, sizeof(*write->pairs));
    if (write->pairs == NULL)
        return ERR_OUT_OF_MEMORY;
    for (int32_t i = 0; i < znode.entry_count; i++)
        write->pairs[write->pair_count++] = (struct config_pair){
            bytes_of_text(znode.entries[i].key), bytes_of_text(znode.entries[i].value)};
    return ERR_NONE;
}

static void on_entity(void *context, const struct zk_result *result) {
    struct config_write *write = context;
    enum error error = take(write, result);

    if (write->read_error == ERR_NONE)
        write->read_error = error;
    decide(write);
}

static void on_controller(void *context, const struct zk_result *result) {
    struct config_write *write = context;

    write->controller_version = result->stat.version;
    write->read_error =
        result->error == ERR_ZK_NO_NODE ? ERR_STALE_CONTROLLER_EPOCH : result->error;
}

/* The controller's answer comes first: requests of a session are answered in their order. */
static void begin(struct config_write *write) {
    arena_reset(&write->arena);
    write->attempts++;
    write->pairs = NULL;
    write->pair_count = 0;
    write->read_error = ERR_NONE;
    zk_get(write->writes->zk, PATH_CONTROLLER, false, on_controller, write);
    zk_get(write->writes->zk, entity_path(write).text, false, on_entity, write);
}

void config_writes_init(struct config_writes *writes, struct zk *zk) {
    writes->zk = zk;
    TAILQ_INIT(&writes->waiting);
}

void config_writes_start(struct config_writes *writes, struct config_write *write, int64_t now_ms) {
    write->writes = writes;
    write->deadline_ms = now_ms + WRITE_MS_MAX;
    write->attempts = 0;
    arena_init(&write->arena, ARENA_BYTES_MAX);
    begin(write);
}

void config_writes_on_time(struct config_writes *writes, int64_t now_ms) {
    struct config_write *write;
    size_t count = 0;

    TAILQ_FOREACH (write, &writes->waiting, entry)
        count++;
    for (; count > 0; count--) {
        write = TAILQ_FIRST(&writes->waiting);
        TAILQ_REMOVE(&writes->waiting, write, entry);
        write->attempts = 0; /* nobody was faster */
        if (now_ms < write->deadline_ms)
            begin(write);
        else
            finish(write, ERR_REQUEST_TIMED_OUT);
    }
}

void config_writes_cancel(struct config_writes *writes) {
    struct config_write *write;

    while ((write = TAILQ_FIRST(&writes->waiting)) != NULL) {
        TAILQ_REMOVE(&writes->waiting, write, entry);
        finish(write, ERR_CANCELLED);
    }
}
