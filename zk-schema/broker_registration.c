#include "zk-schema/broker_registration.h"

#include <stdlib.h>

#include "client/base/logger.h"
#include "zk-schema/paths.h"

#define NEVER (-1)

/* The operations of the multi that registers. */
enum { OP_CREATE, OP_SET, OP_COUNT, OP_MARK, OPS_MAX };

enum registration_state {
    STATE_IDLE, /* not started, or no session */
    STATE_READING_MARK,
    STATE_CREATING,
    STATE_READING,  /* who owns the znode? */
    STATE_DELETING, /* our own leftover */
    STATE_WAITING,  /* for a foreign znode to go */
    STATE_REGISTERED,
    STATE_REFUSED
};

struct broker_registration {
    struct broker_registration_config config;
    struct znode_path path;
    struct znode_path mark; /* of an unclean restart */
    uint8_t *data;
    enum registration_state state;
    bool started;
    int64_t waiting_since_ms;   /* the first time heard while waiting, or NEVER */
    int64_t registered_session; /* the last in which we were registered; 0: none */
    bool mark_is_read;
    bool mark_exists;
    bool mark_is_wanted;   /* with the next registration */
    int64_t unclean_since; /* what the mark says; 0: nothing */
    uint64_t attempt;      /* completions of older attempts are history */
};

/* What a completion needs to know which attempt it belongs to. */
struct attempt {
    struct broker_registration *registration;
    uint64_t number;
};

static struct attempt *begin(struct broker_registration *registration,
                             enum registration_state state) {
    struct attempt *attempt = calloc(1, sizeof(*attempt));

    CHECK(attempt != NULL);
    *attempt = (struct attempt){registration, registration->attempt};
    registration->state = state;
    return attempt;
}

/* Frees the attempt; NULL if it is history. */
static struct broker_registration *end(struct attempt *attempt) {
    struct broker_registration *registration = attempt->registration;
    bool is_current = attempt->number == registration->attempt;

    free(attempt);
    return is_current ? registration : NULL;
}

static void create(struct broker_registration *registration);
static void read_owner(struct broker_registration *registration);

static void succeed(struct broker_registration *registration, int64_t broker_epoch) {
    registration->state = STATE_REGISTERED;
    registration->registered_session = zk_session_id(registration->config.zk);
    if (registration->mark_is_wanted)
        registration->unclean_since = broker_epoch;
    registration->mark_is_wanted = false;
    LOG_INFO("broker_registered", "broker=%d broker_epoch=%" PRId64, registration->config.broker_id,
             broker_epoch);
    registration->config.on_registered(registration->config.context, broker_epoch);
}

static void refuse(struct broker_registration *registration, enum error error) {
    registration->attempt++;
    registration->state = STATE_REFUSED;
    LOG_ERROR("broker_not_registered", "path=%s error=%s reason=\"%s\" action=\"%s\"",
              registration->path.text, error_name(error), error_text(error),
              error == ERR_DUPLICATE_BROKER_REGISTRATION
                  ? "give this broker another broker.id, or stop the one that has it"
                  : "check the path's ACL and content");
    if (registration->config.on_refused != NULL)
        registration->config.on_refused(registration->config.context, error);
}

/* What is to be known is known after the next RECONNECTED or NEW. */
static bool is_session_trouble(enum error error) {
    return error == ERR_ZK_OUTCOME_UNKNOWN || error == ERR_ZK_SESSION_EXPIRED ||
           error == ERR_CANCELLED;
}

static void on_deleted(void *context, const struct zk_result *result) {
    struct broker_registration *registration = end(context);

    if (registration == NULL || is_session_trouble(result->error))
        return;
    if (result->error == ERR_NONE || result->error == ERR_ZK_NO_NODE)
        create(registration);
    else
        refuse(registration, result->error);
}

