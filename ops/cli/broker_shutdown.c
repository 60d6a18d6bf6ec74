/* broker shutdown */
#include <inttypes.h>
#include <stdlib.h>
#include <time.h>

#include "ops/cli/broker_list.h"
#include "ops/cli/command_table.h"
#include "ops/cli/impact_report.h"
#include "ops/cli/json.h"
#include "ops/cli/report.h"
#include "ops/cli/session.h"

/* Partitions that nobody can take are asked for again, as a broker does for itself. */
#define TRIES_MAX     3
#define PAUSE_MS      1000
#define LOOK_EVERY_MS 200
#define SETTLE_MS     2000

static const struct flag shutdown_flags[] = {
    {'n', "dry-run", NULL, "only show what would become of the partitions"},
    {0, "leaders-only", NULL, "move the leaderships away, and let the process run"},
    {0, "force", NULL, "stop it also if it leads partitions that nobody can take"},
};

static void pause_ms(int64_t ms) {
    const struct timespec pause = {ms / 1000, ms % 1000 * 1000000};

    nanosleep(&pause, NULL);
}

/* --- Before it ----------------------------------------------------------------------------- */

static enum exit_status show_impact(const struct impact_report *report, int32_t id, bool json) {
    json_t *document;
    char what[64];

    if (json) {
        document = json_document("Impact");
        json_object_set_new(document, "operation", json_string("stop"));
        json_object_set_new(document, "brokers", json_numbers(&id, 1));
        impact_report_json(report, document);
        return json_finish(document);
    }
    snprintf(what, sizeof(what), "broker %" PRId32 " stopped", id);
    impact_report_print(report, what);
    return EXIT_OK;
}

static enum exit_status look_and_ask(const struct invocation *invocation,
                                     struct barnabas_admin *admin, const struct broker_list *broker,
                                     bool json, int64_t timeout_ms) {
    const bool is_dry = invocation_has(invocation, "dry-run");
    struct impact_report report = {0};
    struct live_cluster live;
    enum exit_status status = live_cluster_open(admin, NULL, timeout_ms, &live);

    if (status == EXIT_OK && !live_cluster_has_broker(&live, broker->ids[0])) {
        fprintf(stderr, "barnabas: broker shutdown: there is no broker %" PRId32 "\n",
                broker->ids[0]);
        status = EXIT_FAILED;
    }
    if (status == EXIT_OK)
        status = impact_report_departure(&report, &live, broker, IMPACT_STOPPED);
    if (status == EXIT_OK)
        status = json && !is_dry ? EXIT_OK : show_impact(&report, broker->ids[0], json);
    if (status == EXIT_OK && !is_dry)
        status = impact_report_confirm(invocation, &report,
                                       "The broker loses its leaderships, leaves the ISRs and "
                                       "stops.");
    impact_report_free(&report);
    live_cluster_close(&live);
    return status;
}

/* --- Its leaderships ----------------------------------------------------------------------- */

struct standing {
    bool is_there;
    size_t led, in_sync; /* of partitions with more than one replica */
};

static bool contains(const int32_t *ids, size_t count, int32_t id) {
    for (size_t i = 0; i < count; i++)
        if (ids[i] == id)
            return true;
    return false;
}

static void count_standing(const struct barnabas_topics *topics, int32_t id,
                           struct standing *standing) {
    for (size_t t = 0; t < topics->count; t++)
        for (size_t p = 0; p < topics->items[t].partition_count; p++) {
            const struct barnabas_partition_info *partition = &topics->items[t].partitions[p];

            if (partition->replica_count < 2)
                continue;
            standing->led += partition->leader == id;
            standing->in_sync += contains(partition->isr, partition->isr_count, id);
        }
}

