/*
 * Brokers come and go.
 *
 * A broker is what its registration says: gone, there, or there anew (a higher epoch), which is
 * a death and a birth in one. What a death means for a partition is remembered in the partition's
 * replica (eviction) until a write has taken it into account, so that a broker that is back
 * before that is still moved out of leadership and ISR first.
 */
#include "controller/core/request.h"

static void lose_replicas(struct controller *c, struct broker *broker) {
    struct replica *replica;

    TAILQ_FOREACH (replica, &broker->replicas, on_broker) {
        replica->eviction = EVICTION_WANTED;
        controller_partition_touch(c, replica->partition);
    }
}

/* A state that was written before a member of its ISR registered: no controller has seen that
 * registration yet, nor the death before it. */
static bool is_stale(const struct replica *replica) {
    const struct partition *p = replica->partition;

    if (!p->exists || !replica->broker->registered ||
        replica->broker->epoch <= p->registrations_seen)
        return false;
    for (size_t i = 0; i < p->state.isr_count; i++)
        if (p->state.isr[i] == replica->broker->id)
            return true;
    return false;
}

/* Only partitions without a leader or without any state can gain by a broker's arrival; one that
 * is being written or read is looked at again anyway. A controller that took office while the
 * broker was gone, and has not been able to write so before it came back, must do so now. */
static void gain_replicas(struct controller *c, struct broker *broker) {
    struct replica *replica;

    TAILQ_FOREACH (replica, &broker->replicas, on_broker) {
        struct partition *partition = replica->partition;
        bool stale = is_stale(replica);
        if (stale)
            replica->eviction = EVICTION_WANTED;
        if (stale || !partition->exists || partition->state.leader < 0 ||
            partition->phase != PARTITION_SETTLED)
            controller_partition_touch(c, partition);
    }
}

/* A replica in a directory that failed is as good as dead; its broker lives. */
static void take_offline(struct controller *c, struct broker *broker,
                         const struct controller_broker_read *read) {
    struct replica *replica;

    if (!controller_cluster_broker_set_offline(broker, read->offline, read->offline_count) ||
        c->role != ROLE_ACTIVE)
        return;
    TAILQ_FOREACH (replica, &broker->replicas, on_broker)
        if (controller_replica_is_offline(replica))
            controller_partition_touch(c, replica->partition);
}

static void broker_seen(struct controller *c, const struct controller_broker_read *read) {
    struct broker *broker = controller_cluster_broker_ensure(&c->cluster, read->id);
    bool known = broker->registered;

    broker->seen = c->broker_listing;
    if (known && read->epoch < broker->epoch)
        return; /* an older listing, overtaken by a newer one */
    controller_cluster_broker_set_rack(broker, read->rack);
    take_offline(c, broker, read);
    if (known && read->epoch == broker->epoch)
        return;
    broker->registered = true;
    broker->epoch = read->epoch;
    if (broker->leaving_epoch != broker->epoch) /* unless it was faster than the listing */
        broker->leaving_epoch = 0;
    broker->unclean_since = read->unclean_since;
    if (read->epoch > c->cluster.newest_registration)
        c->cluster.newest_registration = read->epoch;
    if (c->role != ROLE_ACTIVE)
        return;
    if (known)
        lose_replicas(c, broker);
    else
        gain_replicas(c, broker);
}

/* One that is not registered, but was on logs that may have lost records. */
static void mark_seen(struct controller *c, const struct controller_broker_read *read) {
    struct broker *broker = controller_cluster_broker_ensure(&c->cluster, read->id);

    if (read->unclean_since > broker->unclean_since)
        broker->unclean_since = read->unclean_since;
    /* That registration is over, but what is written from now on knows of it. */
    if (read->unclean_since > c->cluster.newest_registration)
        c->cluster.newest_registration = read->unclean_since;
}

static void broker_gone(struct controller *c, struct broker *broker) {
    broker->registered = false;
    broker->leaving_epoch = 0;
    if (c->role == ROLE_ACTIVE)
        lose_replicas(c, broker);
}

void controller_liveness_on_brokers_read(struct controller *c,
                                         const struct controller_event *event) {
    struct broker *broker, *next;

    c->broker_listing++;
    c->registrations = event->brokers_read.registrations;
    c->registrations_outdated = false;
    for (size_t i = 0; i < event->brokers_read.count; i++)
        if (event->brokers_read.brokers[i].epoch > 0)
            broker_seen(c, &event->brokers_read.brokers[i]);
        else
            mark_seen(c, &event->brokers_read.brokers[i]);
    HASH_ITER (hh, c->cluster.brokers, broker, next)
        if (broker->registered && broker->seen != c->broker_listing)
            broker_gone(c, broker);
    for (size_t i = 0; i < event->brokers_read.notifications.count; i++)
        controller_writes_delete_node(c, "/log_dir_event_notification",
                                      event->brokers_read.notifications.names[i]);
}

void controller_liveness_find_stale(struct partition *partition) {
    for (size_t r = 0; r < partition->replica_count; r++)
        if (is_stale(&partition->replicas[r]))
            partition->replicas[r].eviction = EVICTION_WANTED;
}