static void on_awaited(void *context, const struct zk_result *result) {
    struct broker_registration *registration = end(context);

    if (registration == NULL || result->error == ERR_NONE || is_session_trouble(result->error))
        return;
    if (result->error == ERR_ZK_NO_NODE) /* gone before the watch was set */
        create(registration);
    else
        refuse(registration, result->error);
}

static void wait_for_deletion(struct broker_registration *registration, int64_t owner) {
    LOG_WARN("broker_id_in_use", "path=%s owner=0x%llx action=\"waiting for that session to end\"",
             registration->path.text, (unsigned long long)owner);
    zk_exists(registration->config.zk, registration->path.text, true, on_awaited,
              begin(registration, STATE_WAITING));
}

static void on_owner(void *context, const struct zk_result *result) {
    struct broker_registration *registration = end(context);
    int64_t owner = result->stat.ephemeral_owner;

    if (registration == NULL || is_session_trouble(result->error))
        return;
    if (result->error == ERR_ZK_NO_NODE) {
        create(registration);
    } else if (result->error != ERR_NONE) {
        refuse(registration, result->error);
    } else if (owner != 0 && owner == zk_session_id(registration->config.zk)) {
        succeed(registration, result->stat.czxid);
    } else if (owner != 0 && owner == registration->registered_session) {
        LOG_INFO("stale_registration_removed", "path=%s", registration->path.text);
        zk_remove(registration->config.zk, registration->path.text, ZK_ANY_VERSION, on_deleted,
                  begin(registration, STATE_DELETING));
    } else {
        wait_for_deletion(registration, owner);
    }
}

static void read_owner(struct broker_registration *registration) {
    zk_get(registration->config.zk, registration->path.text, false, on_owner,
           begin(registration, STATE_READING));
}

/* Whether the mark is there is only known for sure when it is written. */
static bool is_about_the_mark(struct broker_registration *registration,
                              const struct zk_result *result) {
    enum error expected = registration->mark_exists ? ERR_ZK_NO_NODE : ERR_ZK_NODE_EXISTS;

    if (result->ops == NULL || result->op_count <= OP_MARK ||
        result->ops[OP_MARK].error != expected)
        return false;
    registration->mark_exists = !registration->mark_exists;
    return true;
}

static void on_created(void *context, const struct zk_result *result) {
    struct broker_registration *registration = end(context);

    if (registration == NULL || is_session_trouble(result->error))
        return;
    if (result->error == ERR_NONE)
        succeed(registration, result->ops[OP_SET].stat.czxid);
    else if (is_about_the_mark(registration, result))
        create(registration);
    else if (result->error == ERR_ZK_NODE_EXISTS)
        read_owner(registration);
    else
        refuse(registration, result->error);
}

/* Created empty and set in one transaction, as Kafka does, so that the set's Stat tells the czxid
 * without another read. The version of /barnabas/registrations counts registrations: a controller
 * that does not know of this one yet can write nothing (controller/README.md, rule 1). */
static void create(struct broker_registration *registration) {
    struct zk_op ops[OPS_MAX] = {
        [OP_CREATE] = {.kind = ZK_OP_CREATE,
                       .path = registration->path.text,
                       .data = BYTES_NULL,
                       .flags = ZK_EPHEMERAL},
        [OP_SET] = {.kind = ZK_OP_SET,
                    .path = registration->path.text,
                    .data = bytes_of(registration->data, registration->config.data.size),
                    .version = 0},
        [OP_COUNT] = {.kind = ZK_OP_SET,
                      .path = PATH_REGISTRATIONS,
                      .data = BYTES_NULL,
                      .version = ZK_ANY_VERSION},
        [OP_MARK] = {.kind = registration->mark_exists ? ZK_OP_SET : ZK_OP_CREATE,
                     .path = registration->mark.text,
                     .data = BYTES_NULL,
                     .version = ZK_ANY_VERSION},
    };

    registration->waiting_since_ms = NEVER;
    zk_multi(registration->config.zk, ops, registration->mark_is_wanted ? OPS_MAX : OP_MARK,
             on_created, begin(registration, STATE_CREATING));
}

