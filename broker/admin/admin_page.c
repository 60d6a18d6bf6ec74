#include "broker/admin/admin_page.h"

#include <stdlib.h>
#include <string.h>

#include "client/base/check.h"

const struct admin_page *const admin_pages[] = {
    &admin_page_health,     &admin_page_ready,         &admin_page_stop_ok, &admin_page_metrics,
    &admin_page_partitions, &admin_page_group_metrics, &admin_page_groups,  &admin_page_cluster,
};
const size_t admin_page_count = ARRAY_COUNT(admin_pages);

const struct admin_page *admin_page_find(const char *path) {
    for (size_t i = 0; i < admin_page_count; i++) {
        if (strcmp(admin_pages[i]->path, path) == 0)
            return admin_pages[i];
    }
    return NULL;
}

const char *admin_query_value(const struct admin_query *query, const char *name) {
    for (size_t i = 0; i < query->parameter_count; i++) {
        if (strcmp(query->parameters[i].name, name) == 0)
            return query->parameters[i].value;
    }
    return NULL;
}

void admin_reply_text(struct admin_reply *reply, int status, const char *text) {
    reply->status = status;
    reply->content_type = "text/plain; charset=utf-8";
    reply->body = strdup(text);
    CHECK(reply->body != NULL);
    reply->size = strlen(text);
}

void admin_reply_json(struct admin_reply *reply, int status, json_t *object) {
    char *text = json_dumps(object, JSON_INDENT(2) | JSON_PRESERVE_ORDER);

    CHECK(text != NULL);
    json_decref(object);
    reply->status = status;
    reply->content_type = "application/json";
    reply->size = strlen(text);
    reply->body = realloc(text, reply->size + 2);
    CHECK(reply->body != NULL);
    reply->body[reply->size++] = '\n';
}
