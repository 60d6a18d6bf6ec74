/*
 * DescribeClientQuotas and AlterClientQuotas. Quotas are not enforced yet, and so none can be set:
 * who limits a client must not be told that it is limited. Those that Kafka's brokers left in
 * ZooKeeper are told, and can be removed. Source: Apache Kafka 3.9, ZkAdminManager,
 * DescribeClientQuotasRequest.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "broker/api/config_batch.h"
#include "broker/api/handlers.h"
#include "broker/api/quota_entity.h"
#include "broker/control/entity_read.h"
#include "client/wire/message/alter_client_quotas.h"
#include "client/wire/message/describe_client_quotas.h"

enum quota_type { QUOTA_LONG, QUOTA_INT, QUOTA_DOUBLE };

static const struct quota_key {
    const char *name;
    const char *type_name;
    enum quota_type type;
    bool is_of_ips;
} quota_keys[] = {
    {"producer_byte_rate", "LONG", QUOTA_LONG, false},
    {"consumer_byte_rate", "LONG", QUOTA_LONG, false},
    {"request_percentage", "DOUBLE", QUOTA_DOUBLE, false},
    {"controller_mutation_rate", "DOUBLE", QUOTA_DOUBLE, false},
    {"connection_creation_rate", "INT", QUOTA_INT, true},
};

/* NULL: there is no such quota of such an entity. */
static const struct quota_key *find_key(const struct quota_entity *entity, struct bytes name) {
    for (size_t i = 0; i < ARRAY_COUNT(quota_keys); i++) {
        if (quota_keys[i].is_of_ips == entity->parts[QUOTA_IP].is_set &&
            bytes_equal_text(name, quota_keys[i].name))
            return &quota_keys[i];
    }
    return NULL;
}

/* ---- DescribeClientQuotas ---- */

struct description {
    struct hop hop; /* first */
    struct quota_filter filter;
    struct entity_read read;
    enum error error;
    struct bytes message;
};

static enum error fail(struct description *description, enum error error, const char *message) {
    description->error = error;
    description->message =
        arena_copy(&description->hop.call->request->arena, bytes_of_text(message));
    return error;
}

static enum error add_component(struct description *description,
                                const struct describe_client_quotas_request_components *component) {
    struct quota_filter *filter = &description->filter;
    int part = quota_part_of(component->entity_type);
    char message[QUOTA_MESSAGE_SIZE];

    /* Kafka meets an exception there. */
    if (component->match_type < QUOTA_MATCH_NAME || component->match_type > QUOTA_MATCH_ANY ||
        (component->match_type == QUOTA_MATCH_NAME && bytes_is_null(component->match)))
        return fail(description, ERR_UNKNOWN_SERVER_ERROR, NULL);
    if (component->entity_type.size == 0)
        return fail(description, ERR_INVALID_REQUEST,
                    "Unexpected empty filter component entity type");
    if (part < 0) {
        snprintf(message, sizeof(message), "Custom entity type '%.*s' not supported",
                 BYTES_FORMAT(component->entity_type));
        return fail(description, ERR_UNSUPPORTED_VERSION, message);
    }
    if (filter->parts[part].is_set) {
        snprintf(message, sizeof(message), "Duplicate %s filter component entity type",
                 part == QUOTA_CLIENT ? "client" : quota_part_name((enum quota_part)part));
        return fail(description, ERR_INVALID_REQUEST, message);
    }
    filter->parts[part].is_set = true;
    filter->parts[part].match = (enum quota_match)component->match_type;
    filter->parts[part].name = component->match;
    return ERR_NONE;
}

static enum error take_filter(struct description *description,
                              const struct describe_client_quotas_request *request) {
    struct quota_filter *filter = &description->filter;
    enum error error = ERR_NONE;

    filter->is_strict = request->strict;
    for (int32_t i = 0; error == ERR_NONE && i < request->components_count; i++)
        error = add_component(description, &request->components[i]);
    if (error == ERR_NONE && filter->parts[QUOTA_IP].is_set &&
        (filter->parts[QUOTA_USER].is_set || filter->parts[QUOTA_CLIENT].is_set))
        return fail(description, ERR_INVALID_REQUEST,
                    "Invalid entity filter component combination, IP filter component should not "
                    "be used with user or clientId filter component.");
    return error;
}

