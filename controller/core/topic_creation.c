/*
 * CreateTopics and CreatePartitions: is it allowed, where do the replicas go. The writing is done
 * by the topic's and the partitions' own machines.
 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "client/base/repeated.h"
#include "controller/core/assignment_plan.h"
#include "controller/core/request.h"
#include "controller/core/topic_name.h"

/* A topic's znode must stay well below ZooKeeper's jute.maxbuffer (1 MiB), together with the
 * entry that repeats it. */
#define TOPIC_BYTES_MAX (900 * 1024)
#define PARTITIONS_MAX  100000

/* ---- Assignments */

static int compare_brokers(const void *left, const void *right) {
    const struct assignment_broker *a = left, *b = right;

    return (a->id > b->id) - (a->id < b->id);
}

/* The live brokers, ascending; the caller frees them. */
static struct assignment_broker *live_brokers(struct controller *c, size_t *count) {
    struct assignment_broker *live =
        controller_allocate(HASH_COUNT(c->cluster.brokers), sizeof(*live));
    struct broker *broker, *next;

    *count = 0;
    HASH_ITER (hh, c->cluster.brokers, broker, next)
        if (controller_broker_is_live(broker))
            live[(*count)++] = (struct assignment_broker){.id = broker->id, .rack = broker->rack};
    qsort(live, *count, sizeof(*live), compare_brokers);
    return live;
}

struct refusal {
    enum error error;
    char message[TOPIC_NAME_MESSAGE_SIZE]; /* Kafka's, word for word: tools print it */
};

PRINTF_LIKE(2, 3) static struct refusal refuse(enum error error, const char *format, ...) {
    struct refusal refusal = {.error = error};
    va_list arguments;

    va_start(arguments, format);
    (void)vsnprintf(refusal.message, sizeof(refusal.message), format, arguments);
    va_end(arguments);
    return refusal;
}

static const struct refusal allowed = {.error = ERR_NONE};

/* Replica ids of consecutive new partitions. */
struct placement {
    int32_t count;
    const struct controller_partition_assignment *rows; /* in the order of partitions */
    struct controller_partition_assignment *owned_rows;
    int32_t *owned_replicas;
};

static void placement_done(struct placement *placement) {
    free(placement->owned_rows);
    free(placement->owned_replicas);
}

static struct refusal check_replicas(const struct controller_partition_assignment *row) {
    if (row->replica_count == 0)
        return refuse(ERR_INVALID_REPLICA_ASSIGNMENT,
                      "A partition has an empty replica assignment.");
    for (size_t i = 0; i < row->replica_count; i++) {
        if (row->replicas[i] < 0)
            return refuse(ERR_INVALID_REPLICA_ASSIGNMENT,
                          "A replica assignment holds a negative broker id.");
        for (size_t j = 0; j < i; j++)
            if (row->replicas[j] == row->replicas[i])
                return refuse(ERR_INVALID_REPLICA_ASSIGNMENT,
                              "A replica assignment holds a broker twice.");
    }
    return allowed;
}

/* Lets the controller choose: `first` existing partitions, brokers in `live`. */
static void place(const struct assignment_request *request, struct placement *placement) {
    size_t factor = (size_t)request->replication_factor;
    size_t count = (size_t)request->partition_count;

    placement->count = request->partition_count;
    placement->owned_replicas = controller_allocate(count * factor, sizeof(int32_t));
    placement->owned_rows = controller_allocate(count, sizeof(*placement->owned_rows));
    placement->rows = placement->owned_rows;
    controller_assignment_plan(request, placement->owned_replicas);
    for (size_t i = 0; i < count; i++)
        placement->owned_rows[i] = (struct controller_partition_assignment){
            .partition = request->partition_first + (int32_t)i,
            .replicas = placement->owned_replicas + i * factor,
            .replica_count = factor,
        };
}

