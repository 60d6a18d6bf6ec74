/*
 * What is served where, apart from how HTTP carries it: a page turns what is known of the broker
 * and a query into a reply.
 *
 * Threads: the admin thread.
 */
#ifndef BROKER_ADMIN_ADMIN_PAGE_H
#define BROKER_ADMIN_ADMIN_PAGE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "broker/admin/admin.h"
#include "broker/admin/pulse.h"
#include "broker/admin/readiness.h"
#include "broker/admin/recent.h"

enum admin_method { ADMIN_GET = 1, ADMIN_PUT = 2 };

struct admin_parameter {
    const char *name;
    const char *value;
};

/* The query part of the URL; valid while the page is made. */
struct admin_query {
    enum admin_method method;
    const struct admin_parameter *parameters;
    size_t parameter_count;
};

/* NULL if it is not given. */
const char *admin_query_value(const struct admin_query *query, const char *name);

struct admin_reply {
    int status; /* HTTP's */
    const char *content_type;
    char *body; /* malloc'd; whoever sends it frees it; NULL: empty */
    size_t size;
};

/* What pages know of the broker. */
struct admin_view {
    enum broker_phase phase;
    bool is_attached;
    struct admin_parts parts; /* if attached */
    struct log_manager
        *logs; /* from before they are loaded; NULL: there are none yet, or any more */
    struct readiness_memory readiness;
    struct recent recent;
    struct pulse pulse; /* of the threads, if attached; or of those that have ended */
};

struct admin_page {
    const char *path;
    int methods; /* of enum admin_method */
    const char *help;
    void (*make)(struct admin_view *view, const struct admin_query *query,
                 struct admin_reply *reply);
};

extern const struct admin_page *const admin_pages[];
extern const size_t admin_page_count;

extern const struct admin_page admin_page_health;     /* page_health.c */
extern const struct admin_page admin_page_ready;      /* page_health.c */
extern const struct admin_page admin_page_stop_ok;    /* page_stop.c */
extern const struct admin_page admin_page_metrics;    /* page_metrics.c */
extern const struct admin_page admin_page_partitions; /* page_metrics.c */
extern const struct admin_page admin_page_group_metrics;
extern const struct admin_page admin_page_cluster; /* page_cluster.c */
extern const struct admin_page admin_page_groups;  /* page_groups.c */

/* NULL: there is no such page. */
const struct admin_page *admin_page_find(const char *path);

/* Whole replies. `object` is taken over. */
void admin_reply_text(struct admin_reply *reply, int status, const char *text);
void admin_reply_json(struct admin_reply *reply, int status, json_t *object);

#endif
