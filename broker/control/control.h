/*
 * The control thread: the ZooKeeper session, the registration of this broker, the writer of the
 * metadata cache, the controller (if this broker is elected), the proposals of ISR changes, and
 * the connection to whoever is the controller.
 *
 * Threads: functions marked "any" may be called from any thread; all else, and every callback, on
 * the control thread.
 */
#ifndef BROKER_CONTROL_CONTROL_H
#define BROKER_CONTROL_CONTROL_H

#include "broker/metadata/metadata.h"
#include "client/base/executor.h"
#include "client/wire/message.h"

struct control;
struct controller_shell;

/* Any. */
struct executor *control_executor(struct control *control);

/* The controller inside this broker, active or not. */
struct controller_shell *control_shell(struct control *control);

/* Waits for the metadata to show something. */
struct metadata_waiter {
    TAILQ_ENTRY(metadata_waiter) link;
    bool (*is_satisfied)(struct metadata_waiter *waiter, const struct metadata *metadata);
    struct executor *executor;
    struct task task; /* posted once, when it is satisfied */
};

/* Lists the waiter, or posts its task at once if it is satisfied already. */
void control_wait_for_metadata(struct control *control, struct metadata_waiter *waiter);
/* False if the task has been posted (it may still be on its way). */
bool control_stop_waiting_for_metadata(struct control *control, struct metadata_waiter *waiter);

/* A request to the active controller, wherever it is, over the inter-broker listener. `message` is
 * read during the call. `done` is called exactly once; NOT_CONTROLLER if none is known or
 * reachable. `response` is decoded into `arena`'s memory and valid during the callback. */
typedef void control_controller_response(void *context, enum error error, const void *response);
void control_call_controller(struct control *control, const struct wire_api *api,
                             int16_t version_max, const void *message, int64_t timeout_ms,
                             control_controller_response *done, void *context);

/* Any. Asks the controller to create the topic with the broker's defaults (for the internal topics
 * with their own), unless that is under way. Whoever asked looks at the metadata again later. */
void control_create_topic_automatically(struct control *control, struct bytes topic);

/* Any. This broker's epoch, -1 before it is registered. */
int64_t control_broker_epoch(const struct control *control);

#endif
