#include "broker/control/departure.h"

#include <inttypes.h>
#include <stdlib.h>

#include "broker/control/drain.h"
#include "broker/control/farewell.h"
#include "client/base/logger.h"
#include "client/wire/message/controlled_shutdown.h"

#define VERSION_MAX 3
/* So many partitions that nobody can take are named; the rest is counted. */
#define NAMED_MAX 20

struct departure {
    struct departure_config config;
    struct drain drain;
    struct farewell *farewell;
    struct loop_timer timer;
    struct controlled_shutdown_request request; /* of the call under way */
    bool is_abandoned;
};

static bool is_led(const struct departure *departure, const struct metadata_partition *partition) {
    return partition->leader == departure->config.broker_id;
}

static struct drain_view view_of(const struct departure *departure,
                                 const struct metadata *metadata) {
    struct drain_view view = {.controller_id = metadata->controller_id};

    for (int32_t i = 0; i < metadata->broker_count; i++)
        view.other_brokers += metadata->brokers[i]->id != departure->config.broker_id;
    for (int32_t t = 0; t < metadata->topic_count; t++) {
        const struct metadata_topic *topic = metadata->topics[t];
        for (int32_t p = 0; p < topic->partition_count; p++)
            view.led +=
                is_led(departure, &topic->partitions[p]) && topic->partitions[p].replica_count > 1;
    }
    return view;
}

/* ---- What the drain wants done ---- */

static void on_answer(void *context, enum error error, const void *message) {
    struct departure *departure = context;
    const struct controlled_shutdown_response *response = message;
    size_t remaining = 0;

    if (departure->is_abandoned)
        return;
    if (error == ERR_NONE) {
        error = (enum error)response->error_code;
        remaining = (size_t)response->remaining_partitions_count;
    }
    if (error != ERR_NONE || remaining > 0)
        LOG_WARN("controlled_shutdown_incomplete",
                 "broker=%d controller=%d try=%d of=%d error=%s remaining=%zu",
                 departure->config.broker_id, departure->drain.asked_id, departure->drain.tries,
                 departure->config.tries_max, error_name(error), remaining);
    drain_on_answer(&departure->drain, error, remaining);
}

static void ask(void *context) {
    struct departure *departure = context;

    controlled_shutdown_request_init(&departure->request);
    departure->request.broker_id = departure->config.broker_id;
    departure->request.broker_epoch = departure->config.broker_epoch(departure->config.context);
    controller_channel_call(departure->config.channel, &controlled_shutdown_api, VERSION_MAX,
                            &departure->request, departure->config.timeout_ms, on_answer,
                            departure);
}

static void arm(void *context, int64_t ms) {
    loop_timer_arm(&((struct departure *)context)->timer, ms);
}

static void on_timer(struct loop_timer *timer) {
    drain_on_timer(&CONTAINER_OF(timer, struct departure, timer)->drain);
}

/* ---- What is left behind ---- */

static void name_partition(const struct metadata_topic *topic,
                           const struct metadata_partition *partition) {
    LOG_WARN("partition_without_successor",
             "topic=%s partition=%d leader_epoch=%d replicas=%d isr=%d "
             "action=\"it has no leader until this broker is back\"",
             LOG_QUOTED_TEXT(topic->name), partition->index, partition->leader_epoch,
             partition->replica_count, partition->isr_count);
}

static size_t report(const struct departure *departure, const struct metadata *metadata) {
    size_t left = 0;

    for (int32_t t = 0; t < metadata->topic_count; t++) {
        const struct metadata_topic *topic = metadata->topics[t];
        for (int32_t p = 0; p < topic->partition_count; p++) {
            if (!is_led(departure, &topic->partitions[p]))
                continue;
            if (left++ < NAMED_MAX)
                name_partition(topic, &topic->partitions[p]);
        }
    }
    return left;
}

static void on_ready(void *context) {
    struct departure *departure = context;
    const struct metadata *metadata = metadata_cache_get(departure->config.metadata);
    size_t left = report(departure, metadata);

    metadata_unref(metadata);
    loop_timer_cancel(&departure->timer);
    LOG_INFO("controlled_shutdown_done", "broker=%d tries=%d partitions_without_successor=%zu",
             departure->config.broker_id, departure->drain.tries, left);
    farewell_begin(departure->farewell);
}

static void on_said(void *context) {
    struct departure *departure = context;

    departure->config.on_ready(departure->config.context);
}

static enum error make_farewell(struct departure *departure) {
    const struct farewell_config config = {
        .loop = departure->config.loop,
        .metadata = departure->config.metadata,
        .listener = departure->config.listener,
        .broker_id = departure->config.broker_id,
        .on_said = on_said,
        .context = departure,
    };

    return farewell_new(&config, &departure->farewell);
}

/* ---- For the control thread ---- */

enum error departure_new(const struct departure_config *config, struct departure **created) {
    struct departure *departure = calloc(1, sizeof(*departure));
    struct drain_port port = {ask, arm, on_ready, departure};
    struct drain_settings settings = {config->tries_max, config->backoff_ms};
    enum error error;

    if (departure == NULL)
        return ERR_OUT_OF_MEMORY;
    departure->config = *config;
    if ((error = make_farewell(departure)) != ERR_NONE) {
        free(departure);
        return error;
    }
    drain_init(&departure->drain, &port, &settings);
    loop_timer_init(&departure->timer, config->loop, on_timer);
    *created = departure;
    return ERR_NONE;
}

void departure_begin(struct departure *departure) {
    const struct metadata *metadata = metadata_cache_get(departure->config.metadata);
    struct drain_view view = view_of(departure, metadata);

    farewell_remember(departure->farewell, metadata);
    metadata_unref(metadata);
    LOG_INFO("controlled_shutdown_begun", "broker=%d controller=%d leaderships=%zu",
             departure->config.broker_id, view.controller_id, view.led);
    drain_begin(&departure->drain, &view);
}

void departure_on_metadata(struct departure *departure, const struct metadata *metadata) {
    struct drain_view view;

    if (departure->is_abandoned || !drain_is_under_way(&departure->drain))
        return;
    view = view_of(departure, metadata);
    drain_on_view(&departure->drain, &view);
}

void departure_abandon(struct departure *departure) {
    if (departure == NULL)
        return;
    departure->is_abandoned = true;
    loop_timer_cancel(&departure->timer);
    farewell_abandon(departure->farewell);
}

void departure_free(struct departure *departure) {
    if (departure == NULL)
        return;
    farewell_free(departure->farewell);
    loop_timer_done(&departure->timer);
    free(departure);
}
