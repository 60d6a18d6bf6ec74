#include "broker/api/zookeeper_offsets.h"

#include "broker/control/control.h"

#define UNDER_WAY_MAX 64

bool zookeeper_offsets_init(struct zookeeper_offsets *offsets, struct api_call *call, size_t count,
                            bool is_write) {
    *offsets = (struct zookeeper_offsets){
        .items = api_alloc(call, count + 1, sizeof(*offsets->items)),
        .control = call->context->control,
        .is_write = is_write,
    };
    return offsets->items != NULL;
}

bool zookeeper_offsets_add(struct zookeeper_offsets *offsets, struct api_call *call,
                           struct bytes group, struct bytes topic, int32_t partition,
                           int64_t offset, enum error error) {
    struct zookeeper_offset *item = &offsets->items[offsets->count++];
    size_t size = consumer_offset_path_size(group, topic);

    *item = (struct zookeeper_offset){.all = offsets, .at.offset = offset, .error = error};
    if (error != ERR_NONE)
        return true;
    item->at.path = api_alloc(call, size, 1);
    if (item->at.path == NULL)
        return false;
    /* Kafka finds out when it asks ZooKeeper's client for the path. */
    if (!consumer_offset_path(group, topic, partition, item->at.path, size))
        item->error = ERR_UNKNOWN_SERVER_ERROR;
    return true;
}

static void go_on(struct zookeeper_offsets *offsets);

static void on_done(struct consumer_offset *at, enum error error) {
    struct zookeeper_offset *item = CONTAINER_OF(at, struct zookeeper_offset, at);

    item->error = error;
    item->all->under_way--;
    if (!item->all->is_starting)
        go_on(item->all);
}

static void go_on(struct zookeeper_offsets *offsets) {
    offsets->is_starting = true;
    while (offsets->next < offsets->count && offsets->under_way < UNDER_WAY_MAX) {
        struct zookeeper_offset *item = &offsets->items[offsets->next++];

        if (item->error != ERR_NONE)
            continue;
        offsets->under_way++;
        item->at.done = on_done;
        if (offsets->is_write)
            control_write_consumer_offset(offsets->control, &item->at);
        else
            control_read_consumer_offset(offsets->control, &item->at);
    }
    offsets->is_starting = false;
    if (offsets->next == offsets->count && offsets->under_way == 0)
        offsets->done(offsets);
}

void zookeeper_offsets_run(struct zookeeper_offsets *offsets,
                           void (*done)(struct zookeeper_offsets *offsets)) {
    offsets->done = done;
    go_on(offsets);
}
