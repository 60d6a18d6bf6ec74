/*
 * DescribeUserScramCredentials and AlterUserScramCredentials. Nobody can log in yet, and so no
 * credential can be set. Those that Kafka's brokers left in ZooKeeper are told, and can be removed.
 * Source: Apache Kafka 3.9, ZkAdminManager, ScramCredentialUtils.
 */
#include <stdio.h>
#include <stdlib.h>

#include "broker/api/config_batch.h"
#include "broker/api/handlers.h"
#include "broker/api/quota_entity.h"
#include "broker/control/entity_read.h"
#include "broker/metadata/metadata_cache.h"
#include "client/wire/message/alter_user_scram_credentials.h"
#include "client/wire/message/describe_user_scram_credentials.h"

#define ITERATIONS_MIN 4096
#define ITERATIONS_MAX 16384

/* Of the protocol; what they are called among a user's settings. */
enum mechanism { SCRAM_SHA_256 = 1, SCRAM_SHA_512 = 2 };

static const char *const mechanism_names[] = {NULL, "SCRAM-SHA-256", "SCRAM-SHA-512"};

static bool is_known(int8_t mechanism) {
    return mechanism == SCRAM_SHA_256 || mechanism == SCRAM_SHA_512;
}

static int compare_bytes(struct bytes a, struct bytes b) {
    size_t common = a.size < b.size ? a.size : b.size;
    int order = common == 0 ? 0 : memcmp(a.data, b.data, common);

    return order != 0 ? order : (a.size > b.size) - (a.size < b.size);
}

/* ---- DescribeUserScramCredentials ---- */

typedef struct describe_user_scram_credentials_response_results described_user;

struct description {
    struct hop hop; /* first */
    struct describe_user_scram_credentials_request request;
    struct entity_read read;
    const struct entity_settings **found; /* by entity */
    enum error error;
};

static int compare_entities(const void *a, const void *b) {
    const struct entity_settings *const *x = a;
    const struct entity_settings *const *y = b;

    return strcmp((*x)->entity, (*y)->entity);
}

/* False past the arena's bound. */
static bool sort_found(struct description *description) {
    const struct entity_settings *settings;
    size_t count = 0;

    description->found = api_alloc(description->hop.call, description->read.found_count,
                                   sizeof(*description->found));
    if (description->found == NULL)
        return false;
    STAILQ_FOREACH (settings, &description->read.found, entry)
        description->found[count++] = settings;
    qsort(description->found, count, sizeof(*description->found), compare_entities);
    return true;
}

/* The iterations of "salt=...,stored_key=...,server_key=...,iterations=n"; -1: it is not like that.
 */
static int32_t iterations_of(struct bytes credential) {
    static const char key[] = "iterations=";
    const char *at = (const char *)credential.data;

    while (at != NULL && strncmp(at, key, sizeof(key) - 1) != 0) {
        at = strchr(at, ',');
        at = at == NULL ? NULL : at + 1;
    }
    return at == NULL ? -1 : (int32_t)strtol(at + sizeof(key) - 1, NULL, 10);
}

/* False past the arena's bound. `has_some`: the user has a credential. */
static bool tell_credentials(struct api_call *call, const struct entity_settings *settings,
                             described_user *user, bool *has_some) {
    user->credential_infos =
        api_alloc(call, ARRAY_COUNT(mechanism_names), sizeof(*user->credential_infos));
    if (user->credential_infos == NULL)
        return false;
    for (int8_t mechanism = SCRAM_SHA_256; mechanism <= SCRAM_SHA_512; mechanism++) {
        for (size_t i = 0; i < settings->pair_count; i++) {
            int32_t iterations;
            if (!bytes_equal_text(settings->pairs[i].key, mechanism_names[mechanism]))
                continue;
            iterations = iterations_of(settings->pairs[i].value);
            if (iterations < 0) {
                user->error_code = error_to_wire(ERR_UNKNOWN_SERVER_ERROR);
                user->error_message = bytes_of_text(error_text(ERR_UNKNOWN_SERVER_ERROR));
            }
            user->credential_infos[user->credential_infos_count++] =
                (struct describe_user_scram_credentials_response_results_credential_infos){
                    mechanism, iterations};
        }
    }
    *has_some = user->credential_infos_count > 0;
    if (user->error_code != 0)
        user->credential_infos_count = 0;
    return true;
}

