/*
 * The one-shot watches that clients of the model ZooKeeper have standing, by path.
 */
#ifndef TESTS_SIMULATION_MODEL_WATCHES_H
#define TESTS_SIMULATION_MODEL_WATCHES_H

#include <stddef.h>
#include <stdint.h>

#include "zk-schema/zk.h"

/* Watches on data (and existence) and on children are different watches. */
enum model_watch_kind { WATCH_DATA, WATCH_CHILDREN };

struct model_client;
struct model_watches;

struct model_watches *model_watches_new(void);
void model_watches_free(struct model_watches *watches);
size_t model_watches_count(const struct model_watches *watches);

/* `request` set it: the client knows of it once that is answered. A second one on the same does
 * nothing. */
void model_watches_add(struct model_watches *watches, struct model_client *client,
                       enum model_watch_kind kind, const char *path, uint64_t request);

/* Takes those on the path away and calls `fired` for each, in the order in which they were set. */
typedef void model_watch_fired(struct model_client *client, uint64_t request, const char *path,
                               enum zk_event_kind event);
void model_watches_fire(struct model_watches *watches, enum model_watch_kind kind, const char *path,
                        enum zk_event_kind event, model_watch_fired *fired);

/* Takes those of the client away that requests after `request` have set. */
void model_watches_drop(struct model_watches *watches, const struct model_client *client,
                        uint64_t request);

#endif
