/* What the controller does. Those that are not the controller say 0, so that sums are right. */
#include "broker/admin/collect.h"

#define CONTROLLER "kafka_controller_kafkacontroller_"
#define STATS      "kafka_controller_controllerstats_"
#define QUEUE      "kafka_controller_controllereventmanager_"

#define ZK_MIGRATION_STATE_ZK 4

/* Kafka's name of each. Those of brokers' answers are left out: its controller asks brokers to do
 * things, ours writes what is to be done. */
static const struct {
    const char *name;
    const char *help;
} activities[CONTROLLER_ACTIVITIES] = {
    [CONTROLLER_ACTIVITY_CONTROLLER_CHANGE] =
        {STATS "controllerchangerateandtimems",
         "From standing for election until this broker, elected, had loaded the cluster, in ms."},
    [CONTROLLER_ACTIVITY_BROKER_CHANGE] =
        {STATS "leaderelectionrateandtimems",
         "From a change of brokers, as the controller heard of it, until the leaders that follow "
         "from it were elected, in ms."},
    [CONTROLLER_ACTIVITY_TOPIC_CHANGE] =
        {STATS "topicchangerateandtimems",
         "From a request for topics or partitions until they were made, in ms."},
    [CONTROLLER_ACTIVITY_TOPIC_DELETION] =
        {STATS "topicdeletionrateandtimems",
         "From a request to delete topics until they were gone, in ms."},
    [CONTROLLER_ACTIVITY_REASSIGNMENT] =
        {STATS "partitionreassignmentrateandtimems",
         "From a request to reassign until it was written; not the moving, in ms."},
    [CONTROLLER_ACTIVITY_AUTO_BALANCE] =
        {STATS "autoleaderbalancerateandtimems",
         "Looking for leaders that are not the preferred ones, and giving those their office, in "
         "ms."},
    [CONTROLLER_ACTIVITY_MANUAL_BALANCE] =
        {STATS "manualleaderbalancerateandtimems",
         "From a request to elect leaders until it was done, in ms."},
    [CONTROLLER_ACTIVITY_CONTROLLED_SHUTDOWN] =
        {STATS "controlledshutdownrateandtimems",
         "From a broker's wish to stop until its leaderships were moved, in ms."},
    [CONTROLLER_ACTIVITY_ISR_CHANGE] =
        {STATS "isrchangerateandtimems",
         "From a leader's wish to change an ISR until that was written, in ms."},
    [CONTROLLER_ACTIVITY_DIRECTORY_CHANGE] =
        {STATS "logdirchangerateandtimems",
         "From a broker's word that a directory failed until leaders elsewhere were elected, in "
         "ms."},
    [CONTROLLER_ACTIVITY_SHUTDOWN] =
        {STATS "controllershutdownrateandtimems",
         "Ends of the controller's thread: none, as in Kafka, which does not count them either."},
    [CONTROLLER_ACTIVITY_UNCLEAN_ELECTIONS] =
        {STATS "uncleanleaderelectionenablerateandtimems",
         "From the cluster's permission of unclean elections until those that followed were done, "
         "in ms."},
    [CONTROLLER_ACTIVITY_TOPIC_UNCLEAN_ELECTIONS] =
        {STATS "topicuncleanleaderelectionenablerateandtimems",
         "The same of a single topic's permission."},
    [CONTROLLER_ACTIVITY_LIST_REASSIGNMENTS] = {STATS "listpartitionreassignmentrateandtimems",
                                                "Listing what is being reassigned, in ms."},
    [CONTROLLER_ACTIVITY_FEATURES] =
        {STATS "updatefeaturesrateandtimems",
         "Changes of the cluster's features: none, since with ZooKeeper there are no features."},
};

static void gauge(struct exposition *out, const char *name, const char *help, int64_t value) {
    exposition_single(out, name, METRIC_GAUGE, help, value);
}

static void collect_of_the_cluster(struct exposition *out, const struct cluster_tally *tally,
                                   int64_t is_active) {
    gauge(out, CONTROLLER "offlinepartitionscount",
          "Partitions of the cluster that nobody leads; on the controller.",
          is_active * tally->offline);
    gauge(out, CONTROLLER "preferredreplicaimbalancecount",
          "Partitions that another than the preferred replica leads; on the controller.",
          is_active * tally->not_led_by_preferred);
    gauge(out, CONTROLLER "globaltopiccount", "Topics of the cluster; on the controller.",
          is_active * tally->topics);
    gauge(out, CONTROLLER "globalpartitioncount", "Partitions of the cluster; on the controller.",
          is_active * tally->partitions);
    gauge(out, CONTROLLER "activebrokercount", "Brokers of the cluster; on the controller.",
          is_active * tally->brokers);
    gauge(out, CONTROLLER "fencedbrokercount",
          "Brokers that are registered and may not lead: none, with ZooKeeper.", 0);
    gauge(out, CONTROLLER "zkmigrationstate",
          "By the numbers of Kafka's ZkMigrationState: 4, a cluster on ZooKeeper that stays there.",
          ZK_MIGRATION_STATE_ZK);
}

