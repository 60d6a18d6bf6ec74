#include "broker/control/zk_meter.h"

#include <stdlib.h>
#include <string.h>

#include "client/base/check.h"

enum read_kind { READ_NOTHING, READ_DATA, READ_EXISTENCE, READ_CHILDREN };

struct timed_call {
    struct zk_meter *meter;
    zk_completion *done;
    void *context;
    int64_t began_ns;
    enum read_kind kind;
    char watched[]; /* the path, if a watch was asked for; or "" */
};

/* A read that found its node registered its watch, and one that looked whether it is there in any
 * case. */
static void note_watch(const struct timed_call *call, enum error error) {
    struct zk_watches *watches = &call->meter->watches;

    if (call->watched[0] == '\0')
        return;
    if (error == ERR_NONE || (error == ERR_ZK_NO_NODE && call->kind == READ_EXISTENCE))
        zk_watches_add(watches, call->kind == READ_CHILDREN ? ZK_WATCH_CHILDREN : ZK_WATCH_NODE,
                       call->watched);
}

static uint64_t bytes_of_result(const struct zk_result *result) {
    uint64_t bytes = result->data.size;

    for (size_t i = 0; i < result->child_count; i++)
        bytes += strlen(result->children[i]);
    return bytes;
}

static void on_done(void *context, const struct zk_result *result) {
    struct timed_call *call = context;
    struct zk_meter *meter = call->meter;
    zk_completion *done = call->done;
    void *inner = call->context;

    histogram_record_ns(&meter->latency, meter->clock->monotonic_ns(meter->clock) - call->began_ns);
    if (call->kind != READ_NOTHING && result->error == ERR_NONE)
        counter_add(&meter->bytes_read, bytes_of_result(result));
    note_watch(call, result->error);
    free(call);
    done(inner, result);
}

static struct timed_call *begin_read(struct zk *zk, enum read_kind kind, const char *watched,
                                     zk_completion *done, void *context) {
    struct zk_meter *meter = CONTAINER_OF(zk, struct zk_meter, zk);
    size_t size = strlen(watched) + 1;
    struct timed_call *call = malloc(sizeof(*call) + size);

    CHECK(call != NULL); /* as for every request to ZooKeeper: nobody could be told */
    *call =
        (struct timed_call){meter, done, context, meter->clock->monotonic_ns(meter->clock), kind};
    memcpy(call->watched, watched, size);
    return call;
}

static struct timed_call *begin(struct zk *zk, zk_completion *done, void *context) {
    return begin_read(zk, READ_NOTHING, "", done, context);
}

static void count_written(struct zk *zk, struct bytes data) {
    counter_add(&CONTAINER_OF(zk, struct zk_meter, zk)->bytes_written, data.size);
}

static struct zk *inner_of(struct zk *zk) {
    return CONTAINER_OF(zk, struct zk_meter, zk)->inner;
}

static void meter_get(struct zk *zk, const char *path, bool watch, zk_completion *done,
                      void *context) {
    zk_get(inner_of(zk), path, watch, on_done,
           begin_read(zk, READ_DATA, watch ? path : "", done, context));
}

static void meter_exists(struct zk *zk, const char *path, bool watch, zk_completion *done,
                         void *context) {
    zk_exists(inner_of(zk), path, watch, on_done,
              begin_read(zk, READ_EXISTENCE, watch ? path : "", done, context));
}

static void meter_children(struct zk *zk, const char *path, bool watch, zk_completion *done,
                           void *context) {
    zk_children(inner_of(zk), path, watch, on_done,
                begin_read(zk, READ_CHILDREN, watch ? path : "", done, context));
}

static void meter_create(struct zk *zk, const char *path, struct bytes data, int flags,
                         zk_completion *done, void *context) {
    count_written(zk, data);
    zk_create(inner_of(zk), path, data, flags, on_done, begin(zk, done, context));
}

static void meter_set(struct zk *zk, const char *path, struct bytes data, int32_t version,
                      zk_completion *done, void *context) {
    count_written(zk, data);
    zk_set(inner_of(zk), path, data, version, on_done, begin(zk, done, context));
}

static void meter_remove(struct zk *zk, const char *path, int32_t version, zk_completion *done,
                         void *context) {
    struct zk *inner = inner_of(zk);

    inner->methods->remove(inner, path, version, on_done, begin(zk, done, context));
}

static void meter_multi(struct zk *zk, const struct zk_op *ops, size_t op_count,
                        zk_completion *done, void *context) {
    struct zk_meter *meter = CONTAINER_OF(zk, struct zk_meter, zk);

    for (size_t i = 0; i < op_count; i++)
        count_written(zk, ops[i].data);
    counter_add(&meter->multis, 1);
    counter_add(&meter->multi_ops, op_count);
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

void zk_meter_done(struct zk_meter *meter) {
    zk_watches_clear(&meter->watches);
}

void zk_meter_on_session(struct zk_meter *meter, enum zk_session_state state) {
    if (state == ZK_SESSION_NEW || state == ZK_SESSION_EXPIRED)
        zk_watches_clear(&meter->watches);
}

void zk_meter_on_watch(struct zk_meter *meter, enum zk_event_kind kind, const char *path) {
    zk_watches_on_event(&meter->watches, kind, path);
}
