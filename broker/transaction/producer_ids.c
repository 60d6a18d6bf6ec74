#include "broker/transaction/producer_ids.h"

#include <stdint.h>
#include <stdlib.h>

#include "client/base/sync.h"

struct block {
    int64_t next;
    int64_t end; /* exclusive */
};

struct producer_ids {
    struct producer_ids_config config;
    struct mutex lock;
    struct block present; /* lock */
    struct block ahead;   /* lock; empty: none */
    int64_t highest_end;  /* lock; of all blocks ever taken */
    bool is_requested;    /* lock */
};

enum error producer_ids_new(const struct producer_ids_config *config,
                            struct producer_ids **created) {
    struct producer_ids *ids = calloc(1, sizeof(*ids));

    if (ids == NULL)
        return ERR_OUT_OF_MEMORY;
    ids->config = *config;
    mutex_init(&ids->lock);
    *created = ids;
    return ERR_NONE;
}

void producer_ids_free(struct producer_ids *ids) {
    if (ids == NULL)
        return;
    mutex_done(&ids->lock);
    free(ids);
}

static bool is_empty(const struct block *block) {
    return block->next == block->end;
}

enum error producer_ids_next(struct producer_ids *ids, int64_t *producer_id) {
    enum error error = ERR_NONE;
    bool request;

    mutex_lock(&ids->lock);
    if (is_empty(&ids->present)) {
        ids->present = ids->ahead;
        ids->ahead = (struct block){0, 0};
    }
    if (is_empty(&ids->present))
        error = ERR_COORDINATOR_LOAD_IN_PROGRESS;
    else
        *producer_id = ids->present.next++;
    request =
        !ids->is_requested && is_empty(&ids->ahead) && ids->present.end - ids->present.next <= 100;
    if (request)
        ids->is_requested = true;
    mutex_unlock(&ids->lock);
    if (request)
        ids->config.request_block(ids->config.context);
    return error;
}

bool producer_ids_add_block(struct producer_ids *ids, int64_t first_id, int32_t count) {
    bool is_taken;

    mutex_lock(&ids->lock);
    ids->is_requested = false;
    /* INVARIANT: no id is given twice, so blocks only ascend. */
    is_taken = count > 0 && first_id >= ids->highest_end && first_id <= INT64_MAX - count;
    if (is_taken) {
        ids->ahead = (struct block){first_id, first_id + count};
        ids->highest_end = first_id + count;
    }
    mutex_unlock(&ids->lock);
    return is_taken;
}

void producer_ids_block_failed(struct producer_ids *ids) {
    mutex_lock(&ids->lock);
    ids->is_requested = false;
    mutex_unlock(&ids->lock);
}