static int compare_described(const void *a, const void *b) {
    return compare_bytes(((const described_user *)a)->user, ((const described_user *)b)->user);
}

/* All users that have a credential, by name. The default user can have none. */
static bool tell_all(struct description *description,
                     struct describe_user_scram_credentials_response *response) {
    struct api_call *call = description->hop.call;

    for (size_t i = 0; i < description->read.found_count; i++) {
        described_user *user = &response->results[response->results_count];
        struct quota_entity entity;
        bool has_some;
        describe_user_scram_credentials_response_results_init(user);
        if (!quota_entity_of_path(description->found[i]->entity, &call->request->arena, &entity) ||
            bytes_is_null(entity.parts[QUOTA_USER].name))
            continue;
        user->user = entity.parts[QUOTA_USER].name;
        if (!tell_credentials(call, description->found[i], user, &has_some))
            return false;
        response->results_count += has_some ? 1 : 0;
    }
    qsort(response->results, (size_t)response->results_count, sizeof(*response->results),
          compare_described);
    return true;
}

/* The message ends with the user's name. */
static void refuse_user(struct api_call *call, described_user *user, enum error error,
                        const char *reason) {
    char message[QUOTA_MESSAGE_SIZE];

    snprintf(message, sizeof(message), "%s%.*s", reason, BYTES_FORMAT(user->user));
    user->error_code = error_to_wire(error);
    user->error_message = arena_copy(&call->request->arena, bytes_of_text(message));
}

static bool tell_named(struct description *description, described_user *user, bool is_repeated) {
    struct api_call *call = description->hop.call;
    struct entity_settings named, *key = &named;
    const struct entity_settings *const *found;
    bool has_some = false;

    if (user->user.size == 0) {
        refuse_user(call, user, ERR_RESOURCE_NOT_FOUND, "Username must not be empty");
        return true;
    }
    if (is_repeated) {
        refuse_user(call, user, ERR_DUPLICATE_RESOURCE,
                    "Cannot describe SCRAM credentials for the same user twice in a single "
                    "request: ");
        return true;
    }
    named.entity = quota_user_path(user->user, &call->request->arena);
    if (named.entity == NULL)
        return false;
    found = bsearch(&key, description->found, description->read.found_count,
                    sizeof(*description->found), compare_entities);
    if (found != NULL && !tell_credentials(call, *found, user, &has_some))
        return false;
    if (!has_some)
        refuse_user(call, user, ERR_RESOURCE_NOT_FOUND,
                    "Attempt to describe a user credential that does not exist: ");
    return true;
}

/* Each that is named, once. */
static bool tell_some(struct description *description,
                      struct describe_user_scram_credentials_response *response) {
    int32_t count = description->request.users_count;
    described_user *users = response->results;
    int32_t told = 0;

    for (int32_t i = 0; i < count; i++) {
        describe_user_scram_credentials_response_results_init(&users[i]);
        users[i].user = description->request.users[i].name;
    }
    qsort(users, (size_t)count, sizeof(*users), compare_described);
    for (int32_t i = 0; i < count;) {
        int32_t next = i + 1;
        while (next < count && compare_described(&users[i], &users[next]) == 0)
            next++;
        users[told] = users[i];
        if (!tell_named(description, &users[told], next > i + 1))
            return false;
        told++;
        i = next;
    }
    response->results_count = told;
    return true;
}

static void describe_respond(struct hop *hop) {
    struct description *description = (struct description *)hop;
    bool is_for_all = description->request.users_count <= 0;
    size_t count =
        is_for_all ? description->read.found_count : (size_t)description->request.users_count;
    struct describe_user_scram_credentials_response response;
    bool has_room;

    describe_user_scram_credentials_response_init(&response);
    response.results = api_alloc(hop->call, count, sizeof(*response.results));
    has_room = response.results != NULL && sort_found(description);
    if (description->error != ERR_NONE) {
        response.error_code = error_to_wire(description->error);
        response.error_message = bytes_of_text(error_text(description->error));
    } else if (has_room) {
        has_room =
            is_for_all ? tell_all(description, &response) : tell_some(description, &response);
    }
    if (has_room)
        api_respond(hop->call, &response);
    else
        api_close(hop->call);
}

