/*
 * Every decoder of zk-schema. The first byte chooses which; what it accepts is encoded and
 * decoded again, and must be accepted and encode to the same bytes.
 */
#include "zk-schema/admin_znode.h"
#include "zk-schema/broker_znode.h"
#include "zk-schema/change_znode.h"
#include "zk-schema/config_znode.h"
#include "zk-schema/controller_znode.h"
#include "zk-schema/partition_state_znode.h"
#include "zk-schema/topic_znode.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define PATH "/fuzz"

static struct znode_error problem;

/* Encodes what was decoded from `data`; null if it was not accepted. */
typedef struct bytes recode(struct bytes data, struct arena *arena);

#define ACCEPTED(call) ((call) == ERR_NONE)

static struct bytes recode_broker(struct bytes data, struct arena *arena) {
    struct broker_znode broker;

    return ACCEPTED(broker_znode_decode(PATH, data, arena, &broker, &problem))
               ? broker_znode_encode(&broker, arena)
               : BYTES_NULL;
}

static struct bytes recode_topic(struct bytes data, struct arena *arena) {
    struct topic_znode topic;

    return ACCEPTED(topic_znode_decode(PATH, data, arena, &topic, &problem))
               ? topic_znode_encode(&topic, arena)
               : BYTES_NULL;
}

static struct bytes recode_partition_state(struct bytes data, struct arena *arena) {
    struct partition_state_znode state;

    return ACCEPTED(partition_state_znode_decode(PATH, data, arena, &state, &problem))
               ? partition_state_znode_encode(&state, arena)
               : BYTES_NULL;
}

static struct bytes recode_controller(struct bytes data, struct arena *arena) {
    struct controller_znode controller;

    return ACCEPTED(controller_znode_decode(PATH, data, arena, &controller, &problem))
               ? controller_znode_encode(&controller, arena)
               : BYTES_NULL;
}

static struct bytes recode_controller_epoch(struct bytes data, struct arena *arena) {
    int32_t epoch;

    return ACCEPTED(controller_epoch_znode_decode(PATH, data, &epoch, &problem))
               ? controller_epoch_znode_encode(epoch, arena)
               : BYTES_NULL;
}

static struct bytes recode_cluster_id(struct bytes data, struct arena *arena) {
    const char *id;

    return ACCEPTED(cluster_id_znode_decode(PATH, data, arena, &id, &problem))
               ? cluster_id_znode_encode(id, arena)
               : BYTES_NULL;
}

static struct bytes recode_config(struct bytes data, struct arena *arena) {
    struct config_znode config;

    return ACCEPTED(config_znode_decode(PATH, data, arena, &config, &problem))
               ? config_znode_encode(&config, arena)
               : BYTES_NULL;
}

static struct bytes recode_config_change(struct bytes data, struct arena *arena) {
    const char *entity_path;

    return ACCEPTED(config_change_znode_decode(PATH, data, arena, &entity_path, &problem))
               ? config_change_znode_encode(entity_path, arena)
               : BYTES_NULL;
}

static struct bytes recode_partition_list(struct bytes data, struct arena *arena) {
    const struct admin_partition *partitions;
    int32_t count;

    return ACCEPTED(
               partition_list_znode_decode(PATH, data, false, arena, &partitions, &count, &problem))
               ? partition_list_znode_encode(partitions, count, arena)
               : BYTES_NULL;
}

static struct bytes recode_offline_replicas(struct bytes data, struct arena *arena) {
    const struct admin_partition *partitions;
    int32_t count;

    return ACCEPTED(offline_replicas_znode_decode(PATH, data, arena, &partitions, &count, &problem))
               ? offline_replicas_znode_encode(partitions, count, arena)
               : BYTES_NULL;
}

static struct bytes recode_reassignment(struct bytes data, struct arena *arena) {
    const struct admin_partition *partitions;
    int32_t count;

    return ACCEPTED(
               partition_list_znode_decode(PATH, data, true, arena, &partitions, &count, &problem))
               ? reassign_znode_encode(partitions, count, arena)
               : BYTES_NULL;
}

static struct bytes recode_log_dir_event(struct bytes data, struct arena *arena) {
    int32_t broker_id;

    return ACCEPTED(log_dir_event_znode_decode(PATH, data, arena, &broker_id, &problem))
               ? log_dir_event_znode_encode(broker_id, arena)
               : BYTES_NULL;
}

static struct bytes recode_producer_id_block(struct bytes data, struct arena *arena) {
    struct producer_id_block block;

    return ACCEPTED(producer_id_block_znode_decode(PATH, data, arena, &block, &problem))
               ? producer_id_block_znode_encode(&block, arena)
               : BYTES_NULL;
}

static struct bytes recode_feature(struct bytes data, struct arena *arena) {
    struct feature_znode feature;

    return ACCEPTED(feature_znode_decode(PATH, data, arena, &feature, &problem))
               ? feature_znode_encode(arena)
               : BYTES_NULL;
}

static struct bytes recode_change(struct bytes data, struct arena *arena) {
    struct change_znode change;

    return ACCEPTED(change_znode_decode(PATH, data, arena, &change, &problem))
               ? change_znode_encode(&change, arena)
               : BYTES_NULL;
}

static recode *const recoders[] = {
    recode_broker,
    recode_topic,
    recode_partition_state,
    recode_controller,
    recode_config,
    recode_config_change,
    recode_partition_list,
    recode_reassignment,
    recode_log_dir_event,
    recode_feature,
    recode_producer_id_block,
    recode_change,
    recode_cluster_id,
    recode_controller_epoch,
    recode_offline_replicas,
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct arena arena;
    struct bytes once;
    struct bytes twice;
    recode *recode_one;

    if (size == 0)
        return 0;
    recode_one = recoders[(data[0] - (size_t)'A') % ARRAY_COUNT(recoders)];
    arena_init(&arena, (size_t)16 << 20);
    problem.text[0] = '\0';
    once = recode_one(bytes_of(data + 1, size - 1), &arena);
    if (bytes_is_null(once)) {
        CHECK(strncmp(problem.text, PATH ": ", strlen(PATH ": ")) == 0);
    } else {
        twice = recode_one(once, &arena);
        CHECK(bytes_equal(once, twice));
    }
    arena_done(&arena);
    return 0;
}
