#include "broker/api/handlers.h"

#include <stdio.h>
#include <stdlib.h>

#include "broker/api/config_loggers.h"
#include "broker/api/config_resource.h"
#include "broker/api/visible.h"
#include "broker/config/config_change.h"
#include "broker/config/live_config.h"
#include "broker/control/config_write.h"
#include "broker/metadata/metadata_cache.h"
#include "client/base/logger.h"
#include "client/wire/message/alter_configs.h"
#include "client/wire/message/incremental_alter_configs.h"

/*
 * AlterConfigs and IncrementalAlterConfigs. Any broker writes to ZooKeeper by itself, and answers
 * when it has heard of its own change, so that the client finds it there at once; the others hear
 * of it in the same moment. Resources are independent of each other.
 * Source: Apache Kafka 3.9, ConfigAdminManager, ZkAdminManager.
 */

#define WRITES_AT_ONCE  64
#define VISIBLE_MS_MAX  5000 /* then it is answered anyway: it is written */
#define TOPIC_NAME_PART 256

/* One resource; `write` is first. */
struct alteration {
    struct config_write write;
    struct alter *alter;
    struct config_resource resource;
    int8_t type;
    struct bytes name;
    struct config_change *changes;
    size_t change_count;
    enum error error;
    struct bytes message;
    struct config_layer written; /* what it has of its own now */
};

struct alter {
    struct visible visible; /* first */
    struct alteration *items;
    size_t count;
    bool replaces; /* what is not named goes */
    bool validate_only;
    size_t next;        /* control thread: the next to be begun */
    size_t outstanding; /* control thread */
    bool is_cancelled;  /* control thread: the session is being closed, nothing more is asked */
    void (*respond)(struct alter *alter);
};

static struct arena *arena_of(struct alter *alter) {
    return &alter->visible.hop.call->request->arena;
}

static enum error fail(struct alteration *item, enum error error, const char *message) {
    item->error = error;
    item->message = arena_copy(arena_of(item->alter), bytes_of_text(message));
    return error;
}

/* ---- On the control thread: one resource ---- */

static enum error check_topic(struct alteration *item, const struct config_layer *after) {
    struct api_context *context = item->alter->visible.hop.call->context;
    const struct metadata *metadata = metadata_cache_get(context->metadata);
    bool exists = metadata_find_topic(metadata, item->name) != NULL;
    const struct config *config;
    struct topic_config resolved;
    char message[CONFIG_MESSAGE_SIZE];
    enum error error;

    metadata_unref(metadata);
    if (!exists) {
        snprintf(message, sizeof(message), "The topic '%.*s' does not exist.",
                 BYTES_FORMAT(item->name));
        return fail(item, ERR_UNKNOWN_TOPIC_OR_PARTITION, message);
    }
    config = live_config_get(context->live_config);
    error = topic_config_resolve(config, after->pairs, after->count, &resolved, message);
    live_config_release(config);
    return error == ERR_NONE ? ERR_NONE : fail(item, error, message);
}

static enum error check_broker(struct alteration *item, const struct config_layer *before,
                               const struct config_layer *after) {
    struct live_config *live = item->alter->visible.hop.call->context->live_config;
    struct config_layer other = live_config_layer(live, !item->resource.is_default);
    char message[CONFIG_MESSAGE_SIZE];
    enum error error = config_layer_check(live_config_file(live), before, after,
                                          item->resource.is_default, &other, message);

    return error == ERR_INVALID_REQUEST ? fail(item, error, message) : error;
}

/* What was decided, for the wait until it is visible. */
static enum error keep(struct alteration *item, const struct config_layer *after) {
    struct arena *arena = arena_of(item->alter);
    struct config_pair *pairs = arena_alloc(arena, after->count, sizeof(*pairs));

    for (size_t i = 0; pairs != NULL && i < after->count; i++) {
        pairs[i].key = arena_copy(arena, after->pairs[i].key);
        pairs[i].value = arena_copy(arena, after->pairs[i].value);
    }
    item->written = (struct config_layer){pairs, after->count};
    return pairs == NULL ? ERR_OUT_OF_MEMORY : ERR_NONE;
}