static void on_read(struct entity_read *read, enum error error) {
    struct description *description = CONTAINER_OF(read, struct description, read);

    description->error = error;
    hop_return(&description->hop, describe_respond);
}

static void describe_run(struct hop *hop) {
    control_read_entities(hop->call->context->control, &((struct description *)hop)->read);
}

static void handle_describe_user_scram_credentials(struct api_call *call) {
    struct description *description = hop_new(call, sizeof(*description));

    if (description == NULL || !api_decode(call, &description->request))
        return;
    entity_read_init(&description->read, &call->request->arena, on_read);
    if (description->request.users_count <= 0)
        entity_read_add_all(&description->read, "users", NULL);
    for (int32_t i = 0; i < description->request.users_count; i++) {
        const char *path =
            quota_user_path(description->request.users[i].name, &call->request->arena);
        if (path == NULL) {
            api_close(call);
            return;
        }
        if (description->request.users[i].name.size > 0)
            entity_read_add(&description->read, path);
    }
    hop_to_control(&description->hop, describe_run);
}

const struct api_handler api_describe_user_scram_credentials = {
    &describe_user_scram_credentials_api, 0, handle_describe_user_scram_credentials};

/* ---- AlterUserScramCredentials ---- */

/* One credential that is set or removed. */
struct change {
    struct bytes user;
    int8_t mechanism;
    bool sets;
    int32_t iterations;
};

/* Those of one user. */
struct alteration {
    struct config_batch_item item; /* first */
    const struct change *changes;
    size_t count;
};

struct alter {
    struct config_batch batch; /* first */
    struct change *changes;    /* by user and mechanism, those that set first */
    size_t change_count;
    struct alteration *items;
};

static int compare_changes(const void *a, const void *b) {
    const struct change *x = a, *y = b;
    int order = compare_bytes(x->user, y->user);

    if (order != 0)
        return order;
    if (x->mechanism != y->mechanism)
        return x->mechanism < y->mechanism ? -1 : 1;
    return (int)y->sets - (int)x->sets;
}

static enum error check_change(struct config_batch_item *item, const struct change *change) {
    if (change->user.size == 0)
        return config_batch_fail(item, ERR_UNACCEPTABLE_CREDENTIAL, "Username must not be empty");
    if (!is_known(change->mechanism))
        return config_batch_fail(item, ERR_UNSUPPORTED_SASL_MECHANISM, "Unknown SCRAM mechanism");
    if (!change->sets)
        return ERR_NONE;
    if (change->iterations > ITERATIONS_MAX)
        return config_batch_fail(item, ERR_UNACCEPTABLE_CREDENTIAL, "Too many iterations");
    if (change->iterations < ITERATIONS_MIN)
        return config_batch_fail(item, ERR_UNACCEPTABLE_CREDENTIAL, "Too few iterations");
    return ERR_NONE;
}

static enum error check(struct alteration *alteration) {
    bool sets = false;
    enum error error = ERR_NONE;

    for (size_t i = 0; error == ERR_NONE && i < alteration->count; i++)
        error = check_change(&alteration->item, &alteration->changes[i]);
    for (size_t i = 0; error == ERR_NONE && i < alteration->count; i++) {
        sets = sets || alteration->changes[i].sets;
        if (i > 0 && alteration->changes[i].mechanism == alteration->changes[i - 1].mechanism)
            error = config_batch_fail(&alteration->item, ERR_DUPLICATE_RESOURCE,
                                      "A user credential cannot be altered twice in the same "
                                      "request");
    }
    if (error != ERR_NONE || !sets)
        return error;
    return config_batch_fail(&alteration->item, ERR_UNSUPPORTED_SASL_MECHANISM,
                             "This broker has no SASL yet, so no credential can be set. Those that "
                             "are there can be removed.");
}

static bool is_removed(const struct config_batch_item *item, struct bytes key) {
    const struct alteration *alteration = (const struct alteration *)item;

    for (size_t i = 0; i < alteration->count; i++) {
        if (bytes_equal_text(key, mechanism_names[alteration->changes[i].mechanism]))
            return true;
    }
    return false;
}