static int read_standing(struct barnabas_admin *admin, int32_t id, int64_t timeout_ms,
                         struct standing *standing) {
    struct barnabas_cluster *cluster = NULL;
    struct barnabas_topics *topics = NULL;
    int error = barnabas_admin_describe_cluster(admin, timeout_ms, &cluster);

    *standing = (struct standing){0};
    if (error == BARNABAS_OK)
        error = barnabas_admin_describe_topics(admin, NULL, 0, timeout_ms, &topics);
    if (error == BARNABAS_OK) {
        for (size_t i = 0; i < cluster->broker_count; i++)
            standing->is_there |= cluster->brokers[i].id == id;
        count_standing(topics, id, standing);
    }
    barnabas_topics_free(topics);
    barnabas_cluster_free(cluster);
    return error;
}

static void print_standing(int32_t id, const struct standing *standing) {
    report_tell(NULL, "broker %" PRId32 " leads %zu replicated partitions, is in sync for %zu", id,
                standing->led, standing->in_sync);
}

/* Shows how it stands, until it leads no more than that: the broker that is asked hears of the
 * moves a little later than the controller answers. */
static enum exit_status show_standing(struct barnabas_admin *admin, int32_t id, size_t led_max,
                                      int64_t timeout_ms) {
    struct standing before = {.led = SIZE_MAX};

    for (int64_t waited_ms = 0;; waited_ms += LOOK_EVERY_MS) {
        struct standing standing;
        int error = read_standing(admin, id, timeout_ms, &standing);

        if (error != BARNABAS_OK)
            return session_fail("broker shutdown", error);
        if (standing.led != before.led || standing.in_sync != before.in_sync)
            print_standing(id, &standing);
        if (standing.led <= led_max || waited_ms >= SETTLE_MS)
            return EXIT_OK;
        before = standing;
        pause_ms(LOOK_EVERY_MS);
    }
}

static enum exit_status tell_remaining(int32_t id, const struct barnabas_outcomes *outcomes) {
    for (size_t i = 0; i < outcomes->count; i++)
        report_tell(json_pack("{s:s, s:i, s:s}", "topic", outcomes->items[i].topic,
                              "partitionIndex", outcomes->items[i].partition, "problem",
                              "no other replica in sync"),
                    "%s:%" PRId32 " has no other replica in sync", outcomes->items[i].topic,
                    outcomes->items[i].partition);
    fprintf(stderr,
            "barnabas: broker shutdown: broker %" PRId32 " still leads %zu partitions that nobody "
            "can take; ask again when their replicas have caught up\n",
            id, outcomes->count);
    return EXIT_PARTLY_FAILED;
}

/* PARTLY_FAILED if it still leads partitions, which are named. */
static enum exit_status move_leaderships(struct barnabas_admin *admin, int32_t id,
                                         int64_t timeout_ms) {
    enum exit_status status = show_standing(admin, id, SIZE_MAX, timeout_ms);

    for (int try = 1; status == EXIT_OK; try++) {
        struct barnabas_outcomes *remaining = NULL;
        int error = barnabas_admin_shut_broker_down(admin, id, timeout_ms, &remaining);
        const size_t count = error == BARNABAS_OK ? remaining->count : 0;

        if (error != BARNABAS_OK)
            status = session_fail("broker shutdown", error);
        else if (count > 0 && try == TRIES_MAX)
            status = tell_remaining(id, remaining);
        barnabas_outcomes_free(remaining);
        if (status == EXIT_OK)
            status = show_standing(admin, id, count, timeout_ms);
        if (count == 0)
            break;
        pause_ms(PAUSE_MS);
    }
    return status;
}

/* --- Its process ---------------------------------------------------------------------------- */

/* Whether it is the only broker, so that nobody can be asked once it is gone. */
static bool is_alone(struct barnabas_admin *admin, int32_t id, int64_t timeout_ms) {
    struct barnabas_cluster *cluster = NULL;
    bool alone = barnabas_admin_describe_cluster(admin, timeout_ms, &cluster) == BARNABAS_OK &&
                 cluster->broker_count == 1 && cluster->brokers[0].id == id;

    barnabas_cluster_free(cluster);
    return alone;
}

