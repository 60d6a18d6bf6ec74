#include "broker/control/broker_settings.h"

#include <stdio.h>
#include <stdlib.h>

#include "broker/config/live_config.h"
#include "client/base/logger.h"
#include "zk-schema/config_znode.h"
#include "zk-schema/paths.h"
#include "zk-schema/zk.h"

#define ARENA_BYTES_MAX ((size_t)16 << 20)

struct broker_settings {
    struct broker_settings_config config;
    char own[32]; /* "brokers/1" */
};

static const char of_all_entity[] = "brokers/<default>";

enum error broker_settings_new(const struct broker_settings_config *config,
                               struct broker_settings **created) {
    struct broker_settings *settings = calloc(1, sizeof(*settings));

    if (settings == NULL)
        return ERR_OUT_OF_MEMORY;
    settings->config = *config;
    snprintf(settings->own, sizeof(settings->own), "brokers/%d", config->broker_id);
    *created = settings;
    return ERR_NONE;
}

void broker_settings_free(struct broker_settings *settings) {
    free(settings);
}

static void set(struct broker_settings *settings, bool is_of_all, const struct config_znode *znode,
                struct arena *arena) {
    struct config_pair *pairs = arena_alloc(arena, (size_t)znode->entry_count, sizeof(*pairs));
    const char *entity = is_of_all ? of_all_entity : settings->own;
    struct config_report report;
    enum error error;

    CHECK(pairs != NULL);
    for (int32_t i = 0; i < znode->entry_count; i++)
        pairs[i] = (struct config_pair){bytes_of_text(znode->entries[i].key),
                                        bytes_of_text(znode->entries[i].value)};
    config_report_init(&report);
    error = live_config_set(settings->config.live, is_of_all, pairs, (size_t)znode->entry_count,
                            &report);
    for (size_t i = 0; i < report.count; i++)
        LOG_WARN("broker_setting_ignored", "entity=%s reason=%s", entity,
                 LOG_QUOTED_TEXT(report.messages[i].text));
    config_report_done(&report);
    if (error != ERR_NONE)
        LOG_ERROR("broker_settings_refused",
                  "entity=%s error=%s action=\"the former settings stay in force\"", entity,
                  error_name(error));
    settings->config.on_changed(settings->config.context);
}

/* What cannot be decoded counts as nothing, as in Kafka; what cannot be read is read again with
 * the next session. */
static void take(struct broker_settings *settings, bool is_of_all, const struct zk_result *result) {
    const char *path = is_of_all ? of_all_entity : settings->own;
    struct config_znode znode = {0};
    struct znode_error problem;
    struct arena arena;

    if (result->error != ERR_NONE && result->error != ERR_ZK_NO_NODE)
        return;
    arena_init(&arena, ARENA_BYTES_MAX);
    if (result->error == ERR_NONE &&
        config_znode_decode(path, result->data, &arena, &znode, &problem) != ERR_NONE) {
        LOG_ERROR("znode_invalid", "reason=%s", LOG_QUOTED_TEXT(problem.text));
        znode = (struct config_znode){0};
    }
    set(settings, is_of_all, &znode, &arena);
    arena_done(&arena);
}

static void on_of_all(void *context, const struct zk_result *result) {
    take(context, true, result);
}

static void on_own(void *context, const struct zk_result *result) {
    take(context, false, result);
}

static void read_entity(struct broker_settings *settings, const char *entity, zk_completion *done) {
    struct znode_path path;

    snprintf(path.text, sizeof(path.text), "/config/%s", entity);
    zk_get(settings->config.zk, path.text, false, done, settings);
}

void broker_settings_read(struct broker_settings *settings) {
    read_entity(settings, of_all_entity, on_of_all);
    read_entity(settings, settings->own, on_own);
}

void broker_settings_on_change(struct broker_settings *settings, const char *entity_path) {
    if (strcmp(entity_path, of_all_entity) == 0)
        read_entity(settings, of_all_entity, on_of_all);
    else if (strcmp(entity_path, settings->own) == 0)
        read_entity(settings, settings->own, on_own);
}