static size_t digits(int32_t number) {
    size_t count = 1;

    while (number >= 10) {
        number /= 10;
        count++;
    }
    return count;
}

/* "12":[101,102], in the znode and in the entry. */
static struct refusal too_large(const struct placement *placement) {
    size_t bytes = 0;

    for (int32_t i = 0; i < placement->count; i++) {
        const struct controller_partition_assignment *row = &placement->rows[i];
        bytes += digits(row->partition) + 6;
        for (size_t r = 0; r < row->replica_count; r++)
            bytes += digits(row->replicas[r]) + 1;
    }
    return 2 * bytes > TOPIC_BYTES_MAX
               ? refuse(ERR_INVALID_PARTITIONS, "The assignment is too large for one znode.")
               : allowed;
}

/* ---- CreateTopics */

static struct refusal check_absence(struct controller *c, struct bytes name, bool repeated) {
    const struct topic *topic = controller_cluster_topic(&c->cluster, name);

    if (repeated)
        return refuse(ERR_INVALID_REQUEST, "Duplicate topic in request.");
    if (topic != NULL)
        return refuse(ERR_TOPIC_ALREADY_EXISTS, "Topic '%.*s' %s.", BYTES_FORMAT(name),
                      topic->phase == TOPIC_DELETING ? "is marked for deletion" : "already exists");
    return allowed;
}

static struct refusal check_name(struct controller *c, struct bytes name) {
    char fault[TOPIC_NAME_MESSAGE_SIZE];
    const struct topic *other;

    if (!controller_topic_name_is_valid(name)) {
        controller_topic_name_explain(name, fault, sizeof(fault));
        return refuse(ERR_INVALID_TOPIC_EXCEPTION, "%s", fault);
    }
    other = controller_cluster_topic_colliding(&c->cluster, name);
    if (other != NULL)
        return refuse(ERR_INVALID_TOPIC_EXCEPTION,
                      "Topic '%.*s' collides with existing topics: %.*s", BYTES_FORMAT(name),
                      BYTES_FORMAT(other->name));
    return allowed;
}

/* Puts the rows of an explicit assignment in order; every partition 0..n-1 once. */
static struct refusal order_rows(const struct controller_create_topic *wanted,
                                 struct placement *placement) {
    size_t count = wanted->assignment_count;
    bool *seen = controller_allocate(count, sizeof(*seen));
    struct refusal refusal = allowed;

    placement->owned_rows = controller_allocate(count, sizeof(*placement->owned_rows));
    placement->rows = placement->owned_rows;
    placement->count = (int32_t)count;
    for (size_t i = 0; i < count && refusal.error == ERR_NONE; i++) {
        const struct controller_partition_assignment *row = &wanted->assignments[i];
        if (row->partition < 0 || (size_t)row->partition >= count || seen[row->partition]) {
            refusal = refuse(ERR_INVALID_REPLICA_ASSIGNMENT,
                             "partitions should be a consecutive 0-based integer sequence");
            break;
        }
        seen[row->partition] = true;
        placement->owned_rows[row->partition] = *row;
        refusal = check_replicas(row);
        if (refusal.error == ERR_NONE && row->replica_count != wanted->assignments[0].replica_count)
            refusal = refuse(ERR_INVALID_REPLICA_ASSIGNMENT,
                             "All partitions should have the same number of replicas");
    }
    free(seen);
    return refusal;
}

#define TOO_FEW_BROKERS "Replication factor: %" PRId32 " larger than available brokers: %zu."

