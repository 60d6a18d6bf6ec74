#include "broker/api/config_batch.h"

#include <stdio.h>

#include "client/base/logger.h"

#define WRITES_AT_ONCE 64

enum error config_batch_fail(struct config_batch_item *item, enum error error,
                             const char *message) {
    item->error = error;
    item->message = arena_copy(&item->batch->hop.call->request->arena, bytes_of_text(message));
    return error;
}

void config_batch_name(struct config_batch_item *item, const char *entity) {
    int size = snprintf(item->write.entity, sizeof(item->write.entity), "%s", entity);

    if (size >= (int)sizeof(item->write.entity))
        (void)config_batch_fail(item, ERR_INVALID_REQUEST, "The name is too long.");
}

enum error config_batch_remove(struct config_batch_item *item, const struct config_pair *before,
                               size_t before_count,
                               bool (*goes)(const struct config_batch_item *item, struct bytes key),
                               struct arena *arena, struct config_pair **after,
                               size_t *after_count) {
    struct config_pair *left = arena_alloc(arena, before_count, sizeof(*left));
    size_t count = 0;

    if (left == NULL)
        return ERR_OUT_OF_MEMORY;
    for (size_t i = 0; i < before_count; i++) {
        if (!goes(item, before[i].key))
            left[count++] = before[i];
    }
    if (count == before_count)
        item->write.validate_only = true;
    *after = left;
    *after_count = count;
    return ERR_NONE;
}

static void begin_some(struct config_batch *batch);

static void on_written(struct config_write *write, enum error error) {
    struct config_batch_item *item = (struct config_batch_item *)write;
    struct config_batch *batch = item->batch;

    if (error == ERR_NONE && !write->validate_only)
        LOG_INFO("settings_removed", "entity=%s client=%s", LOG_QUOTED_TEXT(write->entity),
                 batch->hop.call->request->client_address);
    if (error != ERR_NONE && item->error == ERR_NONE)
        (void)config_batch_fail(item, error, error_text(error));
    batch->is_cancelled = batch->is_cancelled || error == ERR_CANCELLED;
    batch->outstanding--;
    begin_some(batch);
}

static void begin_some(struct config_batch *batch) {
    while (batch->outstanding < WRITES_AT_ONCE && batch->next < batch->count) {
        struct config_batch_item *item = batch->item(batch, batch->next++);
        if (item->error != ERR_NONE)
            continue;
        if (batch->is_cancelled) {
            (void)config_batch_fail(item, ERR_REQUEST_TIMED_OUT, "The broker is stopping.");
            continue;
        }
        item->write.done = on_written;
        batch->outstanding++;
        control_write_config(batch->hop.call->context->control, &item->write);
    }
    if (batch->outstanding == 0)
        hop_return(&batch->hop, batch->respond);
}

static void run(struct hop *hop) {
    begin_some((struct config_batch *)hop);
}

void config_batch_run(struct config_batch *batch) {
    hop_to_control(&batch->hop, run);
}
