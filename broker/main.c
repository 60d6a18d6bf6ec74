/*
 * barnabasd: one broker. Reads its settings, opens its data, joins the cluster, serves until it is
 * told to stop.
 */
#include <getopt.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "broker/admin/admin.h"
#include "broker/api/api.h"
#include "broker/api/encoded_metadata.h"
#include "broker/config/config.h"
#include "broker/control/control.h"
#include "broker/control/topic_settings.h"
#include "broker/group/group_coordinator.h"
#include "broker/group_parts.h"
#include "broker/lag/lag_monitor.h"
#include "broker/log/descriptors.h"
#include "broker/log/log_manager.h"
#include "broker/log/worker_pool.h"
#include "broker/metrics/client_census.h"
#include "broker/metrics/request_metrics.h"
#include "broker/replica/fetch_session.h"
#include "broker/server/server.h"
#include "broker/service_notify.h"
#include "broker/stop_signals.h"
#include "broker/transaction/transaction_coordinator.h"
#include "broker/transaction_parts.h"
#include "client/base/clock.h"
#include "client/base/logger.h"

#define OVERRIDES_MAX 256
#define DRAIN_MS      5000

enum exit_status { EXIT_FINE = 0, EXIT_FAILED = 1, EXIT_USAGE = 2 };

struct broker {
    struct config *config;
    struct stop_signals *signals;
    struct admin *admin; /* NULL: not wanted */
    struct control *control;
    struct group_parts groups;
    struct transaction_parts transactions;
    struct log_manager *logs;
    struct log_manager_owner owner;
    struct fetch_sessions *sessions;
    struct encoded_metadata *encoded_metadata;
    struct server *server;
    struct control_identity identity;
    struct request_metrics *metrics;
    struct client_census *clients;
    _Atomic int64_t slow_request_ms;
    struct api_context context;
    struct server_listener listeners[CONFIG_LISTENERS_MAX];
    struct server_address_limit limits[CONFIG_ADDRESS_LIMITS_MAX];
};

static const char usage[] = "Usage: barnabasd [--override KEY=VALUE]... FILE\n"
                            "       barnabasd --check-config [--override KEY=VALUE]... FILE\n"
                            "       barnabasd --print-config-docs | --version | --help\n"
                            "\n"
                            "Runs a broker with the settings of FILE (Kafka's server.properties) "
                            "until SIGTERM or SIGINT;\n"
                            "a second one ends the waiting for others to take its partitions.\n";

/* ---- Parts ---- */

static void config_of_topic(struct log_manager_owner *owner, struct bytes topic,
                            struct log_config *log_config) {
    const struct broker *broker = CONTAINER_OF(owner, struct broker, owner);
    int32_t min_isr;

    (void)topic; /* its overrides come with the metadata */
    topic_settings_of(broker->config, NULL, log_config, &min_isr);
}

static void on_directory_failed(struct log_manager_owner *owner, const char *path,
                                int live_directories) {
    (void)owner;
    LOG_ERROR("log_directory_failed", "path=%s live_directories=%d", LOG_QUOTED_TEXT(path),
              live_directories);
    if (live_directories == 0) {
        LOG_ERROR("no_log_directory_left", "action=\"mend the disk, then start again\"");
        _exit(EXIT_FAILED); /* as Kafka: nothing can be served, and nothing more may be written */
    }
}

static enum error open_logs(struct broker *broker) {
    const struct config *config = broker->config;
    static char absolute[CONFIG_LOG_DIRS_MAX][PATH_MAX];
    const char *dirs[CONFIG_LOG_DIRS_MAX];
    struct log_manager_options options = {
        .dirs = dirs,
        .dir_count = config->log_dir_count,
        .recovery_threads_per_dir = config->num_recovery_threads_per_data_dir,
        .recovery_point_checkpoint_ms = config->log_flush_offset_checkpoint_interval_ms,
        .start_offset_checkpoint_ms = config->log_flush_start_offset_checkpoint_interval_ms,
        .high_watermark_checkpoint_ms = config->replica_high_watermark_checkpoint_interval_ms,
        .owner = &broker->owner,
    };
    char here[PATH_MAX / 2];

    broker->owner = (struct log_manager_owner){config_of_topic, on_directory_failed};
    if (getcwd(here, sizeof(here)) == NULL)
        return ERR_DISK_FAILED;
    for (size_t i = 0; i < config->log_dir_count; i++) {
        const char *dir = config->log_dirs[i];
        if (dir[0] == '/')
            snprintf(absolute[i], PATH_MAX, "%s", dir);
        else
            snprintf(absolute[i], PATH_MAX, "%s/%s", here, dir);
        dirs[i] = absolute[i];
    }
    return log_manager_open(&options, &broker->logs);
}