/* The controller chooses. */
static struct refusal spread_topic(struct controller *c,
                                   const struct controller_create_topic *wanted,
                                   struct placement *placement) {
    struct assignment_request request = {
        .partition_count = wanted->partition_count,
        .replication_factor = wanted->replication_factor,
    };
    struct assignment_broker *live;
    struct refusal refusal = allowed;

    if (wanted->partition_count <= 0 || wanted->partition_count > PARTITIONS_MAX)
        return refuse(ERR_INVALID_PARTITIONS, "Number of partitions must be larger than 0.");
    if (wanted->replication_factor <= 0)
        return refuse(ERR_INVALID_REPLICATION_FACTOR, "Replication factor must be larger than 0.");
    live = live_brokers(c, &request.broker_count);
    request.brokers = live;
    if ((size_t)wanted->replication_factor > request.broker_count) {
        refusal = refuse(ERR_INVALID_REPLICATION_FACTOR, TOO_FEW_BROKERS,
                         wanted->replication_factor, request.broker_count);
    } else {
        request.start = rng_next(&c->rng);
        request.shift = rng_next(&c->rng);
        place(&request, placement);
    }
    free(live);
    return refusal;
}

static struct refusal fault_of(const struct controller_fault *fault) {
    return fault->error == ERR_NONE
               ? allowed
               : refuse(fault->error, "%s",
                        fault->message == NULL ? error_text(fault->error) : fault->message);
}

/* In the order of Kafka's ZkAdminManager.createTopics and AdminZkClient.validateTopicCreate, so
 * that of several faults the same one is told. */
static struct refusal place_topic(struct controller *c,
                                  const struct controller_create_topic *wanted, bool repeated,
                                  struct placement *placement) {
    struct refusal refusal = check_absence(c, wanted->name, repeated);

    if (refusal.error == ERR_NONE)
        refusal = fault_of(&wanted->form_fault);
    if (refusal.error == ERR_NONE && wanted->assignment_count == 0)
        refusal = spread_topic(c, wanted, placement);
    if (refusal.error == ERR_NONE)
        refusal = check_name(c, wanted->name);
    /* Brokers that are not there may be named: Kafka allows it for new topics. */
    if (refusal.error == ERR_NONE && wanted->assignment_count > 0)
        refusal = order_rows(wanted, placement);
    if (refusal.error == ERR_NONE)
        refusal = fault_of(&wanted->config_fault);
    return refusal.error == ERR_NONE ? too_large(placement) : refusal;
}

static struct topic *add_topic(struct controller *c, const struct controller_create_topic *wanted,
                               const struct placement *placement) {
    struct uuid id = uuid_random(&c->rng);
    struct topic *topic = controller_cluster_topic_add(&c->cluster, wanted->name, &id);

    topic->phase = TOPIC_CREATING;
    controller_cluster_topic_set_configs(topic, wanted->configs, wanted->config_count);
    for (int32_t i = 0; i < placement->count; i++) {
        struct partition *p = controller_cluster_partition_add(
            &c->cluster, topic, placement->rows[i].replicas, placement->rows[i].replica_count);
        p->awaited = true;
    }
    topic->awaited_count = (size_t)placement->count;
    controller_topic_touch(c, topic);
    return topic;
}

/* Lives as long as the request. */
static const bool *find_repeated(struct request *request,
                                 const struct controller_create_topics_request *wanted) {
    struct bytes *names = controller_request_allocate(request, wanted->topic_count, sizeof(*names));
    bool *repeated;

    for (size_t i = 0; i < wanted->topic_count; i++)
        names[i] = wanted->topics[i].name;
    repeated = repeated_names(&request->arena, names, wanted->topic_count);
    CHECK(repeated != NULL);
    return repeated;
}

