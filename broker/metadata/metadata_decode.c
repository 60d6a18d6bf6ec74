#include "broker/metadata/metadata_decode.h"

#include <stdlib.h>

#include "client/base/logger.h"
#include "zk-schema/broker_znode.h"
#include "zk-schema/paths.h"

bool metadata_put_topic(struct metadata_builder *builder, struct bytes name, int64_t zxid,
                        const struct topic_znode *topic) {
    struct metadata_assignment *assignments =
        calloc((size_t)topic->partition_count + 1, sizeof(*assignments));
    bool is_set;

    CHECK(assignments != NULL);
    for (int32_t i = 0; i < topic->partition_count; i++) {
        const struct topic_znode_partition *p = &topic->partitions[i];
        assignments[i] = (struct metadata_assignment){
            p->partition,    p->replicas,          p->replica_count,  p->adding_replicas,
            p->adding_count, p->removing_replicas, p->removing_count,
        };
    }
    is_set = metadata_builder_set_topic(builder, name, &topic->topic_id, zxid, assignments,
                                        topic->partition_count);
    free(assignments);
    return is_set;
}

void metadata_put_state(struct metadata_builder *builder, const struct uuid *topic_id,
                        int32_t partition, int32_t partition_epoch, struct metadata_written written,
                        const struct partition_state_znode *state) {
    struct metadata_state next = {
        .index = partition,
        .leader = state->leader,
        .leader_epoch = state->leader_epoch,
        .controller_epoch = state->controller_epoch,
        .partition_epoch = partition_epoch,
        .leader_recovery_state = state->leader_recovery_state,
        .zxid = written.zxid,
        .wall_ms = written.wall_ms,
        .isr = state->isr,
        .isr_count = state->isr_count,
    };

    (void)metadata_builder_set_state(builder, topic_id, &next); /* an older one is ignored */
}

static void put_settings(struct metadata_builder *builder, struct bytes topic,
                         const struct config_znode *config) {
    struct metadata_setting *settings = calloc((size_t)config->entry_count + 1, sizeof(*settings));

    CHECK(settings != NULL);
    for (int32_t i = 0; i < config->entry_count; i++)
        settings[i] = (struct metadata_setting){config->entries[i].key, config->entries[i].value};
    metadata_builder_set_settings(builder, topic, settings, config->entry_count);
    free(settings);
}

void metadata_put_settings_znode(struct metadata_builder *builder, struct bytes topic,
                                 const char *path, struct bytes data, struct arena *arena) {
    struct config_znode config;
    struct znode_error problem;

    if (config_znode_decode(path, data, arena, &config, &problem) == ERR_NONE)
        put_settings(builder, topic, &config);
    else
        LOG_ERROR("znode_invalid", "reason=%s action=\"the settings stay as they were\"",
                  LOG_QUOTED_TEXT(problem.text));
}

static void put_changed_topic(struct metadata_builder *builder, int64_t zxid,
                              const struct change_topic *topic) {
    struct bytes name = bytes_of_text(topic->name);

    /* Its settings may be those of a later write, too. */
    if (metadata_builder_is_known_since(builder, name, zxid))
        return;
    if (!metadata_put_topic(builder, name, zxid, &topic->assignment))
        LOG_ERROR("change_entry_invalid", "topic=%s reason=\"partitions have gaps\"", topic->name);
    else if (topic->has_settings)
        put_settings(builder, name, &topic->settings);
}

void metadata_put_change(struct metadata_builder *builder, struct metadata_written written,
                         const struct change_znode *change) {
    for (int32_t i = 0; i < change->deletion_count; i++)
        metadata_builder_remove_topic(builder, bytes_of_text(change->deletions[i].name),
                                      &change->deletions[i].topic_id, written.zxid);
    for (int32_t i = 0; i < change->topic_count; i++)
        put_changed_topic(builder, written.zxid, &change->topics[i]);
    for (int32_t i = 0; i < change->state_count; i++) {
        const struct change_state *state = &change->states[i];
        metadata_put_state(builder, &state->topic_id, state->partition, state->partition_epoch,
                           written, &state->state);
    }
}

static int16_t protocol_number(const char *name) {
    static const char *const names[] = {"PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"};

    for (size_t i = 0; i < ARRAY_COUNT(names); i++) {
        if (strcmp(name, names[i]) == 0)
            return (int16_t)i;
    }
    return -1;
}

bool metadata_decode_broker(int32_t id, const struct zk_result *result, struct arena *arena,
                            struct metadata_broker *broker) {
    struct broker_znode znode;
    struct znode_error problem;

    if (broker_znode_decode(path_of_broker(id).text, result->data, arena, &znode, &problem) !=
        ERR_NONE) {
        LOG_ERROR("znode_invalid", "reason=%s action=\"the broker counts as not alive\"",
                  LOG_QUOTED_TEXT(problem.text));
        return false;
    }
    *broker = (struct metadata_broker){
        .id = id,
        .epoch = result->stat.czxid,
        .rack = znode.rack,
        .endpoints = arena_alloc(arena, (size_t)znode.endpoint_count, sizeof(*broker->endpoints)),
        .endpoint_count = znode.endpoint_count,
    };
    CHECK(broker->endpoints != NULL);
    for (int32_t i = 0; i < znode.endpoint_count; i++)
        broker->endpoints[i] = (struct metadata_endpoint){
            znode.endpoints[i].listener, znode.endpoints[i].host, znode.endpoints[i].port,
            protocol_number(znode.endpoints[i].security_protocol)};
    return true;
}
