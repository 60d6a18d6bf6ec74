/*
 * A request that is being worked on, and its items: one per topic or partition that it is about.
 * It is answered when the last item is done, or when the term ends.
 *
 * An item waits at a partition (struct partition, `waiting`), at a topic, or is done at once.
 * Whoever finishes it has filled its result before.
 */
#ifndef CONTROLLER_CORE_REQUEST_H
#define CONTROLLER_CORE_REQUEST_H

#include "controller/core/state.h"

struct request_item {
    struct request *request;
    size_t index; /* of its result */
    TAILQ_ENTRY(request_item) entry;
};

struct request {
    uint64_t token;
    enum controller_event_kind kind;
    bool internal;      /* nobody is told: the election that a znode asked for */
    size_t open;        /* items that are not done */
    struct arena arena; /* all below */
    struct request_item *items;
    size_t item_count;
    struct request *next_answered;
    TAILQ_ENTRY(request) entry;
    union {
        struct controller_create_topic_result *create_topics;
        struct controller_create_partitions_result *create_partitions;
        struct controller_delete_topic_result *delete_topics;
        struct controller_alter_partition_result *alter_partition;
        struct controller_elect_leaders_result *elect_leaders;
        struct controller_alter_reassignments_result *alter_reassignments;
    } results;
    union {
        struct {
            struct controller_alter_partition *proposals;
            int32_t broker_id;
        } alter_partition;
        struct {
            enum controller_election_type type;
            bool all;
        } elect_leaders;
        struct controller_reassign_partition *reassignments; /* targets copied */
        struct controller_allocate_producer_ids_request allocate_producer_ids;
        struct {
            int32_t broker_id;
        } controlled_shutdown;
    };
};

/* A request with `item_count` items and as many zeroed results of `result_size`, all open. It is
 * taken into c->requests. */
struct request *controller_request_new(struct controller *c, uint64_t token,
                                       enum controller_event_kind kind, size_t item_count,
                                       size_t result_size, void **results);
void *controller_request_allocate(struct request *request, size_t count, size_t size);
/* A zero, not counted, follows the copy. */
struct bytes controller_request_copy(struct request *request, struct bytes source);

/* The item's result is complete. Answers the request with the last. */
void controller_item_done(struct controller *c, struct request_item *item,
                          struct controller_effects *effects);
/* Answers a request that has no items, or none any more. */
void controller_request_answer_if_done(struct controller *c, struct request *request,
                                       struct controller_effects *effects);

/* Sets the error of the item's result, whatever its kind; the message is copied. */
void controller_item_set_error(struct request_item *item, enum error error, const char *message);

void controller_request_answer_allocate_producer_ids(struct controller *c, struct request *request,
                                                     enum error error, int64_t start, int32_t count,
                                                     struct controller_effects *effects);
void controller_request_answer_controlled_shutdown(
    struct controller *c, struct request *request, enum error error,
    const struct controller_topic_partition *remaining, size_t remaining_count,
    struct controller_effects *effects);

/* Answers a request event that is refused as a whole. */
void controller_request_refuse(struct controller *c, uint64_t token,
                               enum controller_event_kind kind, enum error error,
                               struct controller_effects *effects);
/* The term is over: answers all. Their items are forgotten; nobody may hold one afterwards. */
void controller_request_refuse_all(struct controller *c, struct controller_effects *effects);
void controller_request_free(struct request *request);

#endif
