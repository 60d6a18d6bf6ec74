#include "broker/control/consumer_offset.h"

#include <string.h>

#define ROOT "/consumers/"

static void finish(struct consumer_offset *offset, enum error error) {
    offset->done(offset, error);
}

static void on_set_again(void *context, const struct zk_result *result) {
    finish(context, result->error);
}

/* Somebody else made it meanwhile: what is committed last counts. */
static void on_created(void *context, const struct zk_result *result) {
    struct consumer_offset *offset = context;

    if (result->error == ERR_ZK_NODE_EXISTS)
        zk_set(offset->zk, offset->path, consumer_offset_encode(offset->offset, offset->text),
               ZK_ANY_VERSION, on_set_again, offset);
    else
        finish(offset, result->error);
}

static void on_parent(void *context, const struct zk_result *result) {
    (void)context;
    (void)result; /* whether it is there shows when the last one is made */
}

/* All at once: ZooKeeper does what a session asks in its order. */
static void create_path(struct consumer_offset *offset) {
    for (char *slash = strchr(offset->path + strlen(ROOT), '/'); slash != NULL;
         slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        zk_create(offset->zk, offset->path, BYTES_NULL, ZK_PERSISTENT, on_parent, NULL);
        *slash = '/';
    }
    zk_create(offset->zk, offset->path, consumer_offset_encode(offset->offset, offset->text),
              ZK_PERSISTENT, on_created, offset);
}

static void on_set(void *context, const struct zk_result *result) {
    struct consumer_offset *offset = context;

    if (result->error == ERR_ZK_NO_NODE)
        create_path(offset);
    else
        finish(offset, result->error);
}

void consumer_offset_write(struct zk *zk, struct consumer_offset *offset) {
    offset->zk = zk;
    zk_set(zk, offset->path, consumer_offset_encode(offset->offset, offset->text), ZK_ANY_VERSION,
           on_set, offset);
}

static void on_get(void *context, const struct zk_result *result) {
    struct consumer_offset *offset = context;
    enum error error = result->error;

    /* Without data there is no offset, as for Kafka. */
    if (error == ERR_NONE && result->data.size == 0)
        error = ERR_ZK_NO_NODE;
    if (error == ERR_NONE && !consumer_offset_decode(result->data, &offset->offset))
        error = ERR_ZK_DATA_INVALID;
    finish(offset, error);
}

void consumer_offset_read(struct zk *zk, struct consumer_offset *offset) {
    offset->zk = zk;
    zk_get(zk, offset->path, false, on_get, offset);
}