void controller_creation_on_topics_request(struct controller *c,
                                           const struct controller_event *event,
                                           struct controller_effects *effects) {
    const struct controller_create_topics_request *wanted = event->create_topics;
    struct controller_create_topic_result *results;
    struct request *request = controller_request_new(
        c, event->token, event->kind, wanted->topic_count, sizeof(*results), (void **)&results);

    const bool *repeated = find_repeated(request, wanted);

    request->results.create_topics = results;
    request->open++; /* not answered before all have been looked at */
    for (size_t i = 0; i < wanted->topic_count; i++) {
        struct placement placement = {0};
        struct refusal refusal = place_topic(c, &wanted->topics[i], repeated[i], &placement);

        results[i].name = controller_request_copy(request, wanted->topics[i].name);
        if (refusal.error == ERR_NONE) {
            results[i].partition_count = placement.count;
            results[i].replication_factor = (int32_t)placement.rows[0].replica_count;
        }
        if (refusal.error == ERR_NONE && !wanted->validate_only) {
            struct topic *topic = add_topic(c, &wanted->topics[i], &placement);
            topic->create_item = &request->items[i];
            results[i].topic_id = topic->id;
        } else {
            controller_item_set_error(&request->items[i], refusal.error, refusal.message);
            controller_item_done(c, &request->items[i], effects);
        }
        placement_done(&placement);
    }
    request->open--;
    controller_request_answer_if_done(c, request, effects);
}

/* ---- CreatePartitions */

static struct refusal check_extension(const struct topic *topic,
                                      const struct controller_create_partitions *wanted) {
    if (topic == NULL)
        return refuse(ERR_UNKNOWN_TOPIC_OR_PARTITION, "The topic '%.*s' does not exist.",
                      BYTES_FORMAT(wanted->name));
    if (topic->phase == TOPIC_DELETING)
        return refuse(ERR_INVALID_TOPIC_EXCEPTION, "The topic is marked for deletion.");
    if (controller_topic_is_reassigning(topic) || topic->extend_item != NULL ||
        topic->phase != TOPIC_LIVE || topic->written_count < topic->partition_count)
        return refuse(ERR_REASSIGNMENT_IN_PROGRESS,
                      "A partition reassignment is in progress for the topic '%.*s'.",
                      BYTES_FORMAT(wanted->name));
    if (wanted->partition_count <= 0 || (size_t)wanted->partition_count < topic->partition_count)
        return refuse(ERR_INVALID_PARTITIONS,
                      "Topic currently has %zu partitions, which is higher than the requested "
                      "%" PRId32 ".",
                      topic->partition_count, wanted->partition_count);
    if ((size_t)wanted->partition_count == topic->partition_count)
        return refuse(ERR_INVALID_PARTITIONS, "Topic already has %zu partitions.",
                      topic->partition_count);
    if (wanted->partition_count > PARTITIONS_MAX)
        return refuse(ERR_INVALID_PARTITIONS, "The number of partitions is too large.");
    return allowed;
}

/* The brokers of an assignment that are not there, as "7, 9"; false if there are none. */
static bool find_unknown(struct controller *c, const struct controller_create_partitions *wanted,
                         char *unknown, size_t size) {
    size_t used = 0;

    for (size_t i = 0; i < wanted->assignment_count; i++) {
        const struct controller_partition_assignment *row = &wanted->assignments[i];
        for (size_t r = 0; r < row->replica_count && used < size; r++) {
            const struct broker *broker = controller_cluster_broker(&c->cluster, row->replicas[r]);
            if (broker == NULL || !controller_broker_is_live(broker))
                used += (size_t)snprintf(unknown + used, size - used, "%s%" PRId32,
                                         used > 0 ? ", " : "", row->replicas[r]);
        }
    }
    return used > 0;
}

static struct refusal check_added_rows(struct controller *c, const struct topic *topic,
                                       const struct controller_create_partitions *wanted,
                                       struct placement *placement) {
    size_t added = (size_t)wanted->partition_count - topic->partition_count;
    char unknown[TOPIC_NAME_MESSAGE_SIZE / 2];

    if (find_unknown(c, wanted, unknown, sizeof(unknown)))
        return refuse(ERR_INVALID_REPLICA_ASSIGNMENT,
                      "Unknown broker(s) in replica assignment: %s.", unknown);
    if (wanted->assignment_count != added)
        return refuse(ERR_INVALID_REPLICA_ASSIGNMENT,
                      "Increasing the number of partitions by %zu but %zu assignments provided.",
                      added, wanted->assignment_count);
    for (size_t i = 0; i < added; i++) {
        const struct controller_partition_assignment *row = &wanted->assignments[i];
        struct refusal refusal = check_replicas(row);
        if (refusal.error != ERR_NONE)
            return refusal;
        if (row->replica_count != topic->partitions[0]->replica_count)
            return refuse(ERR_INVALID_REPLICA_ASSIGNMENT,
                          "The replication factor differs from that of the topic.");
    }
    placement->count = (int32_t)added;
    placement->rows = wanted->assignments;
    return allowed;
}

