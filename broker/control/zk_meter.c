#include "broker/control/zk_meter.h"

#include <stdlib.h>

#include "client/base/check.h"

struct timed_call {
    struct zk_meter *meter;
    zk_completion *done;
    void *context;
    int64_t began_ns;
};

static void on_done(void *context, const struct zk_result *result) {
    struct timed_call call = *(struct timed_call *)context;
    struct clock *clock = call.meter->clock;

    free(context);
    histogram_record_ns(&call.meter->latency, clock->monotonic_ns(clock) - call.began_ns);
    call.done(call.context, result);
}

static struct timed_call *begin(struct zk *zk, zk_completion *done, void *context) {
    struct zk_meter *meter = CONTAINER_OF(zk, struct zk_meter, zk);
    struct timed_call *call = malloc(sizeof(*call));

    CHECK(call != NULL); /* as for every request to ZooKeeper: nobody could be told */
    *call = (struct timed_call){meter, done, context, meter->clock->monotonic_ns(meter->clock)};
    return call;
}

static struct zk *inner_of(struct zk *zk) {
    return CONTAINER_OF(zk, struct zk_meter, zk)->inner;
}

static void meter_get(struct zk *zk, const char *path, bool watch, zk_completion *done,
                      void *context) {
    zk_get(inner_of(zk), path, watch, on_done, begin(zk, done, context));
}

static void meter_exists(struct zk *zk, const char *path, bool watch, zk_completion *done,
                         void *context) {
    zk_exists(inner_of(zk), path, watch, on_done, begin(zk, done, context));
}

static void meter_children(struct zk *zk, const char *path, bool watch, zk_completion *done,
                           void *context) {
    zk_children(inner_of(zk), path, watch, on_done, begin(zk, done, context));
}

static void meter_create(struct zk *zk, const char *path, struct bytes data, int flags,
                         zk_completion *done, void *context) {
    zk_create(inner_of(zk), path, data, flags, on_done, begin(zk, done, context));
}

static void meter_set(struct zk *zk, const char *path, struct bytes data, int32_t version,
                      zk_completion *done, void *context) {
    zk_set(inner_of(zk), path, data, version, on_done, begin(zk, done, context));
}

static void meter_remove(struct zk *zk, const char *path, int32_t version, zk_completion *done,
                         void *context) {
    struct zk *inner = inner_of(zk);

    inner->methods->remove(inner, path, version, on_done, begin(zk, done, context));
}

static void meter_multi(struct zk *zk, const struct zk_op *ops, size_t op_count,
                        zk_completion *done, void *context) {
    zk_multi(inner_of(zk), ops, op_count, on_done, begin(zk, done, context));
}

static void meter_sync(struct zk *zk, const char *path, zk_completion *done, void *context) {
    struct zk *inner = inner_of(zk);

    inner->methods->sync(inner, path, on_done, begin(zk, done, context));
}

static int64_t meter_session_id(const struct zk *zk) {
    const struct zk_meter *meter = CONTAINER_OF((struct zk *)(uintptr_t)zk, struct zk_meter, zk);

    return meter->inner->methods->session_id(meter->inner);
}

static const struct zk_methods methods = {
    .get = meter_get,
    .exists = meter_exists,
    .children = meter_children,
    .create = meter_create,
    .set = meter_set,
    .remove = meter_remove,
    .multi = meter_multi,
    .sync = meter_sync,
    .session_id = meter_session_id,
};

void zk_meter_init(struct zk_meter *meter, struct zk *inner, struct clock *clock) {
    meter->zk.methods = &methods;
    meter->inner = inner;
    meter->clock = clock;
}
