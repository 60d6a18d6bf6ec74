#include "ops/cli/reassign_throttle.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ops/cli/session.h"

#define LEADER_RATE       "leader.replication.throttled.rate"
#define FOLLOWER_RATE     "follower.replication.throttled.rate"
#define LEADER_REPLICAS   "leader.replication.throttled.replicas"
#define FOLLOWER_REPLICAS "follower.replication.throttled.replicas"

static enum exit_status alter(struct barnabas_admin *admin, enum barnabas_resource resource,
                              const char *name, const char *leader_key, const char *leader_value,
                              const char *follower_key, const char *follower_value,
                              int64_t timeout_ms) {
    const enum barnabas_setting_operation operation =
        leader_value == NULL ? BARNABAS_SETTING_DELETE : BARNABAS_SETTING_SET;
    const struct barnabas_setting_change changes[] = {
        {leader_key, operation, leader_value},
        {follower_key, operation, follower_value},
    };
    struct barnabas_outcomes *outcomes = NULL;
    int error = barnabas_admin_alter_settings(admin, resource, name, changes, 2, false, timeout_ms,
                                              &outcomes);
    enum exit_status status = error == BARNABAS_OK
                                  ? session_outcomes("partition reassign --throttle", outcomes)
                                  : session_fail("partition reassign --throttle", error);

    barnabas_outcomes_free(outcomes);
    return status;
}

static enum exit_status alter_brokers(struct barnabas_admin *admin,
                                      const struct reassign_plan *plan, const char *rate,
                                      int64_t timeout_ms) {
    enum exit_status status = EXIT_OK;

    for (size_t i = 0; i < plan->cluster->broker_count && status == EXIT_OK; i++) {
        char name[16];
        snprintf(name, sizeof(name), "%" PRId32, plan->cluster->brokers[i].id);
        status = alter(admin, BARNABAS_RESOURCE_BROKER, name, LEADER_RATE, rate, FOLLOWER_RATE,
                       rate, timeout_ms);
    }
    return status;
}

/* "partition:broker,..." of the replicas in the plan's rows of one topic. */
struct replica_text {
    char *text;
    size_t size;
};

static bool add_replica(struct replica_text *list, int32_t partition, int32_t broker) {
    char item[32];
    size_t size = (size_t)snprintf(item, sizeof(item), "%s%" PRId32 ":%" PRId32,
                                   list->size > 0 ? "," : "", partition, broker);
    char *grown = realloc(list->text, list->size + size + 1);

    if (grown == NULL)
        return false;
    memcpy(grown + list->size, item, size + 1);
    list->text = grown;
    list->size += size;
    return true;
}

static bool has(const int32_t *ids, size_t count, int32_t id) {
    for (size_t i = 0; i < count; i++)
        if (ids[i] == id)
            return true;
    return false;
}

/* Those that have the data give it; those that are new take it. */
static bool add_row(const struct reassign_row *row, const struct barnabas_new_replicas *wanted,
                    struct replica_text *leaders, struct replica_text *followers) {
    const struct barnabas_partition_info *now = row->now;
    bool is_added = true;

    for (size_t i = 0; i < now->replica_count && is_added; i++)
        is_added = add_replica(leaders, now->partition, now->replicas[i]);
    for (size_t i = 0; i < wanted->replica_count && is_added; i++)
        if (!has(now->replicas, now->replica_count, wanted->replicas[i]))
            is_added = add_replica(followers, now->partition, wanted->replicas[i]);
    return is_added;
}

static enum exit_status throttle_topic(struct barnabas_admin *admin,
                                       const struct reassign_plan *plan, const char *topic,
                                       int64_t timeout_ms) {
    struct replica_text leaders = {0}, followers = {0};
    enum exit_status status = EXIT_FAILED;
    bool is_added = true;

    for (size_t i = 0; i < plan->count && is_added; i++)
        if (strcmp(plan->wanted[i].topic, topic) == 0)
            is_added = add_row(&plan->rows[i], &plan->wanted[i], &leaders, &followers);
    if (is_added)
        status = alter(admin, BARNABAS_RESOURCE_TOPIC, topic, LEADER_REPLICAS,
                       leaders.text == NULL ? "" : leaders.text, FOLLOWER_REPLICAS,
                       followers.text == NULL ? "" : followers.text, timeout_ms);
    else
        fprintf(stderr, "barnabas: memory is out\n");
    free(leaders.text);
    free(followers.text);
    return status;
}

static bool is_first_of_topic(const struct reassign_plan *plan, size_t index) {
    for (size_t i = 0; i < index; i++)
        if (strcmp(plan->wanted[i].topic, plan->wanted[index].topic) == 0)
            return false;
    return true;
}

enum exit_status reassign_throttle_set(struct barnabas_admin *admin,
                                       const struct reassign_plan *plan, int64_t bytes_per_second,
                                       int64_t timeout_ms) {
    enum exit_status status;
    char rate[32];

    snprintf(rate, sizeof(rate), "%" PRId64, bytes_per_second);
    status = alter_brokers(admin, plan, rate, timeout_ms);
    for (size_t i = 0; i < plan->count && status == EXIT_OK; i++)
        if (is_first_of_topic(plan, i))
            status = throttle_topic(admin, plan, plan->wanted[i].topic, timeout_ms);
    return status;
}

static bool has_throttle(const struct barnabas_settings *settings) {
    for (size_t i = 0; i < settings->count; i++)
        if (strcmp(settings->items[i].key, LEADER_REPLICAS) == 0 &&
            settings->items[i].source == BARNABAS_SOURCE_TOPIC)
            return true;
    return false;
}

bool reassign_throttle_is_set(struct barnabas_admin *admin, const struct reassign_plan *plan,
                              int64_t timeout_ms) {
    bool is_set = false;

    for (size_t i = 0; i < plan->count && !is_set; i++) {
        struct barnabas_settings *settings = NULL;
        is_set =
            is_first_of_topic(plan, i) &&
            barnabas_admin_describe_settings(admin, BARNABAS_RESOURCE_TOPIC, plan->wanted[i].topic,
                                             timeout_ms, &settings) == BARNABAS_OK &&
            has_throttle(settings);
        barnabas_settings_free(settings);
    }
    return is_set;
}

enum exit_status reassign_throttle_remove(struct barnabas_admin *admin,
                                          const struct reassign_plan *plan, int64_t timeout_ms) {
    enum exit_status status = alter_brokers(admin, plan, NULL, timeout_ms);

    for (size_t i = 0; i < plan->count && status == EXIT_OK; i++)
        if (is_first_of_topic(plan, i))
            status = alter(admin, BARNABAS_RESOURCE_TOPIC, plan->wanted[i].topic, LEADER_REPLICAS,
                           NULL, FOLLOWER_REPLICAS, NULL, timeout_ms);
    return status;
}