static bool is_any(const struct quota_filter *filter, enum quota_part part) {
    return !filter->parts[part].is_set || filter->parts[part].match == QUOTA_MATCH_ANY;
}

/* Entities of these parts: one, or all that there are; the filter chooses among them. */
static void read_some(struct description *description, bool user, bool client, bool ip,
                      const char *folder, const char *below) {
    const struct quota_filter *filter = &description->filter;
    struct arena *arena = &description->hop.call->request->arena;
    const bool wanted[QUOTA_PART_COUNT] = {user, client, ip};
    struct quota_entity entity = {0};
    bool is_one = true;
    const char *path;

    for (int part = 0; part < QUOTA_PART_COUNT; part++) {
        bool is_asked_for = filter->parts[part].is_set;
        if ((is_asked_for && !wanted[part]) || (!is_asked_for && wanted[part] && filter->is_strict))
            return;
        entity.parts[part].is_set = wanted[part];
        if (filter->parts[part].match == QUOTA_MATCH_NAME)
            entity.parts[part].name = filter->parts[part].name;
        is_one = is_one && (!wanted[part] || !is_any(filter, (enum quota_part)part));
    }
    if (!is_one) {
        entity_read_add_all(&description->read, folder, below);
        return;
    }
    path = quota_entity_path(&entity, arena);
    if (path == NULL)
        description->error = ERR_OUT_OF_MEMORY;
    else
        entity_read_add(&description->read, path);
}

/* The quotas of one entity, if it is asked for and has some. False past the arena's bound. */
static bool tell_entity(struct description *description, const struct entity_settings *settings,
                        struct describe_client_quotas_response *response) {
    struct api_call *call = description->hop.call;
    struct describe_client_quotas_response_entries *entry =
        &response->entries[response->entries_count];
    struct quota_entity entity;

    if (!quota_entity_of_path(settings->entity, &call->request->arena, &entity) ||
        !quota_filter_matches(&description->filter, &entity))
        return true;
    describe_client_quotas_response_entries_init(entry);
    entry->entity = api_alloc(call, QUOTA_PART_COUNT, sizeof(*entry->entity));
    entry->values = api_alloc(call, settings->pair_count, sizeof(*entry->values));
    if (entry->entity == NULL || entry->values == NULL)
        return false;
    for (int part = 0; part < QUOTA_PART_COUNT; part++) {
        if (entity.parts[part].is_set)
            entry->entity[entry->entity_count++] =
                (struct describe_client_quotas_response_entries_entity){
                    bytes_of_text(quota_part_name((enum quota_part)part)), entity.parts[part].name};
    }
    for (size_t i = 0; i < settings->pair_count; i++) {
        char *end;
        double value = strtod((const char *)settings->pairs[i].value.data, &end);
        if (find_key(&entity, settings->pairs[i].key) == NULL)
            continue; /* a user's credentials are there, too */
        if (*end != '\0')
            description->error = ERR_UNKNOWN_SERVER_ERROR;
        entry->values[entry->values_count++] =
            (struct describe_client_quotas_response_entries_values){settings->pairs[i].key, value};
    }
    response->entries_count += entry->values_count > 0 ? 1 : 0;
    return true;
}

static void describe_respond(struct hop *hop) {
    struct description *description = (struct description *)hop;
    struct describe_client_quotas_response response;
    const struct entity_settings *settings;

    describe_client_quotas_response_init(&response);
    response.entries =
        api_alloc(hop->call, description->read.found_count, sizeof(*response.entries));
    if (response.entries == NULL) {
        api_close(hop->call);
        return;
    }
    STAILQ_FOREACH (settings, &description->read.found, entry) {
        if (!tell_entity(description, settings, &response)) {
            api_close(hop->call);
            return;
        }
    }
    if (description->error != ERR_NONE) {
        response.entries = NULL;
        response.entries_count = -1;
        response.error_message = description->message;
    }
    response.error_code = error_to_wire(description->error);
    api_respond(hop->call, &response);
}