/* New partitions go on where the first partition's first replica began. */
static struct refusal place_added(struct controller *c, const struct topic *topic,
                                  const struct controller_create_partitions *wanted,
                                  struct placement *placement) {
    const struct partition *first = topic->partitions[0];
    struct assignment_request request = {
        .partition_first = (int32_t)topic->partition_count,
        .partition_count = wanted->partition_count - (int32_t)topic->partition_count,
        .replication_factor = (int32_t)first->replica_count,
    };
    struct assignment_broker *live = live_brokers(c, &request.broker_count);
    size_t start = 0;

    request.brokers = live;
    if (first->replica_count > request.broker_count) {
        free(live);
        return refuse(ERR_INVALID_REPLICATION_FACTOR, TOO_FEW_BROKERS, request.replication_factor,
                      request.broker_count);
    }
    while (start < request.broker_count && live[start].id < first->replica_ids[0])
        start++;
    request.start = request.shift = start < request.broker_count ? start : 0;
    place(&request, placement);
    free(live);
    return allowed;
}

static void extend(struct controller *c, struct topic *topic, const struct placement *placement) {
    for (int32_t i = 0; i < placement->count; i++) {
        struct partition *p = controller_cluster_partition_add(
            &c->cluster, topic, placement->rows[i].replicas, placement->rows[i].replica_count);
        p->awaited = true;
    }
    topic->awaited_count += (size_t)placement->count;
    controller_topic_touch(c, topic);
}

static struct refusal extend_topic(struct controller *c, struct topic *topic,
                                   const struct controller_create_partitions *wanted,
                                   bool validate_only) {
    struct placement placement = {0};
    struct refusal refusal = check_extension(topic, wanted);

    if (refusal.error != ERR_NONE)
        return refusal;
    if (wanted->is_assigned)
        refusal = check_added_rows(c, topic, wanted, &placement);
    else
        refusal = place_added(c, topic, wanted, &placement);
    if (refusal.error == ERR_NONE)
        refusal = too_large(&placement);
    if (refusal.error == ERR_NONE && !validate_only)
        extend(c, topic, &placement);
    placement_done(&placement);
    return refusal;
}

void controller_creation_on_partitions_request(struct controller *c,
                                               const struct controller_event *event,
                                               struct controller_effects *effects) {
    const struct controller_create_partitions_request *wanted = event->create_partitions;
    struct controller_create_partitions_result *results;
    struct request *request = controller_request_new(
        c, event->token, event->kind, wanted->topic_count, sizeof(*results), (void **)&results);

    request->results.create_partitions = results;
    request->open++;
    for (size_t i = 0; i < wanted->topic_count; i++) {
        struct topic *topic = controller_cluster_topic(&c->cluster, wanted->topics[i].name);
        struct refusal refusal = extend_topic(c, topic, &wanted->topics[i], wanted->validate_only);

        results[i].name = controller_request_copy(request, wanted->topics[i].name);
        if (refusal.error == ERR_NONE && !wanted->validate_only) {
            topic->extend_item = &request->items[i];
        } else {
            controller_item_set_error(&request->items[i], refusal.error, refusal.message);
            controller_item_done(c, &request->items[i], effects);
        }
    }
    request->open--;
    controller_request_answer_if_done(c, request, effects);
}
