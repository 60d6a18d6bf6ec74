#include "ops/cli/live_cluster.h"

#include <stdlib.h>
#include <string.h>

#include "ops/cli/session.h"

struct live_topic_settings {
    bool are_known;
    int32_t min_isr;
    bool unclean_allowed;
};

enum exit_status live_cluster_open(struct barnabas_admin *admin, const char *name,
                                   int64_t timeout_ms, struct live_cluster *live) {
    int error;

    *live = (struct live_cluster){.admin = admin, .timeout_ms = timeout_ms};
    error = barnabas_admin_describe_cluster(admin, timeout_ms, &live->brokers);
    if (error == BARNABAS_OK)
        error = barnabas_admin_describe_topics(admin, name == NULL ? NULL : &name,
                                               name == NULL ? 0 : 1, timeout_ms, &live->topics);
    if (error == BARNABAS_OK && name != NULL)
        error = live->topics->count == 1 ? live->topics->items[0].error
                                         : BARNABAS_UNKNOWN_TOPIC_OR_PARTITION;
    if (error == BARNABAS_OK) {
        live->settings = calloc(live->topics->count + 1, sizeof(*live->settings));
        if (live->settings == NULL)
            error = BARNABAS_OUT_OF_MEMORY;
    }
    return error == BARNABAS_OK ? EXIT_OK : session_fail(name == NULL ? "cluster" : name, error);
}

void live_cluster_close(struct live_cluster *live) {
    free(live->settings);
    barnabas_topics_free(live->topics);
    barnabas_cluster_free(live->brokers);
}

bool live_cluster_has_broker(const struct live_cluster *live, int32_t broker_id) {
    for (size_t i = 0; i < live->brokers->broker_count; i++)
        if (live->brokers->brokers[i].id == broker_id)
            return true;
    return false;
}

static void settings_take(const struct barnabas_settings *told, struct live_topic_settings *taken) {
    *taken = (struct live_topic_settings){.are_known = true, .min_isr = 1};
    for (size_t i = 0; i < told->count; i++) {
        const char *value = told->items[i].value == NULL ? "" : told->items[i].value;

        if (strcmp(told->items[i].key, "min.insync.replicas") == 0)
            taken->min_isr = (int32_t)strtol(value, NULL, 10);
        else if (strcmp(told->items[i].key, "unclean.leader.election.enable") == 0)
            taken->unclean_allowed = strcmp(value, "true") == 0;
    }
}

static enum exit_status settings_know(struct live_cluster *live, size_t topic_index) {
    const char *name = live->topics->items[topic_index].name;
    struct barnabas_settings *told = NULL;
    int error;

    if (live->settings[topic_index].are_known)
        return EXIT_OK;
    error = barnabas_admin_describe_settings(live->admin, BARNABAS_RESOURCE_TOPIC, name,
                                             live->timeout_ms, &told);
    if (error == BARNABAS_OK)
        error = told->error;
    if (error == BARNABAS_OK)
        settings_take(told, &live->settings[topic_index]);
    barnabas_settings_free(told);
    return error == BARNABAS_OK ? EXIT_OK : session_fail(name, error);
}

static bool contains(const int32_t *ids, size_t count, int32_t id) {
    for (size_t i = 0; i < count; i++)
        if (ids[i] == id)
            return true;
    return false;
}

enum exit_status live_cluster_partition(struct live_cluster *live, size_t topic_index,
                                        const struct barnabas_partition_info *partition,
                                        enum replica_health *health,
                                        struct impact_partition *made) {
    enum exit_status status = settings_know(live, topic_index);

    if (status != EXIT_OK)
        return status;
    for (size_t r = 0; r < partition->replica_count; r++) {
        const int32_t id = partition->replicas[r];
        health[r] = live_cluster_has_broker(live, id) &&
                            !contains(partition->offline, partition->offline_count, id)
                        ? REPLICA_ONLINE
                        : REPLICA_OFFLINE;
    }
    *made = (struct impact_partition){
        .election = {.replicas = partition->replicas,
                     .health = health,
                     .replica_count = partition->replica_count,
                     .leader = partition->leader,
                     .isr = partition->isr,
                     .isr_count = partition->isr_count,
                     .unclean_allowed = live->settings[topic_index].unclean_allowed},
        .min_isr = live->settings[topic_index].min_isr,
    };
    return EXIT_OK;
}
