/*
 * Offsets of a request of version 0, which Kafka keeps in ZooKeeper: all of them are written or
 * read, some at a time.
 *
 * Threads: zookeeper_offsets_add the reactor's, the rest the control thread.
 */
#ifndef BROKER_API_ZOOKEEPER_OFFSETS_H
#define BROKER_API_ZOOKEEPER_OFFSETS_H

#include "broker/api/api.h"
#include "broker/control/consumer_offset.h"

struct zookeeper_offset {
    struct consumer_offset at;
    struct zookeeper_offsets *all;
    enum error error; /* in: it is left alone; out */
};

struct zookeeper_offsets {
    struct zookeeper_offset *items;
    int32_t count;
    void (*done)(struct zookeeper_offsets *offsets);
    struct control *control;
    bool is_write;
    bool is_starting;
    int32_t next;
    int32_t under_way;
};

/* Room in the call's arena for so many; false if there is none. */
bool zookeeper_offsets_init(struct zookeeper_offsets *offsets, struct api_call *call, size_t count,
                            bool is_write);
/* False if memory is out. `error` other than NONE: the partition is not looked at. */
bool zookeeper_offsets_add(struct zookeeper_offsets *offsets, struct api_call *call,
                           struct bytes group, struct bytes topic, int32_t partition,
                           int64_t offset, enum error error);

/* `done` is called once, perhaps from inside of the call. */
void zookeeper_offsets_run(struct zookeeper_offsets *offsets,
                           void (*done)(struct zookeeper_offsets *offsets));

#endif