static void on_read(struct entity_read *read, enum error error) {
    struct description *description = CONTAINER_OF(read, struct description, read);

    if (error != ERR_NONE)
        (void)fail(description, error, error_text(error));
    hop_return(&description->hop, describe_respond);
}

static void describe_run(struct hop *hop) {
    control_read_entities(hop->call->context->control, &((struct description *)hop)->read);
}

static void handle_describe_client_quotas(struct api_call *call) {
    struct describe_client_quotas_request request;
    struct description *description = hop_new(call, sizeof(*description));

    if (description == NULL || !api_decode(call, &request))
        return;
    entity_read_init(&description->read, &call->request->arena, on_read);
    if (take_filter(description, &request) == ERR_NONE) {
        read_some(description, true, false, false, "users", NULL);
        read_some(description, false, true, false, "clients", NULL);
        read_some(description, true, true, false, "users", "clients");
        read_some(description, false, false, true, "ips", NULL);
    }
    if (description->error == ERR_NONE)
        hop_to_control(&description->hop, describe_run);
    else
        describe_respond(&description->hop);
}

const struct api_handler api_describe_client_quotas = {&describe_client_quotas_api, 1,
                                                       handle_describe_client_quotas};

/* ---- AlterClientQuotas ---- */

struct alteration {
    struct config_batch_item item; /* first */
    const struct alter_client_quotas_request_entries *wire;
    struct quota_entity entity;
};

struct alter {
    struct config_batch batch; /* first */
    struct alter_client_quotas_request request;
    struct alteration *items;
};

static enum error take_entity(struct alteration *alteration) {
    char message[QUOTA_MESSAGE_SIZE];
    enum error error;

    for (int32_t i = 0; i < alteration->wire->entity_count; i++) {
        const struct alter_client_quotas_request_entries_entity *from =
            &alteration->wire->entity[i];
        int part = quota_part_of(from->entity_type);
        if (part < 0) {
            snprintf(message, sizeof(message), "Unhandled client quota entity type: %.*s",
                     BYTES_FORMAT(from->entity_type));
            return config_batch_fail(&alteration->item, ERR_INVALID_REQUEST, message);
        }
        alteration->entity.parts[part].is_set = true;
        alteration->entity.parts[part].name = from->entity_name;
    }
    error = quota_entity_check(&alteration->entity, message);
    return error == ERR_NONE ? ERR_NONE : config_batch_fail(&alteration->item, error, message);
}

/* Whether the quota could be set in Kafka. */
static enum error check_value(struct alteration *alteration,
                              const struct alter_client_quotas_request_entries_ops *op) {
    const double epsilon = 1e-6;
    const struct quota_key *key = find_key(&alteration->entity, op->key);
    double bound, whole;
    char message[QUOTA_MESSAGE_SIZE];

    if (key == NULL) {
        snprintf(message, sizeof(message), "Invalid configuration key %.*s", BYTES_FORMAT(op->key));
        return config_batch_fail(&alteration->item, ERR_INVALID_REQUEST, message);
    }
    if (key->type == QUOTA_DOUBLE)
        return ERR_NONE;
    bound = key->type == QUOTA_INT ? INT32_MAX : (double)INT64_MAX;
    whole = fmin(fmax(trunc(op->value + epsilon), -bound), bound);
    if (fabs(whole - op->value) <= epsilon)
        return ERR_NONE;
    snprintf(message, sizeof(message), "Configuration %s must be a %s value", key->name,
             key->type_name);
    return config_batch_fail(&alteration->item, ERR_INVALID_REQUEST, message);
}

static enum error check_ops(struct alteration *alteration) {
    bool sets = false;

