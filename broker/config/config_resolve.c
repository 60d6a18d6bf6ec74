/*
 * What depends on several keys. Source: Apache Kafka 3.9, KafkaConfig.validateValues.
 */
#include <arpa/inet.h>
#include <sched.h>
#include <stdio.h>

#include "broker/config/config_builder.h"
#include "broker/config/setting.h"
#include "broker/config/topic_config.h"
#include "client/base/logger.h"

#define MS_PER_MINUTE INT64_C(60000)
#define MS_PER_HOUR   (60 * MS_PER_MINUTE)

static void resolve_times(struct config_builder *builder) {
    struct config *config = builder->config;
    const char *retention_key = "log.retention.ms";

    if (config->log_roll_ms == CONFIG_UNSET_LONG)
        config->log_roll_ms = config->log_roll_hours * MS_PER_HOUR;
    if (config->log_roll_jitter_ms == CONFIG_UNSET_LONG)
        config->log_roll_jitter_ms = config->log_roll_jitter_hours * MS_PER_HOUR;
    if (config->log_flush_interval_ms == CONFIG_UNSET_LONG)
        config->log_flush_interval_ms = config->log_flush_scheduler_interval_ms;
    if (config->zookeeper_connection_timeout_ms == CONFIG_UNSET_INT)
        config->zookeeper_connection_timeout_ms = config->zookeeper_session_timeout_ms;
    if (config->log_message_timestamp_before_max_ms == INT64_MAX)
        config->log_message_timestamp_before_max_ms =
            config->log_message_timestamp_difference_max_ms;
    if (config->log_message_timestamp_after_max_ms == INT64_MAX)
        config->log_message_timestamp_after_max_ms =
            config->log_message_timestamp_difference_max_ms;

    if (config->log_retention_ms == CONFIG_UNSET_LONG) {
        if (config->log_retention_minutes != CONFIG_UNSET_INT) {
            retention_key = "log.retention.minutes";
            config->log_retention_ms = config->log_retention_minutes * MS_PER_MINUTE;
        } else {
            retention_key = "log.retention.hours";
            config->log_retention_ms = config->log_retention_hours * MS_PER_HOUR;
        }
    }
    if (config->log_retention_ms < 0)
        config->log_retention_ms = -1;
    if (config->log_retention_ms == 0)
        config_builder_error(builder, retention_key, "%s is 0; allowed: -1, or 1 and above",
                             retention_key);
}

static void resolve_identity(struct config_builder *builder) {
    struct config *config = builder->config;
    const char *key = "broker.id";

    if (config_builder_is_set(builder, "node.id")) {
        if (!config_builder_is_set(builder, "broker.id"))
            key = "node.id";
        else if (config->node_id != config->broker_id)
            config_builder_error(builder, "node.id",
                                 "node.id is %d, but broker.id is %d; allowed: the same",
                                 config->node_id, config->broker_id);
        config->broker_id = config->node_id;
    }
    if (config->broker_id < -1 ||
        (config->broker_id_generation_enable && config->broker_id > config->reserved_broker_max_id))
        config_builder_error(builder, key,
                             "%s is %d; allowed while broker.id.generation.enable is true: from "
                             "-1 to reserved.broker.max.id, %d",
                             key, config->broker_id, config->reserved_broker_max_id);
    else if (!config->broker_id_generation_enable && config->broker_id < 0)
        config_builder_error(builder, key,
                             "%s is %d; allowed while broker.id.generation.enable is false: 0 and "
                             "above",
                             key, config->broker_id);
    config->node_id = config->broker_id;
}

static const struct setting port_setting = {.type = CONFIG_TYPE_INT, .limits = BETWEEN(1, 65535)};
static const struct setting count_setting = {.type = CONFIG_TYPE_INT, .limits = AT_LEAST(0)};