static enum error decide(struct config_write *write, const struct config_pair *before,
                         size_t before_count, struct arena *arena, struct config_pair **after,
                         size_t *after_count) {
    struct alteration *alteration = (struct alteration *)write;
    enum error error = config_batch_remove(&alteration->item, before, before_count, is_removed,
                                           arena, after, after_count);

    if (error == ERR_NONE && before_count - *after_count != alteration->count)
        return config_batch_fail(&alteration->item, ERR_RESOURCE_NOT_FOUND,
                                 "Attempt to delete a user credential that does not exist");
    return error;
}

static void alter_respond(struct hop *hop) {
    struct alter *alter = (struct alter *)hop;
    struct alter_user_scram_credentials_response response;

    alter_user_scram_credentials_response_init(&response);
    response.results = api_alloc(hop->call, alter->batch.count, sizeof(*response.results));
    if (response.results == NULL) {
        api_close(hop->call);
        return;
    }
    for (size_t i = 0; i < alter->batch.count; i++)
        response.results[response.results_count++] =
            (struct alter_user_scram_credentials_response_results){
                alter->items[i].changes->user, error_to_wire(alter->items[i].item.error),
                alter->items[i].item.message};
    api_respond(hop->call, &response);
}

/* Any broker could, but in Kafka only the controller does. */
static void refuse_all(struct alter *alter) {
    for (size_t i = 0; i < alter->batch.count; i++) {
        alter->items[i].item.error = ERR_NOT_CONTROLLER;
        alter->items[i].item.message = BYTES_NULL;
    }
    alter_respond(&alter->batch.hop);
}

static struct config_batch_item *item_of(struct config_batch *batch, size_t index) {
    return &((struct alter *)batch)->items[index].item;
}

/* False past the arena's bound. */
static bool take_changes(struct alter *alter,
                         const struct alter_user_scram_credentials_request *request) {
    size_t total = (size_t)request->deletions_count + (size_t)request->upsertions_count;

    alter->changes = api_alloc(alter->batch.hop.call, total, sizeof(*alter->changes));
    if (alter->changes == NULL)
        return false;
    for (int32_t i = 0; i < request->deletions_count; i++)
        alter->changes[alter->change_count++] =
            (struct change){request->deletions[i].name, request->deletions[i].mechanism, false, 0};
    for (int32_t i = 0; i < request->upsertions_count; i++)
        alter->changes[alter->change_count++] =
            (struct change){request->upsertions[i].name, request->upsertions[i].mechanism, true,
                            request->upsertions[i].iterations};
    qsort(alter->changes, total, sizeof(*alter->changes), compare_changes);
    return true;
}

/* One item for each user. False past the arena's bound. */
static bool make_items(struct alter *alter) {
    struct api_call *call = alter->batch.hop.call;

    alter->items = api_alloc(call, alter->change_count, sizeof(*alter->items));
    for (size_t i = 0; alter->items != NULL && i < alter->change_count;) {
        struct alteration *alteration = &alter->items[alter->batch.count++];
        const char *path = quota_user_path(alter->changes[i].user, &call->request->arena);
        *alteration = (struct alteration){.item = {.write = {.decide = decide},
                                                   .batch = &alter->batch,
                                                   .message = bytes_of_text("")},
                                          .changes = &alter->changes[i]};
        while (i < alter->change_count &&
               bytes_equal(alter->changes[i].user, alteration->changes->user)) {
            alteration->count++;
            i++;
        }
        if (path == NULL)
            return false;
        if (check(alteration) == ERR_NONE)
            config_batch_name(&alteration->item, path);
    }
    return alter->items != NULL;
}

static void handle_alter_user_scram_credentials(struct api_call *call) {
    struct alter *alter = hop_new(call, sizeof(*alter));
    struct alter_user_scram_credentials_request request;

    if (alter == NULL || !api_decode(call, &request))
        return;
    alter->batch.item = item_of;
    alter->batch.respond = alter_respond;
    if (!take_changes(alter, &request) || !make_items(alter))
        api_close(call);
    else if (metadata_cache_is_controller(call->context->metadata, call->context->broker_id))
        config_batch_run(&alter->batch);
    else
        refuse_all(alter);
}

const struct api_handler api_alter_user_scram_credentials = {&alter_user_scram_credentials_api, 0,
                                                             handle_alter_user_scram_credentials};
