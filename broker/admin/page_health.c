/* Probes: whether the process answers and its threads turn, and whether clients should be sent to
 * it. */
#include "broker/admin/admin_page.h"

#include <inttypes.h>
#include <stdio.h>

#include "broker/config/config.h"
#include "broker/control/control.h"
#include "broker/metadata/metadata_cache.h"
#include "client/base/clock.h"

static void make_health(struct admin_view *view, const struct admin_query *query,
                        struct admin_reply *reply) {
    const char *stuck = NULL;
    int64_t silent_ms = 0;
    char text[200];

    (void)query;
    if (view->is_attached && view->phase == BROKER_SERVING)
        stuck = pulse_stuck(&view->pulse, clock_monotonic_ms(clock_system()),
                            view->parts.config->health_stuck_ms, &silent_ms);
    if (stuck == NULL) {
        admin_reply_text(reply, 200, "ok\n");
        return;
    }
    snprintf(text, sizeof(text), "the thread %s has been stuck for %" PRId64 " s\n", stuck,
             silent_ms / 1000);
    admin_reply_text(reply, 503, text);
}

static const char *phase_name(enum broker_phase phase) {
    switch (phase) {
    case BROKER_STARTING:
        return "starting";
    case BROKER_SERVING:
        return "serving";
    case BROKER_STOPPING:
        return "stopping";
    }
    return "";
}

static void make_ready(struct admin_view *view, const struct admin_query *query,
                       struct admin_reply *reply) {
    const struct metadata *metadata =
        view->is_attached ? metadata_cache_get(control_metadata(view->parts.control)) : NULL;
    const struct readiness readiness =
        readiness_decide(view->phase, metadata, view->parts.broker_id, &view->readiness);
    json_t *object = json_pack("{s:s, s:s, s:b, s:s, s:s*}", "kind", "BrokerReadiness",
                               "apiVersion", "barnabas/v1", "ready", (int)readiness.is_ready,
                               "phase", phase_name(view->phase), "reason", readiness.reason);

    (void)query;
    metadata_unref(metadata);
    CHECK(object != NULL);
    if (view->is_attached)
        json_object_set_new(object, "brokerId", json_integer(view->parts.broker_id));
    json_object_set_new(object, "partitionsToCatchUp",
                        json_integer(readiness.partitions_to_catch_up));
    admin_reply_json(reply, readiness.is_ready ? 200 : 503, object);
}

const struct admin_page admin_page_health = {"/healthz", ADMIN_GET,
                                             "whether the broker's threads turn", make_health};
const struct admin_page admin_page_ready = {"/readyz", ADMIN_GET,
                                            "whether clients should be sent here", make_ready};