static enum error decide(struct config_write *write, const struct config_pair *before,
                         size_t before_count, struct arena *arena, struct config_pair **after,
                         size_t *after_count) {
    struct alteration *item = (struct alteration *)write;
    const struct config_layer was = {before, before_count};
    struct config_layer becomes;
    char message[CONFIG_MESSAGE_SIZE];
    enum error error = config_changes_apply(
        before, item->alter->replaces ? 0 : before_count, item->changes, item->change_count,
        item->resource.kind == CONFIG_RESOURCE_TOPIC, arena, after, after_count, message);

    if (error == ERR_INVALID_CONFIG)
        return fail(item, error, message);
    if (error != ERR_NONE)
        return error;
    becomes = (struct config_layer){*after, *after_count};
    error = item->resource.kind == CONFIG_RESOURCE_TOPIC ? check_topic(item, &becomes)
                                                         : check_broker(item, &was, &becomes);
    return error != ERR_NONE ? error : keep(item, &becomes);
}

static bool is_topic_visible(const struct alteration *item, const struct metadata *metadata) {
    const struct metadata_topic *topic = metadata_find_topic(metadata, item->name);
    bool is_visible = topic == NULL || (size_t)topic->setting_count == item->written.count;

    for (size_t i = 0; topic != NULL && is_visible && i < item->written.count; i++) {
        const struct metadata_setting *setting = &topic->settings[i];
        struct config_pair pair = {bytes_of_text(setting->key), bytes_of_text(setting->value)};
        bool found = false;
        for (size_t j = 0; j < item->written.count && !found; j++)
            found = config_pairs_equal(&pair, 1, &item->written.pairs[j], 1);
        is_visible = found;
    }
    return is_visible;
}

static bool are_visible(struct metadata_waiter *waiter, const struct metadata *metadata) {
    struct alter *alter = (struct alter *)visible_of_waiter(waiter);
    const struct live_config *live = alter->visible.hop.call->context->live_config;

    for (size_t i = 0; i < alter->count; i++) {
        const struct alteration *item = &alter->items[i];
        struct config_layer layer = live_config_layer(live, item->resource.is_default);
        bool is_visible =
            item->error != ERR_NONE || item->resource.kind == CONFIG_RESOURCE_BROKER_LOGGER;
        if (!is_visible && item->resource.kind == CONFIG_RESOURCE_TOPIC)
            is_visible = is_topic_visible(item, metadata);
        else if (!is_visible)
            is_visible = config_pairs_equal(layer.pairs, layer.count, item->written.pairs,
                                            item->written.count);
        if (!is_visible)
            return false;
    }
    return true;
}

/* ---- On the control thread: all resources ---- */

static void begin_some(struct alter *alter) {
    struct api_call *call = alter->visible.hop.call;

    while (alter->outstanding < WRITES_AT_ONCE && alter->next < alter->count) {
        struct alteration *item = &alter->items[alter->next++];
        if (item->error != ERR_NONE || item->resource.kind == CONFIG_RESOURCE_BROKER_LOGGER)
            continue;
        if (alter->is_cancelled) {
            (void)fail(item, ERR_REQUEST_TIMED_OUT, "The broker is stopping.");
            continue;
        }
        alter->outstanding++;
        control_write_config(call->context->control, &item->write);
    }
    if (alter->outstanding > 0)
        return;
    if (alter->validate_only || alter->is_cancelled)
        visible_finish(&alter->visible);
    else
        visible_wait(&alter->visible, are_visible);
}

static void on_written(struct config_write *write, enum error error) {
    struct alteration *item = (struct alteration *)write;

    if (error == ERR_NONE && !write->validate_only)
        LOG_INFO("settings_changed", "entity=%s settings=%zu client=%s",
                 LOG_QUOTED_TEXT(write->entity), item->written.count,
                 item->alter->visible.hop.call->request->client_address);
    if (error != ERR_NONE && item->error == ERR_NONE)
        (void)fail(item, error, error_text(error));
    item->alter->is_cancelled = item->alter->is_cancelled || error == ERR_CANCELLED;
    item->alter->outstanding--;
    begin_some(item->alter);
}

static void alter_run(struct hop *hop) {
    begin_some((struct alter *)hop);
}

static void alter_respond(struct hop *hop) {
    struct alter *alter = (struct alter *)hop;

    alter->respond(alter);
}

/* ---- On the reactor ---- */

static int compare_names(const void *a, const void *b) {
    const struct alteration *x = *(const struct alteration *const *)a;
    const struct alteration *y = *(const struct alteration *const *)b;
    size_t common = x->name.size < y->name.size ? x->name.size : y->name.size;
    int order = common == 0 ? 0 : memcmp(x->name.data, y->name.data, common);

    if (x->type != y->type)
        return x->type < y->type ? -1 : 1;
    return order != 0 ? order : (x->name.size > y->name.size) - (x->name.size < y->name.size);
}

