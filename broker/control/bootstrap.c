#include "broker/control/bootstrap.h"

#include <stdio.h>

#include "client/base/logger.h"
#include "client/base/uuid.h"
#include "zk-schema/controller_znode.h"
#include "zk-schema/paths.h"

static void finish(struct bootstrap *bootstrap, enum error error) {
    bootstrap->done(bootstrap->context, error, &bootstrap->result);
}

static void generate_broker_id(struct bootstrap *bootstrap);

static void settle_broker_id(struct bootstrap *bootstrap) {
    bootstrap->result.broker_id = bootstrap->broker_id;
    if (bootstrap->broker_id >= 0)
        finish(bootstrap, ERR_NONE);
    else
        generate_broker_id(bootstrap);
}

static void on_sequence(void *context, const struct zk_result *result) {
    struct bootstrap *bootstrap = context;

    if (result->error == ERR_NONE)
        bootstrap->result.broker_id = result->stat.version + bootstrap->reserved_max_id;
    finish(bootstrap, result->error);
}

/* The version of the znode counts the ids given; a lost answer burns one. */
static void generate_broker_id(struct bootstrap *bootstrap) {
    zk_set(bootstrap->zk, PATH_BROKER_SEQUENCE, bytes_of("", 0), ZK_ANY_VERSION, on_sequence,
           bootstrap);
}

static void read_cluster_id(struct bootstrap *bootstrap);

static void on_cluster_id_made(void *context, const struct zk_result *result) {
    struct bootstrap *bootstrap = context;

    /* Another broker was faster: its id counts. */
    if (result->error == ERR_NONE || result->error == ERR_ZK_NODE_EXISTS)
        read_cluster_id(bootstrap);
    else
        finish(bootstrap, result->error);
}

static void make_cluster_id(struct bootstrap *bootstrap) {
    struct uuid uuid = uuid_random(bootstrap->rng);
    char text[UUID_TEXT_SIZE + 1];
    struct arena arena;

    uuid_to_text(&uuid, text);
    arena_init(&arena, 65536);
    zk_create(bootstrap->zk, PATH_CLUSTER_ID, cluster_id_znode_encode(text, &arena), ZK_PERSISTENT,
              on_cluster_id_made, bootstrap);
    arena_done(&arena);
}

static void on_cluster_id(void *context, const struct zk_result *result) {
    struct bootstrap *bootstrap = context;
    struct znode_error problem;
    const char *cluster_id;
    struct arena arena;
    enum error error;

    if (result->error == ERR_ZK_NO_NODE) {
        make_cluster_id(bootstrap);
        return;
    }
    if (result->error != ERR_NONE) {
        finish(bootstrap, result->error);
        return;
    }
    arena_init(&arena, 65536);
    error = cluster_id_znode_decode(PATH_CLUSTER_ID, result->data, &arena, &cluster_id, &problem);
    if (error != ERR_NONE)
        LOG_ERROR("znode_invalid", "reason=%s", LOG_QUOTED_TEXT(problem.text));
    else
        snprintf(bootstrap->result.cluster_id, sizeof(bootstrap->result.cluster_id), "%s",
                 cluster_id);
    arena_done(&arena);
    if (error != ERR_NONE)
        finish(bootstrap, error);
    else
        settle_broker_id(bootstrap);
}

static void read_cluster_id(struct bootstrap *bootstrap) {
    zk_get(bootstrap->zk, PATH_CLUSTER_ID, false, on_cluster_id, bootstrap);
}

static void on_path_made(void *context, const struct zk_result *result) {
    struct bootstrap *bootstrap = context;

    if (result->error != ERR_NONE && result->error != ERR_ZK_NODE_EXISTS)
        bootstrap->error = result->error;
    if (--bootstrap->outstanding > 0)
        return;
    if (bootstrap->error != ERR_NONE)
        finish(bootstrap, bootstrap->error);
    else
        read_cluster_id(bootstrap);
}

void bootstrap_start(struct bootstrap *bootstrap) {
    bootstrap->error = ERR_NONE;
    bootstrap->outstanding = startup_path_count + 1;
    for (size_t i = 0; i < startup_path_count; i++)
        zk_create(bootstrap->zk, startup_paths[i], BYTES_NULL, ZK_PERSISTENT, on_path_made,
                  bootstrap);
    zk_create(bootstrap->zk, PATH_CLUSTER, BYTES_NULL, ZK_PERSISTENT, on_path_made, bootstrap);
}