    for (int32_t i = 0; i < alteration->wire->ops_count; i++) {
        const struct alter_client_quotas_request_entries_ops *op = &alteration->wire->ops[i];
        enum error error = op->remove ? ERR_NONE : check_value(alteration, op);
        if (error != ERR_NONE)
            return error;
        sets = sets || !op->remove;
    }
    if (!sets)
        return ERR_NONE;
    return config_batch_fail(&alteration->item, ERR_UNSUPPORTED_VERSION,
                             "This broker does not enforce quotas yet, so none can be set. Those "
                             "that are there can be removed.");
}

static bool is_removed(const struct config_batch_item *item, struct bytes key) {
    const struct alteration *alteration = (const struct alteration *)item;

    for (int32_t i = 0; i < alteration->wire->ops_count; i++) {
        if (bytes_equal(alteration->wire->ops[i].key, key))
            return true;
    }
    return false;
}

static enum error decide(struct config_write *write, const struct config_pair *before,
                         size_t before_count, struct arena *arena, struct config_pair **after,
                         size_t *after_count) {
    return config_batch_remove((struct config_batch_item *)write, before, before_count, is_removed,
                               arena, after, after_count);
}

static void alter_respond(struct hop *hop) {
    struct alter *alter = (struct alter *)hop;
    struct alter_client_quotas_response response;

    alter_client_quotas_response_init(&response);
    response.entries = api_alloc(hop->call, alter->batch.count, sizeof(*response.entries));
    for (size_t i = 0; response.entries != NULL && i < alter->batch.count; i++) {
        const struct alteration *alteration = &alter->items[i];
        struct alter_client_quotas_response_entries *entry =
            &response.entries[response.entries_count++];
        size_t parts = (size_t)alteration->wire->entity_count;
        alter_client_quotas_response_entries_init(entry);
        entry->error_code = error_to_wire(alteration->item.error);
        entry->error_message = alteration->item.message;
        entry->entity = api_alloc(hop->call, parts, sizeof(*entry->entity));
        for (size_t j = 0; entry->entity != NULL && j < parts; j++)
            entry->entity[entry->entity_count++] =
                (struct alter_client_quotas_response_entries_entity){
                    alteration->wire->entity[j].entity_type,
                    alteration->wire->entity[j].entity_name};
        if (entry->entity == NULL)
            response.entries = NULL;
    }
    if (response.entries == NULL)
        api_close(hop->call);
    else
        api_respond(hop->call, &response);
}

static struct config_batch_item *item_of(struct config_batch *batch, size_t index) {
    return &((struct alter *)batch)->items[index].item;
}

/* False past the arena's bound. */
static bool prepare(struct alter *alter, size_t index) {
    struct alteration *alteration = &alter->items[index];
    const char *path;

    alteration->wire = &alter->request.entries[index];
    alteration->item = (struct config_batch_item){
        .write = {.validate_only = alter->request.validate_only, .decide = decide},
        .batch = &alter->batch,
        .message = BYTES_NULL};
    if (take_entity(alteration) != ERR_NONE || check_ops(alteration) != ERR_NONE)
        return true;
    path = quota_entity_path(&alteration->entity, &alter->batch.hop.call->request->arena);
    if (path != NULL)
        config_batch_name(&alteration->item, path);
    return path != NULL;
}

static void handle_alter_client_quotas(struct api_call *call) {
    struct alter *alter = hop_new(call, sizeof(*alter));

    if (alter == NULL || !api_decode(call, &alter->request))
        return;
    alter->batch.item = item_of;
    alter->batch.respond = alter_respond;
    alter->batch.count = (size_t)alter->request.entries_count;
    alter->items = api_alloc(call, alter->batch.count, sizeof(*alter->items));
    for (size_t i = 0; alter->items != NULL && i < alter->batch.count; i++) {
        if (!prepare(alter, i))
            alter->items = NULL;
    }
    if (alter->items == NULL)
        api_close(call);
    else
        config_batch_run(&alter->batch);
}

const struct api_handler api_alter_client_quotas = {&alter_client_quotas_api, 1,
                                                    handle_alter_client_quotas};