/* All that stand more than once fail. */
static bool refuse_repeated(struct alter *alter) {
    struct alteration **sorted =
        arena_alloc(arena_of(alter), alter->count, sizeof(struct alteration *));

    if (sorted == NULL)
        return false;
    for (size_t i = 0; i < alter->count; i++)
        sorted[i] = &alter->items[i];
    qsort(sorted, alter->count, sizeof(*sorted), compare_names);
    for (size_t i = 1; i < alter->count; i++) {
        if (compare_names(&sorted[i - 1], &sorted[i]) != 0)
            continue;
        (void)fail(sorted[i - 1], ERR_INVALID_REQUEST, "Each resource must appear at most once.");
        (void)fail(sorted[i], ERR_INVALID_REQUEST, "Each resource must appear at most once.");
    }
    return true;
}

/* Loggers' levels are changed at once, and are not kept. All or none. */
static void alter_loggers(struct alteration *item) {
    char message[CONFIG_MESSAGE_SIZE];

    for (size_t i = 0; i < item->change_count; i++) {
        enum error error = config_logger_check(&item->changes[i], message, sizeof(message));
        if (error != ERR_NONE) {
            (void)fail(item, error, message);
            return;
        }
    }
    for (size_t i = 0; i < item->change_count && !item->alter->validate_only; i++)
        config_logger_apply(&item->changes[i]);
}

static void name_entity(struct alteration *item) {
    struct config_write *write = &item->write;

    if (item->resource.kind == CONFIG_RESOURCE_TOPIC) {
        write->topic = item->name;
        snprintf(write->entity, sizeof(write->entity), "topics/%.*s", BYTES_FORMAT(item->name));
    } else if (item->resource.is_default) {
        snprintf(write->entity, sizeof(write->entity), "brokers/<default>");
    } else {
        snprintf(write->entity, sizeof(write->entity), "brokers/%d",
                 item->alter->visible.hop.call->context->broker_id);
    }
}

static bool prepare(struct alteration *item) {
    struct api_call *call = item->alter->visible.hop.call;
    char message[CONFIG_MESSAGE_SIZE];
    struct bytes refusal = BYTES_NULL;
    enum error error;

    item->write = (struct config_write){
        .validate_only = item->alter->validate_only, .decide = decide, .done = on_written};
    item->message = BYTES_NULL;
    error = config_resource_find(call, item->type, item->name, true, &item->resource, &refusal);
    if (error != ERR_NONE) {
        item->error = error;
        item->message = refusal;
        return true;
    }
    error = config_changes_check(item->changes, item->change_count, arena_of(item->alter), message);
    if (error == ERR_OUT_OF_MEMORY)
        return false;
    if (error != ERR_NONE)
        (void)fail(item, error, message);
    else if (item->resource.kind == CONFIG_RESOURCE_TOPIC && item->name.size == 0)
        (void)fail(item, ERR_INVALID_REQUEST, "Default topic resources are not allowed.");
    else if (item->resource.kind == CONFIG_RESOURCE_TOPIC && item->name.size >= TOPIC_NAME_PART)
        (void)fail(item, ERR_UNKNOWN_TOPIC_OR_PARTITION,
                   error_text(ERR_UNKNOWN_TOPIC_OR_PARTITION));
    else if (item->resource.kind == CONFIG_RESOURCE_BROKER_LOGGER && item->alter->replaces)
        (void)fail(item, ERR_INVALID_REQUEST, "Unknown resource type 8");
    name_entity(item);
    return true;
}

/* The items are filled; the frame is kept. */
static void run(struct alter *alter) {
    struct api_call *call = alter->visible.hop.call;
    bool is_waiting = false;

    for (size_t i = 0; i < alter->count; i++) {
        if (!prepare(&alter->items[i])) {
            api_close(call);
            return;
        }
    }
    if (!refuse_repeated(alter)) {
        api_close(call);
        return;
    }
    for (size_t i = 0; i < alter->count; i++) {
        struct alteration *item = &alter->items[i];
        if (item->error == ERR_NONE && item->resource.kind == CONFIG_RESOURCE_BROKER_LOGGER)
            alter_loggers(item);
        else
            is_waiting = is_waiting || item->error == ERR_NONE;
    }
    if (is_waiting)
        visible_go(&alter->visible, alter_run, alter_respond, VISIBLE_MS_MAX);
    else
        alter->respond(alter);
}