static enum error make_server(struct broker *broker) {
    const struct config *config = broker->config;
    struct server_config server = server_config_default;

    for (size_t i = 0; i < config->listener_count; i++) {
        const struct config_listener *listener = &config->listeners[i];
        broker->listeners[i] = (struct server_listener){
            .name = listener->name,
            .security_protocol = security_protocol_name(listener->protocol),
            .host = listener->host,
            .port = (uint16_t)listener->port,
            .exempt_from_connections_max =
                strcmp(listener->name, config->inter_broker_listener_name) == 0,
        };
    }
    for (size_t i = 0; i < config->address_limit_count; i++)
        broker->limits[i] = (struct server_address_limit){
            config->address_limits[i].address, config->address_limits[i].connections_max};
    server.listeners = broker->listeners;
    server.listener_count = config->listener_count;
    server.reactor_count = config->num_network_threads;
    server.listen_backlog = config->socket_listen_backlog_size;
    server.send_buffer_bytes = config->socket_send_buffer_bytes;
    server.receive_buffer_bytes = config->socket_receive_buffer_bytes;
    server.congestion_control = config->socket_congestion_control;
    server.connections_max = config->max_connections;
    server.connections_per_ip_max = config->max_connections_per_ip;
    server.address_limits = broker->limits;
    server.address_limit_count = config->address_limit_count;
    server.connection_idle_ms_max = config->connections_max_idle_ms;
    server.frame_bytes_max = config->socket_request_max_bytes;
    server.queued_request_bytes_max = config->queued_max_request_bytes;
    server.on_request = api_on_request;
    server.on_request_over = api_on_request_over;
    server.on_connection_closed = api_on_connection_closed;
    server.context = &broker->context;
    return server_new(&server, &broker->server);
}

/* On the control thread. */
static void on_settings(void *context, const struct config *now) {
    struct broker *broker = context;
    struct server_address_limit limits[CONFIG_ADDRESS_LIMITS_MAX];
    const struct server_limits all = {
        .connections_max = now->max_connections,
        .connections_per_ip_max = now->max_connections_per_ip,
        .address_limits = limits,
        .address_limit_count = now->address_limit_count,
    };
    enum error error;

    atomic_store(&broker->slow_request_ms, now->slow_request_log_ms);
    for (size_t i = 0; i < now->address_limit_count; i++)
        limits[i] = (struct server_address_limit){now->address_limits[i].address,
                                                  now->address_limits[i].connections_max};
    error = server_set_limits(broker->server, &all);
    if (error != ERR_NONE)
        LOG_ERROR("connection_limits_not_changed", "error=%s", error_name(error));
}

/* On the control thread. */
static void on_metadata(void *context, const struct metadata_update *update) {
    struct broker *broker = context;

    group_parts_on_metadata(&broker->groups, update);
    transaction_parts_on_metadata(&broker->transactions);
}

static enum error settle_identity(struct broker *broker) {
    struct log_manager_identity known = log_manager_identity(broker->logs);
    int32_t broker_id =
        broker->config->broker_id >= 0 ? broker->config->broker_id : known.broker_id;
    enum error error = control_bootstrap(broker->control, broker_id, &broker->identity);

    if (error != ERR_NONE && error != ERR_CANCELLED) {
        LOG_ERROR("zookeeper_not_reached", "connect=%s error=%s reason=\"%s\"",
                  LOG_QUOTED_TEXT(broker->config->zookeeper_connect), error_name(error),
                  error_text(error));
    }
    if (error != ERR_NONE)
        return error;
    return log_manager_set_identity(broker->logs, broker->identity.broker_id,
                                    broker->identity.cluster_id);
}

static void request_stop(void *context) {
    stop_signals_request(context);
}

static void fill_context(struct broker *broker) {
    broker->context = (struct api_context){
        .broker_id = broker->identity.broker_id,
        .cluster_id = broker->identity.cluster_id,
        .config = broker->config,
        .live_config = control_live_config(broker->control),
        .clock = clock_system(),
        .metadata = control_metadata(broker->control),
        .encoded_metadata = broker->encoded_metadata,
        .replicas = control_replicas(broker->control),
        .logs = broker->logs,
        .background = worker_pool_executor(log_manager_pool(broker->logs)),
        .sessions = broker->sessions,
        .producer_ids = control_producer_ids(broker->control),
        .groups = broker->groups.coordinator,
        .transactions = broker->transactions.coordinator,
        .control = broker->control,
        .metrics = broker->metrics,
        .clients = broker->clients,
        .slow_request_ms = &broker->slow_request_ms,
        .request_stop = request_stop,
        .stop_context = broker->signals,
    };
}