/* host, host:port or [address]:port. */
static bool is_server(struct bytes server) {
    const uint8_t *colon = memrchr(server.data, ':', server.size);
    union setting_value port;

    if (server.size == 0 || memchr(server.data, ' ', server.size) != NULL || colon == server.data)
        return false;
    if (colon == NULL || server.data[server.size - 1] == ']')
        return true;
    return setting_parse(
        &port_setting, bytes_of(colon + 1, (size_t)(server.data + server.size - colon - 1)), &port);
}

static void check_zookeeper(const struct config_builder *builder) {
    static const char key[] = "zookeeper.connect";
    struct bytes text = bytes_of_text(builder->config->zookeeper_connect);
    const uint8_t *slash;
    struct bytes servers, server;
    bool good;

    if (text.data == NULL) {
        config_builder_error(builder, key, "%s is required: host:port,...[/chroot]", key);
        return;
    }
    slash = memchr(text.data, '/', text.size);
    servers = bytes_of(text.data, slash == NULL ? text.size : (size_t)(slash - text.data));
    good = servers.size > 0;
    while (good && setting_next_item(&servers, &server))
        good = is_server(server);
    if (!good)
        config_builder_error(builder, key, "%s is %s; allowed: host:port,...[/chroot]", key,
                             LOG_QUOTED(text));
    if (slash != NULL && (memmem(slash, strlen((const char *)slash), "//", 2) != NULL))
        config_builder_error(builder, key, "%s ends in %s; allowed: one path", key,
                             LOG_QUOTED_TEXT((const char *)slash));
}

static void resolve_log_dirs(struct config_builder *builder) {
    struct config *config = builder->config;
    const char *key = config->log_dirs_text != NULL ? "log.dirs" : "log.dir";
    struct bytes rest =
        bytes_of_text(config->log_dirs_text != NULL ? config->log_dirs_text : config->log_dir);
    struct bytes item;

    while (setting_next_item(&rest, &item)) {
        bool repeated = false;

        if (item.size == 0)
            continue;
        for (size_t i = 0; i < config->log_dir_count; i++)
            repeated = repeated || bytes_equal_text(item, config->log_dirs[i]);
        if (repeated) {
            config_builder_error(builder, key, "%s has %s twice", key, LOG_QUOTED(item));
        } else if (config->log_dir_count == CONFIG_LOG_DIRS_MAX) {
            config_builder_error(builder, key, "%s has more than %d directories", key,
                                 CONFIG_LOG_DIRS_MAX);
            return;
        } else {
            config->log_dirs[config->log_dir_count++] = config_builder_copy(builder, item);
        }
    }
    if (config->log_dir_count == 0)
        config_builder_error(builder, key, "%s is empty; allowed: one directory or more", key);
}

/* Numeric: names would have to be asked for, and could mean something else tomorrow. */
static bool is_address(struct bytes text) {
    char address[INET6_ADDRSTRLEN];
    struct in6_addr parsed;

    if (text.size == 0 || text.size >= sizeof(address))
        return false;
    memcpy(address, text.data, text.size);
    address[text.size] = '\0';
    return inet_pton(AF_INET, address, &parsed) == 1 || inet_pton(AF_INET6, address, &parsed) == 1;
}

static void resolve_address_limits(struct config_builder *builder) {
    static const char key[] = "max.connections.per.ip.overrides";
    struct config *config = builder->config;
    struct bytes rest = bytes_of_text(config->max_connections_per_ip_overrides), item;

    while (setting_next_item(&rest, &item)) {
        const uint8_t *colon = memrchr(item.data, ':', item.size);
        union setting_value value = {.number = 0};

        if (colon == NULL || !is_address(bytes_of(item.data, (size_t)(colon - item.data))) ||
            !setting_parse(&count_setting,
                           bytes_of(colon + 1, (size_t)(item.data + item.size - colon - 1)),
                           &value)) {
            config_builder_error(builder, key,
                                 "%s has the entry %s; allowed: numeric address:count", key,
                                 LOG_QUOTED(item));
        } else if (config->address_limit_count == CONFIG_ADDRESS_LIMITS_MAX) {
            config_builder_error(builder, key, "%s has more than %d entries", key,
                                 CONFIG_ADDRESS_LIMITS_MAX);
            return;
        } else {
            config->address_limits[config->address_limit_count++] = (struct config_address_limit){
                .address =
                    config_builder_copy(builder, bytes_of(item.data, (size_t)(colon - item.data))),
                .connections_max = (int32_t)value.number};
        }
    }
    if (config->max_connections_per_ip == 0 && config->address_limit_count == 0)
        config_builder_error(builder, "max.connections.per.ip",
                             "max.connections.per.ip is 0; allowed only with %s", key);
}