static struct alter *begin(struct api_call *call, void *request) {
    struct alter *alter = api_alloc(call, 1, sizeof(*alter));

    if (alter == NULL || request_keep_frame(call->request) != ERR_NONE) {
        api_close(call);
        return NULL;
    }
    api_reread(call);
    if (!api_decode(call, request))
        return NULL;
    alter->visible.hop.call = call;
    return alter;
}

/* NULL past the arena's bound; the call has ended then. */
static struct alteration *make_items(struct alter *alter, int32_t count) {
    struct api_call *call = alter->visible.hop.call;

    alter->items = api_alloc(call, (size_t)count, sizeof(*alter->items));
    if (alter->items == NULL)
        api_close(call);
    alter->count = (size_t)count;
    return alter->items;
}

static bool make_changes(struct alter *alter, struct alteration *item, int8_t type,
                         struct bytes name, int32_t change_count) {
    struct api_call *call = alter->visible.hop.call;

    item->alter = alter;
    item->type = type;
    item->name = name;
    item->change_count = (size_t)change_count;
    item->changes = api_alloc(call, item->change_count, sizeof(*item->changes));
    if (item->changes == NULL)
        api_close(call);
    return item->changes != NULL;
}

/* ---- AlterConfigs ---- */

static void alter_configs_respond(struct alter *alter) {
    struct api_call *call = alter->visible.hop.call;
    struct alter_configs_response response;

    alter_configs_response_init(&response);
    response.responses = api_alloc(call, alter->count, sizeof(*response.responses));
    if (response.responses == NULL) {
        api_close(call);
        return;
    }
    for (size_t i = 0; i < alter->count; i++)
        response.responses[response.responses_count++] = (struct alter_configs_response_responses){
            error_to_wire(alter->items[i].error), alter->items[i].message, alter->items[i].type,
            alter->items[i].name};
    api_respond(call, &response);
}

static void handle_alter_configs(struct api_call *call) {
    struct alter_configs_request request;
    struct alter *alter = begin(call, &request);

    if (alter == NULL || make_items(alter, request.resources_count) == NULL)
        return;
    alter->replaces = true;
    alter->validate_only = request.validate_only;
    alter->respond = alter_configs_respond;
    for (int32_t i = 0; i < request.resources_count; i++) {
        const struct alter_configs_request_resources *from = &request.resources[i];
        struct alteration *item = &alter->items[i];
        if (!make_changes(alter, item, from->resource_type, from->resource_name,
                          from->configs_count))
            return;
        for (int32_t j = 0; j < from->configs_count; j++)
            item->changes[j] =
                (struct config_change){from->configs[j].name, from->configs[j].value, CONFIG_SET};
    }
    run(alter);
}

const struct api_handler api_alter_configs = {&alter_configs_api, 2, handle_alter_configs};

/* ---- IncrementalAlterConfigs ---- */

static void incremental_respond(struct alter *alter) {
    struct api_call *call = alter->visible.hop.call;
    struct incremental_alter_configs_response response;

    incremental_alter_configs_response_init(&response);
    response.responses = api_alloc(call, alter->count, sizeof(*response.responses));
    if (response.responses == NULL) {
        api_close(call);
        return;
    }
    for (size_t i = 0; i < alter->count; i++)
        response.responses[response.responses_count++] =
            (struct incremental_alter_configs_response_responses){
                error_to_wire(alter->items[i].error), alter->items[i].message, alter->items[i].type,
                alter->items[i].name};
    api_respond(call, &response);
}

static void handle_incremental_alter_configs(struct api_call *call) {
    struct incremental_alter_configs_request request;
    struct alter *alter = begin(call, &request);

    if (alter == NULL || make_items(alter, request.resources_count) == NULL)
        return;
    alter->validate_only = request.validate_only;
    alter->respond = incremental_respond;
    for (int32_t i = 0; i < request.resources_count; i++) {
        const struct incremental_alter_configs_request_resources *from = &request.resources[i];
        struct alteration *item = &alter->items[i];
        if (!make_changes(alter, item, from->resource_type, from->resource_name,
                          from->configs_count))
            return;
        for (int32_t j = 0; j < from->configs_count; j++)
            item->changes[j] =
                (struct config_change){from->configs[j].name, from->configs[j].value,
                                       (enum config_operation)from->configs[j].config_operation};
    }
    run(alter);
}

const struct api_handler api_incremental_alter_configs = {&incremental_alter_configs_api, 1,
                                                          handle_incremental_alter_configs};