static void on_signal(void *context) {
    control_interrupt(context);
}

static enum error start_admin(struct broker *broker) {
    const struct config *config = broker->config;

    return config->admin_host == NULL
               ? ERR_NONE
               : admin_start(config->admin_host, config->admin_port, &broker->admin);
}

static void attach_admin(struct broker *broker) {
    const struct admin_parts parts = {
        .broker_id = broker->identity.broker_id,
        .cluster_id = broker->identity.cluster_id,
        .config = broker->config,
        .control = broker->control,
        .logs = broker->logs,
        .server = broker->server,
        .groups = group_coordinator_census(broker->groups.coordinator),
        .lag = broker->groups.lag == NULL ? NULL : lag_monitor_report(broker->groups.lag),
        .metrics = broker->metrics,
        .clients = broker->clients,
        .threads = {{"control", control_executor(broker->control)},
                    {"groups", group_coordinator_executor(broker->groups.coordinator)},
                    {"transactions",
                     transaction_coordinator_executor(broker->transactions.coordinator)}},
    };

    admin_attach(broker->admin, &parts);
}

static enum error start_coordinators(struct broker *broker) {
    struct executor *background = worker_pool_executor(log_manager_pool(broker->logs));
    int32_t broker_id = broker->identity.broker_id;
    enum error error =
        group_parts_start(&broker->groups, broker->config, broker->control, broker_id, background);

    if (error != ERR_NONE)
        return error;
    return transaction_parts_start(&broker->transactions, broker->config, broker->control,
                                   broker_id, background);
}

static enum error start(struct broker *broker) {
    enum error error;

    /* First, so that probes are answered while logs are recovered. */
    if ((error = start_admin(broker)) != ERR_NONE)
        return error;
    if ((error = open_logs(broker)) != ERR_NONE)
        return error;
    /* Ports before the cluster hears of this broker: one in use is a plain refusal. */
    if ((error = make_server(broker)) != ERR_NONE)
        return error;
    if ((error = fetch_sessions_new(broker->config->max_incremental_fetch_session_cache_slots,
                                    &broker->sessions)) != ERR_NONE)
        return error;
    if ((error = control_start(broker->config, &broker->control)) != ERR_NONE)
        return error;
    stop_signals_listen(broker->signals, on_signal, broker->control);
    control_on_settings(broker->control, on_settings, broker);
    control_on_metadata(broker->control, on_metadata, broker);
    if ((error = settle_identity(broker)) != ERR_NONE)
        return error;
    admin_attach_logs(broker->admin, broker->logs);
    if ((error = log_manager_load(broker->logs)) != ERR_NONE)
        return error;
    if ((error = control_join_cluster(broker->control, broker->logs)) != ERR_NONE)
        return error;
    if ((error = start_coordinators(broker)) != ERR_NONE)
        return error;
    fill_context(broker);
    if ((error = server_start(broker->server)) != ERR_NONE)
        return error;
    attach_admin(broker);
    log_manager_open_logs(broker->logs);
    return ERR_NONE;
}

static void leave_cluster(struct broker *broker) {
    if (control_depart(broker->control) != ERR_NONE)
        LOG_WARN("controlled_shutdown_cut_short", "broker=%d reason=\"a second signal\"",
                 broker->identity.broker_id);
    /* Productions that wait for followers would wait in vain once those are not read any more: they
     * are told that this is not the leader now, and ask the next one. */
    control_resign(broker->control);
    group_parts_stop(&broker->groups);
    transaction_parts_stop(&broker->transactions);
    server_stop(broker->server, DRAIN_MS);
    /* What is read for requests off the reactors would come back to them. */
    worker_pool_drain(log_manager_pool(broker->logs));
}

