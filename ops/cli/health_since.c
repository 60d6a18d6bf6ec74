#include "ops/cli/health_since.h"

#include <stdlib.h>
#include <string.h>

#include "ops/cli/http_get.h"

#define HTTP_TIMEOUT_MS 2000

/* --- Who is asked --------------------------------------------------------------------------- */

/* "host:port" of the setting; an address that is not one to connect to is the broker's own. */
static json_t *ask_at(const char *listener, const struct barnabas_broker *broker) {
    const char *colon = strrchr(listener, ':');
    char host[256];
    long port;

    if (colon == NULL || (size_t)(colon - listener) >= sizeof(host))
        return NULL;
    memcpy(host, listener, (size_t)(colon - listener));
    host[colon - listener] = '\0';
    port = strtol(colon + 1, NULL, 10);
    if (port <= 0 || port > UINT16_MAX)
        return NULL;
    if (host[0] == '\0' || strcmp(host, "0.0.0.0") == 0 || strcmp(host, "[::]") == 0)
        return http_get_json(broker->host, (uint16_t)port, "/cluster", HTTP_TIMEOUT_MS);
    return http_get_json(host, (uint16_t)port, "/cluster", HTTP_TIMEOUT_MS);
}

static json_t *ask(struct barnabas_admin *admin, const struct barnabas_broker *broker,
                   int64_t timeout_ms) {
    struct barnabas_settings *settings = NULL;
    json_t *page = NULL;
    char name[16];

    snprintf(name, sizeof(name), "%d", broker->id);
    if (barnabas_admin_describe_settings(admin, BARNABAS_RESOURCE_BROKER, name, timeout_ms,
                                         &settings) == BARNABAS_OK &&
        settings->error == BARNABAS_OK)
        for (size_t i = 0; i < settings->count && page == NULL; i++)
            if (strcmp(settings->items[i].key, "barnabas.admin.listener") == 0 &&
                settings->items[i].value != NULL)
                page = ask_at(settings->items[i].value, broker);
    barnabas_settings_free(settings);
    return page;
}

/* --- What it says --------------------------------------------------------------------------- */

void health_since_read(struct health_since *since, struct barnabas_admin *admin,
                       const struct barnabas_cluster *cluster, int64_t timeout_ms) {
    json_t *page = NULL;
    const char *topic;
    json_t *item;
    size_t i;
    int partition;

    *since = (struct health_since){0};
    for (size_t b = 0; b < cluster->broker_count && page == NULL; b++)
        page = ask(admin, &cluster->brokers[b], timeout_ms);
    if (page == NULL)
        return;
    since->partitions = json_object();
    json_array_foreach (json_object_get(page, "items"), i, item) {
        char key[300];

        if (json_unpack(item, "{s:s, s:i}", "topic", &topic, "partition", &partition) != 0)
            continue;
        snprintf(key, sizeof(key), "%s:%d", topic, partition);
        json_object_set(since->partitions, key, item);
    }
    json_decref(page);
}

void health_since_done(struct health_since *since) {
    json_decref(since->partitions);
}

int64_t health_since_partition(const struct health_since *since, const char *where) {
    return json_integer_value(
        json_object_get(json_object_get(since->partitions, where), "sinceMs"));
}

static bool contains(const json_t *numbers, int32_t number) {
    json_t *item;
    size_t i;

    json_array_foreach (numbers, i, item) {
        if (json_integer_value(item) == number)
            return true;
    }
    return false;
}

int64_t health_since_broker(const struct health_since *since, int32_t broker_id) {
    int64_t first = 0;
    const char *key;
    json_t *item;

    json_object_foreach (since->partitions, key, item) {
        int64_t ms = json_integer_value(json_object_get(item, "sinceMs"));

        if (contains(json_object_get(item, "replicas"), broker_id) &&
            !contains(json_object_get(item, "isr"), broker_id) && (first == 0 || ms < first))
            first = ms;
    }
    return first;
}
