/*
 * What a broker that leaves is told.
 *
 * INVARIANT: when a controller in office answers a controlled shutdown, the broker leads nothing
 * that another member of the ISR could have taken, whatever was on its way when it asked.
 */
#include "tests/simulation/checker_internal.h"
#include "zk-schema/paths.h"

void checker_on_shutdown_asked(struct checker *checker, int32_t broker_id) {
    struct seen_broker *broker = &checker->brokers[broker_id];

    broker->leaving_epoch = broker->epoch;
}

/* Its registration, and whatever its log has lost, are older than the state: the controller that
 * wrote the state counted on it. */
static bool could_lead(const struct checker *checker, int32_t broker_id,
                       const struct seen_state *state) {
    const struct seen_broker *broker = &checker->brokers[broker_id];

    return broker->session_id != 0 && broker->epoch != broker->leaving_epoch &&
           broker->epoch < state->zxid && broker->unclean_zxid < state->zxid;
}

static void check_partition(struct checker *checker, int32_t leaving,
                            const struct told_topic *topic, int32_t partition) {
    const struct seen_state *state = &checker_seen(checker, &topic->id, partition)->truth;

    if (!state->exists || state->leader != leaving)
        return;
    for (size_t i = 0; i < state->isr_count; i++)
        if (state->isr[i] != leaving && could_lead(checker, state->isr[i], state) &&
            checker_is_replica(checker, &topic->id, partition, state->isr[i]))
            checker_broken(checker,
                           "broker %d may leave, though it leads %s-%d and broker %d could",
                           leaving, topic->name, partition, state->isr[i]);
}

void checker_on_shutdown_answered(struct checker *checker, int32_t broker_id, int64_t broker_epoch,
                                  int32_t controller_epoch,
                                  bool (*is_at_rest)(void *context, const struct uuid *topic_id),
                                  void *context) {
    const struct seen_broker *broker = &checker->brokers[broker_id];

    if (controller_epoch != checker->controller_epoch || broker->session_id == 0 ||
        broker->epoch != broker_epoch)
        return;
    for (const struct told_topic *topic = checker->topics; topic != NULL; topic = topic->hh.next) {
        struct znode_path mark = path_of_deleted_topic(bytes_of_text(topic->name));

        if (!is_at_rest(context, &topic->id) ||
            model_zookeeper_get(checker->zookeeper, mark.text, NULL, NULL))
            continue;
        for (size_t i = 0; i < topic->partition_count; i++)
            check_partition(checker, broker_id, topic, (int32_t)i);
    }
}
