/*
 * Offsets of clients of 0.8, in ZooKeeper (consumer_offset_znode.h): one is written or read.
 *
 * A write makes what is missing of the path. It is not repeated here: a client commits again and
 * again, and one whose outcome is not known (the connection was lost) has failed for the client.
 *
 * Threads: the control thread.
 */
#ifndef BROKER_CONTROL_CONSUMER_OFFSET_H
#define BROKER_CONTROL_CONSUMER_OFFSET_H

#include "zk-schema/consumer_offset_znode.h"
#include "zk-schema/zk.h"

/* Of the owner, in one place until `done`. */
struct consumer_offset {
    char *path; /* writable, and as it was when `done` is called */
    int64_t offset;
    /* Called once, perhaps from inside of the call. A read: ZK_NO_NODE; ZK_DATA_INVALID. Either:
     * ZooKeeper's errors. */
    void (*done)(struct consumer_offset *offset, enum error error);
    void *context;
    struct zk *zk; /* the module's own */
    char text[CONSUMER_OFFSET_TEXT_SIZE];
};

void consumer_offset_write(struct zk *zk, struct consumer_offset *offset);
void consumer_offset_read(struct zk *zk, struct consumer_offset *offset);

#endif