/* A deletion waits for nobody, so nothing is ineligible; those gauges are for dashboards. */
static void collect_deletions(struct exposition *out, const struct control_status *status) {
    gauge(out, CONTROLLER "topicstodeletecount", "Topics that are being deleted.",
          (int64_t)atomic_load_explicit(&status->topics_to_delete, memory_order_relaxed));
    gauge(out, CONTROLLER "replicastodeletecount", "Replicas of topics that are being deleted.",
          (int64_t)atomic_load_explicit(&status->replicas_to_delete, memory_order_relaxed));
    gauge(out, CONTROLLER "topicsineligibletodeletecount",
          "Topics whose deletion has to wait: none, since it waits for no broker.", 0);
    gauge(out, CONTROLLER "replicasineligibletodeletecount",
          "Replicas whose deletion has to wait: none, since it waits for no broker.", 0);
}

static void collect_elections(struct exposition *out, const struct control_status *status) {
    exposition_single(out, "barnabas_leader_elections_total", METRIC_COUNTER,
                      "Partitions that got another leader; on the controller of that moment.",
                      (int64_t)counter_read(&status->leader_elections));
    exposition_single(out, STATS "uncleanleaderelections_total", METRIC_COUNTER,
                      "Those of them whose new leader may lack records.",
                      (int64_t)counter_read(&status->unclean_elections));
    exposition_single(out, "barnabas_controller_terms_total", METRIC_COUNTER,
                      "How often this broker became the controller.",
                      (int64_t)counter_read(&status->terms));
}

/* The times of steps once more, in buckets, so that those of several controllers can be added. */
static void collect_steps(struct exposition *out, const struct control_status *status) {
    struct histogram_snapshot steps = {0};

    histogram_snapshot_add(&steps, &status->steps);
    exposition_family(out, "barnabas_controller_step_seconds", METRIC_HISTOGRAM,
                      "How long the controller took to decide what follows from an event and to "
                      "send it.");
    collect_buckets(out, "event", NULL, &steps);
}

/* Who never took office has no sample. */
static void collect_failover(struct exposition *out, const struct control_status *status) {
    const int64_t ns = atomic_load_explicit(&status->failover_ns, memory_order_relaxed);

    exposition_family(out, "barnabas_controller_failover_seconds", METRIC_GAUGE,
                      "When this broker last became the controller: from hearing that there was "
                      "none until it had loaded the cluster.");
    if (ns > 0)
        exposition_number(out, "", NO_LABELS, (double)ns / 1e9);
}

static void collect_events(struct exposition *out, const struct control_status *status) {
    gauge(out, QUEUE "eventqueuesize", "Requests that wait for the control thread.",
          (int64_t)atomic_load_explicit(&status->queue_size, memory_order_relaxed));
    collect_rare(out, QUEUE "eventqueuetimems",
                 "How long requests waited for the control thread, in ms; of all since the start.",
                 &status->queue_times);
    collect_rare(
        out, QUEUE "eventqueueprocessingtimems",
        "How long the controller took to decide what follows from an event and to send it, "
        "in ms; of all since the start.",
        &status->steps);
    for (size_t i = 0; i < CONTROLLER_ACTIVITIES; i++)
        if (activities[i].name != NULL)
            collect_rare(out, activities[i].name, activities[i].help, &status->activities[i]);
}

void collect_controller(struct exposition *out, const struct cluster_tally *tally,
                        const struct control_status *status) {
    const int64_t is_active = atomic_load(&status->is_controller);

    gauge(out, CONTROLLER "activecontrollercount", "1 if this broker is the controller.",
          is_active);
    gauge(out, CONTROLLER "controllerstate",
          "What the controller is at, by the numbers of Kafka's ControllerState; 0: nothing.",
          (int64_t)atomic_load_explicit(&status->activity, memory_order_relaxed));
    collect_of_the_cluster(out, tally, is_active);
    collect_deletions(out, status);
    collect_elections(out, status);
    collect_events(out, status);
    collect_steps(out, status);
    collect_failover(out, status);
}
