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

#include "broker/control/metadata_waiters.h"
#include "client/base/check.h"
#include "client/base/error.h"
#include "client/base/executor.h"
#include "client/wire/message.h"

struct config;
struct config_write;
struct entity_read;
struct consumer_offset;
struct control;
struct control_status;
struct controller_shell;
struct histogram;
struct live_config;
struct log_manager;
struct metadata_cache;
struct metadata_update;
struct producer_ids;
struct replica_manager;

/* Starts the thread and opens the ZooKeeper session. Errors: CONFIG_INVALID, OUT_OF_MEMORY. */
MUST_CHECK enum error control_start(const struct config *config, struct control **started);

struct control_identity {
    char cluster_id[64];
    int32_t broker_id;
};

/* Waits until the cluster's id and this broker's are settled, for the first session up to
 * zookeeper.connection.timeout.ms, then for as long as ZooKeeper takes; `known_broker_id` is what
 * the configuration or the data directories say, -1 if nothing. Errors: CONNECTION_FAILED if there
 * was no session, CANCELLED, and ZooKeeper's. Not on the control thread. */
MUST_CHECK enum error control_bootstrap(struct control *control, int32_t known_broker_id,
                                        struct control_identity *identity);

/* Registers this broker, loads the metadata and gives the replicas their roles; waits until the
 * first load has been applied. The logs are loaded already, the ports bound. Errors:
 * DUPLICATE_BROKER_REGISTRATION, CANCELLED, and what ZooKeeper says. Not on the control thread. */
MUST_CHECK enum error control_join_cluster(struct control *control, struct log_manager *logs);

/* Parts that live as long as the control; the manager from control_join_cluster on. */
struct metadata_cache *control_metadata(struct control *control);
struct replica_manager *control_replicas(struct control *control);
struct producer_ids *control_producer_ids(struct control *control);

/* Somebody wants the broker to stop: what waits for the cluster while the broker starts ends with
 * CANCELLED at once; the second time, a departure too. Any thread. */
void control_interrupt(struct control *control);

/* Has this broker's leaderships moved to others, as far as they can take them; the server still
 * serves. Bounded by controlled.shutdown.*. Errors: CANCELLED (interrupted; stop all the same).
 * Not on the control thread. */
MUST_CHECK enum error control_depart(struct control *control);

/* The replicas give up their roles, for good: whoever waits for them is answered, so that the
 * server can be stopped at once. Not on the control thread. */
void control_resign(struct control *control);

/* Leaves the cluster: stops fetching and ends the session. The server must have been stopped
 * before, the logs are closed afterwards. Not on the control thread. */
void control_stop(struct control *control);
void control_free(struct control *control); /* accepts NULL */

/* Any. As long as the control. */
const struct control_status *control_status(const struct control *control);
/* How long ZooKeeper takes to answer. */
const struct zk_meter *control_zk_meter(const struct control *control);

/* Any. */
struct executor *control_executor(struct control *control);

/* Measures how long what others post to the control thread waits there. Any: it is posted now.
 * Returns the monotonic time. */
int64_t control_note_posted(struct control *control);
/* On the control thread: it was posted then, and runs now. */
void control_note_taken(struct control *control, int64_t posted_ns);

/* The settings in force, from control_join_cluster on those of ZooKeeper too. As long as the
 * control. */
struct live_config *control_live_config(struct control *control);

/* `changed` is told the settings in force when they change, and once before control_join_cluster
 * returns. To be called before that. */
void control_on_settings(struct control *control,
                         void (*changed)(void *context, const struct config *now), void *context);

/* `changed` is told of every change of the metadata, when the replicas have their new roles. To be
 * called before control_join_cluster. */
void control_on_metadata(struct control *control,
                         void (*changed)(void *context, const struct metadata_update *update),
                         void *context);

/* Begins a write (config_write.h). */
void control_write_config(struct control *control, struct config_write *write);

/* Begins a read (entity_read.h). */
void control_read_entities(struct control *control, struct entity_read *read);

/* Of clients of 0.8, in ZooKeeper (consumer_offset.h). */
void control_write_consumer_offset(struct control *control, struct consumer_offset *offset);
void control_read_consumer_offset(struct control *control, struct consumer_offset *offset);

/* The controller inside this broker, active or not. */
struct controller_shell *control_shell(struct control *control);

/* Lists the waiter, or posts its task at once if it is satisfied already. */
void control_wait_for_metadata(struct control *control, struct metadata_waiter *waiter);
/* False if the task has been posted (it may still be on its way). */
bool control_stop_waiting_for_metadata(struct control *control, struct metadata_waiter *waiter);

/* A request to the active controller, wherever it is, over the inter-broker listener. `message`
 * must live until `done`, which is called exactly once; NOT_CONTROLLER if none is known or
 * reachable. `response` is valid during the callback, NULL on an error. */
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