static void resolve_threads(struct config_builder *builder) {
    static const char key[] = "num.network.threads";
    struct config *config = builder->config;
    cpu_set_t cpus;
    char text[16];
    int count;

    if (config->num_network_threads != CONFIG_UNSET_INT)
        return;
    count = sched_getaffinity(0, sizeof(cpus), &cpus) == 0 ? CPU_COUNT(&cpus) : 1;
    config->num_network_threads = count > 1 ? count - 1 : 1;
    snprintf(text, sizeof(text), "%d", config->num_network_threads);
    for (size_t row = 0; row < config_setting_count; row++) {
        if (strcmp(config_settings[row].key, key) == 0)
            config->values[row].text = config_builder_copy(builder, bytes_of_text(text));
    }
}

static void check_bounds(const struct config_builder *builder) {
    const struct config *config = builder->config;

    if (config->log_cleaner_dedupe_buffer_size / config->log_cleaner_threads <= 1024 * 1024)
        config_builder_error(builder, "log.cleaner.dedupe.buffer.size",
                             "log.cleaner.dedupe.buffer.size is %" PRId64
                             "; allowed: more than 1048576 for each of log.cleaner.threads, %d",
                             config->log_cleaner_dedupe_buffer_size, config->log_cleaner_threads);
    if (config->replica_fetch_wait_max_ms > config->replica_socket_timeout_ms)
        config_builder_error(builder, "replica.fetch.wait.max.ms",
                             "replica.fetch.wait.max.ms is %d; allowed: at most "
                             "replica.socket.timeout.ms, %d",
                             config->replica_fetch_wait_max_ms, config->replica_socket_timeout_ms);
    if (config->replica_fetch_wait_max_ms > config->replica_lag_time_max_ms)
        config_builder_error(builder, "replica.fetch.wait.max.ms",
                             "replica.fetch.wait.max.ms is %d; allowed: at most "
                             "replica.lag.time.max.ms, %" PRId64,
                             config->replica_fetch_wait_max_ms, config->replica_lag_time_max_ms);
    if (config->log_cleaner_min_compaction_lag_ms > config->log_cleaner_max_compaction_lag_ms)
        config_builder_error(builder, "log.cleaner.min.compaction.lag.ms",
                             "log.cleaner.min.compaction.lag.ms is %" PRId64
                             "; allowed: at most log.cleaner.max.compaction.lag.ms, %" PRId64,
                             config->log_cleaner_min_compaction_lag_ms,
                             config->log_cleaner_max_compaction_lag_ms);
    if (config->queued_max_request_bytes > 0 &&
        config->queued_max_request_bytes < config->socket_request_max_bytes)
        config_builder_error(builder, "queued.max.request.bytes",
                             "queued.max.request.bytes is %" PRId64
                             "; allowed: -1, or socket.request.max.bytes, %d, and above",
                             config->queued_max_request_bytes, config->socket_request_max_bytes);
}

void config_resolve(struct config_builder *builder) {
    resolve_times(builder);
    resolve_identity(builder);
    check_zookeeper(builder);
    resolve_log_dirs(builder);
    resolve_address_limits(builder);
    resolve_threads(builder);
    check_bounds(builder);
}

void config_resolve_changed(struct config_builder *builder) {
    resolve_times(builder);
    builder->config->address_limit_count = 0;
    resolve_address_limits(builder);
    check_bounds(builder);
}