static void on_mark(void *context, const struct zk_result *result) {
    struct broker_registration *registration = end(context);

    if (registration == NULL || is_session_trouble(result->error))
        return;
    if (result->error != ERR_NONE && result->error != ERR_ZK_NO_NODE) {
        refuse(registration, result->error);
        return;
    }
    registration->mark_is_read = true;
    registration->mark_exists = result->error == ERR_NONE;
    if (registration->mark_exists)
        registration->unclean_since = result->stat.mzxid;
    create(registration);
}

/* The first time in this process: what an earlier one said of these logs still holds. */
static void begin_registering(struct broker_registration *registration) {
    if (registration->mark_is_read)
        create(registration);
    else
        zk_get(registration->config.zk, registration->mark.text, false, on_mark,
               begin(registration, STATE_READING_MARK));
}

enum error broker_registration_new(const struct broker_registration_config *config,
                                   struct broker_registration **created) {
    struct broker_registration *registration = calloc(1, sizeof(*registration));

    if (registration == NULL)
        return ERR_OUT_OF_MEMORY;
    registration->config = *config;
    registration->path = path_of_broker(config->broker_id);
    registration->mark = path_of_unclean_restart(config->broker_id);
    registration->mark_is_wanted = config->restarted_uncleanly;
    registration->data = malloc(config->data.size + 1);
    CHECK(registration->data != NULL);
    if (config->data.size > 0)
        memcpy(registration->data, config->data.data, config->data.size);
    registration->waiting_since_ms = NEVER;
    *created = registration;
    return ERR_NONE;
}

void broker_registration_free(struct broker_registration *registration) {
    if (registration == NULL)
        return;
    free(registration->data);
    free(registration);
}

void broker_registration_start(struct broker_registration *registration) {
    registration->started = true;
    registration->attempt++;
    begin_registering(registration);
}

void broker_registration_on_session(struct broker_registration *registration,
                                    enum zk_session_state state) {
    if (!registration->started || registration->state == STATE_REFUSED)
        return;
    switch (state) {
    case ZK_SESSION_NEW:
        registration->attempt++;
        begin_registering(registration);
        break;
    case ZK_SESSION_RECONNECTED:
        /* What was under way may or may not have been applied: look. */
        if (registration->state != STATE_REGISTERED) {
            registration->attempt++;
            if (registration->mark_is_read)
                read_owner(registration);
            else
                begin_registering(registration);
        }
        break;
    case ZK_SESSION_EXPIRED:
    case ZK_SESSION_AUTH_FAILED:
        registration->attempt++;
        registration->state = STATE_IDLE;
        break;
    case ZK_SESSION_DISCONNECTED:
        /* A server that is down ends no sessions. */
        registration->waiting_since_ms = NEVER;
        break;
    }
}

void broker_registration_on_time(struct broker_registration *registration, int64_t now_ms,
                                 int32_t session_timeout_ms) {
    if (registration->state != STATE_WAITING)
        return;
    if (registration->waiting_since_ms == NEVER)
        registration->waiting_since_ms = now_ms;
    else if (now_ms - registration->waiting_since_ms > (int64_t)session_timeout_ms * 3 / 2)
        refuse(registration, ERR_DUPLICATE_BROKER_REGISTRATION);
}

void broker_registration_on_watch(struct broker_registration *registration, enum zk_event_kind kind,
                                  const char *path) {
    if (registration->state == STATE_WAITING && kind == ZK_EVENT_DELETED &&
        strcmp(path, registration->path.text) == 0) {
        registration->attempt++;
        create(registration);
    }
}

bool broker_registration_is_waiting(const struct broker_registration *registration) {
    return registration->state == STATE_WAITING;
}

bool broker_registration_is_registered(const struct broker_registration *registration) {
    return registration->state == STATE_REGISTERED;
}

int64_t broker_registration_unclean_since(const struct broker_registration *registration) {
    return registration->unclean_since;
}