static enum exit_status wait_until_gone(struct barnabas_admin *admin, int32_t id, bool alone,
                                        int64_t timeout_ms) {
    for (int64_t waited_ms = 0; waited_ms <= timeout_ms; waited_ms += LOOK_EVERY_MS) {
        struct standing standing;
        int error = read_standing(admin, id, alone ? LOOK_EVERY_MS : timeout_ms, &standing);

        if (alone ? error != BARNABAS_OK : error == BARNABAS_OK && !standing.is_there) {
            report_tell(json_pack("{s:i, s:s}", "brokerId", id, "state", "gone"),
                        "broker %" PRId32 " has left the cluster", id);
            return EXIT_OK;
        }
        pause_ms(LOOK_EVERY_MS);
    }
    fprintf(stderr, "barnabas: broker shutdown: broker %" PRId32 " is still there\n", id);
    return EXIT_TIMED_OUT;
}

static enum exit_status stop_process(struct barnabas_admin *admin, int32_t id, int64_t timeout_ms) {
    const bool alone = is_alone(admin, id, timeout_ms);
    int error = barnabas_admin_stop_broker(admin, id, timeout_ms);

    if (error != BARNABAS_OK)
        return session_fail("broker shutdown", error);
    report_tell(NULL, "broker %" PRId32 " stops", id);
    return wait_until_gone(admin, id, alone, timeout_ms);
}

static enum exit_status shut_down(const struct invocation *invocation, struct barnabas_admin *admin,
                                  int32_t id, int64_t timeout_ms) {
    enum exit_status status = move_leaderships(admin, id, timeout_ms);

    if (invocation_has(invocation, "leaders-only")) {
        if (status == EXIT_OK)
            report_tell(json_pack("{s:i, s:s}", "brokerId", id, "state", "leads nothing"),
                        "broker %" PRId32 " leads no replicated partition any more; its process "
                        "may be stopped",
                        id);
        return status;
    }
    if (status == EXIT_OK || (status == EXIT_PARTLY_FAILED && invocation_has(invocation, "force")))
        status = stop_process(admin, id, timeout_ms);
    return status;
}

static enum exit_status run_shutdown(const struct invocation *invocation) {
    struct barnabas_admin *admin;
    struct broker_list broker;
    enum exit_status status;
    int64_t timeout_ms;
    bool json;

    if (!broker_list_parse(invocation->operands[0], &broker) || broker.count != 1) {
        fprintf(stderr, "barnabas: \"%s\" is no broker's id\n", invocation->operands[0]);
        return EXIT_USAGE;
    }
    if (!session_json(invocation, &json))
        return EXIT_USAGE;
    if ((status = session_admin(invocation, &admin, &timeout_ms)) != EXIT_OK)
        return status;
    if (session_looks_first(invocation))
        status = look_and_ask(invocation, admin, &broker, json, timeout_ms);
    if (status == EXIT_OK && !invocation_has(invocation, "dry-run"))
        status = shut_down(invocation, admin, broker.ids[0], timeout_ms);
    barnabas_admin_close(admin);
    return status;
}

const struct command command_broker_shutdown = {
    .group = "broker",
    .verb = "shutdown",
    .operands = "ID",
    .operand_count_min = 1,
    .operand_count_max = 1,
    .meaning = "stop a broker, after its leaderships have moved away",
    .details =
        "As SIGTERM does, from anywhere. It shows first what would become of the partitions.\n"
        "If some remain that nobody can take, they are named and the broker goes on running;\n"
        "until it is restarted it gets nothing back. --timeout bounds each step.\n",
    .flags = shutdown_flags,
    .flag_count = sizeof(shutdown_flags) / sizeof(shutdown_flags[0]),
    .result_kind = "BrokerShutdown",
    .run = run_shutdown,
};