static void stop(struct broker *broker, bool was_started) {
    int64_t broker_epoch = -1;

    service_notify("STOPPING=1\nSTATUS=moving leaderships away");
    admin_note_stopping(broker->admin);
    if (was_started)
        leave_cluster(broker);
    admin_detach(broker->admin);
    group_parts_stop(&broker->groups);
    transaction_parts_stop(&broker->transactions);
    stop_signals_listen(broker->signals, NULL, NULL);
    if (broker->control != NULL) {
        broker_epoch = control_broker_epoch(broker->control);
        control_stop(broker->control);
    }
    server_free(broker->server);
    request_metrics_free(broker->metrics);
    client_census_free(broker->clients);
    group_parts_free(&broker->groups);
    transaction_parts_free(&broker->transactions);
    fetch_sessions_free(broker->sessions);
    encoded_metadata_free(broker->encoded_metadata);
    log_manager_close(broker->logs, broker_epoch);
    control_free(broker->control);
    admin_stop(broker->admin);
    stop_signals_free(broker->signals);
    config_free(broker->config);
}

/* Until somebody wants it to stop. CANCELLED if that was before it could serve. */
static enum error serve(struct broker *broker) {
    enum error error = start(broker);

    if (error == ERR_NONE) {
        LOG_INFO("broker_started", "broker=%d cluster_id=%s version=%s", broker->identity.broker_id,
                 broker->identity.cluster_id, BARNABAS_VERSION);
        service_notify("READY=1\nSTATUS=serving");
    } else if (error != ERR_CANCELLED)
        LOG_ERROR("broker_not_started", "error=%s reason=\"%s\"", error_name(error),
                  error_text(error));
    if (error == ERR_NONE || error == ERR_CANCELLED)
        LOG_INFO("broker_stopping", "signal=%s was_started=%s",
                 strsignal(stop_signals_wait(broker->signals)), error == ERR_NONE ? "yes" : "no");
    return error;
}

static int run(struct config *config) {
    struct broker *broker = calloc(1, sizeof(*broker));
    enum error error;

    CHECK(broker != NULL);
    broker->config = config;
    broker->metrics = request_metrics_new();
    broker->clients = client_census_new();
    broker->encoded_metadata = encoded_metadata_new();
    CHECK(broker->metrics != NULL && broker->clients != NULL && broker->encoded_metadata != NULL);
    CHECK(stop_signals_new(&broker->signals) == ERR_NONE);
    CHECK(signal(SIGPIPE, SIG_IGN) != SIG_ERR);
    error = serve(broker);
    stop(broker, error == ERR_NONE);
    free(broker);
    if (error != ERR_NONE && error != ERR_CANCELLED)
        return EXIT_FAILED;
    LOG_INFO("broker_stopped", "clean=yes");
    return EXIT_FINE;
}

/* ---- Command line ---- */

static int load_and_run(const char *path, const struct config_override *overrides,
                        size_t override_count) {
    struct config_report report;
    struct config *config;
    enum log_level level;
    enum error error;

    config_report_init(&report);
    error = config_load(path, overrides, override_count, &report, &config);
    for (size_t i = 0; i < report.count; i++)
        fprintf(stderr, "barnabasd: %s\n", report.messages[i].text);
    config_report_done(&report);
    if (error != ERR_NONE)
        return EXIT_USAGE;
    if (logger_level_from_text(config->barnabas_log_level, &level))
        logger_set_level(level);
    descriptors_prepare();
    return run(config);
}

int main(int argc, char **argv) {
    static const struct option options[] = {
        {"override", required_argument, NULL, 'o'},
        {"check-config", no_argument, NULL, 'c'},
        {"print-config-docs", no_argument, NULL, 'p'},
        {"version", no_argument, NULL, 'v'},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    struct config_override overrides[OVERRIDES_MAX];
    size_t override_count = 0;
    bool check = false;
    int option;

    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        switch (option) {
        case 'o':
            if (override_count == OVERRIDES_MAX ||
                !config_override_parse(optarg, &overrides[override_count])) {
                fprintf(stderr, "barnabasd: --override takes KEY=VALUE\n");
                return EXIT_USAGE;
            }
            override_count++;
            break;
        case 'c':
            check = true;
            break;
        case 'p':
            config_print_docs();
            return EXIT_FINE;
        case 'v':
            printf("barnabasd %s\n", BARNABAS_VERSION);
            return EXIT_FINE;
        case 'h':
            fputs(usage, stdout);
            return EXIT_FINE;
        default:
            fputs(usage, stderr);
            return EXIT_USAGE;
        }
    }
    if (optind != argc - 1) {
        fputs(usage, stderr);
        return EXIT_USAGE;
    }
    return check ? config_check_main(argv[optind], overrides, override_count)
                 : load_and_run(argv[optind], overrides, override_count);
}
