#include "client/cluster/config.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "client/base/error.h"

/* The public numbers are ours. */
#define SAME(public_name, name) \
    static_assert((int)BARNABAS_##public_name == (int)ERR_##name, "one number space")
SAME(OK, NONE);
SAME(UNKNOWN_SERVER_ERROR, UNKNOWN_SERVER_ERROR);
SAME(OFFSET_OUT_OF_RANGE, OFFSET_OUT_OF_RANGE);
SAME(UNKNOWN_TOPIC_OR_PARTITION, UNKNOWN_TOPIC_OR_PARTITION);
SAME(REQUEST_TIMED_OUT, REQUEST_TIMED_OUT);
SAME(MESSAGE_TOO_LARGE, MESSAGE_TOO_LARGE);
SAME(INVALID_TOPIC, INVALID_TOPIC_EXCEPTION);
SAME(TOPIC_AUTHORIZATION_FAILED, TOPIC_AUTHORIZATION_FAILED);
SAME(GROUP_AUTHORIZATION_FAILED, GROUP_AUTHORIZATION_FAILED);
SAME(CLUSTER_AUTHORIZATION_FAILED, CLUSTER_AUTHORIZATION_FAILED);
SAME(UNSUPPORTED_VERSION, UNSUPPORTED_VERSION);
SAME(TOPIC_ALREADY_EXISTS, TOPIC_ALREADY_EXISTS);
SAME(INVALID_REQUEST, INVALID_REQUEST);
SAME(OUT_OF_ORDER_SEQUENCE_NUMBER, OUT_OF_ORDER_SEQUENCE_NUMBER);
SAME(ELECTION_NOT_NEEDED, ELECTION_NOT_NEEDED);
SAME(MALFORMED, MALFORMED);
SAME(OUT_OF_MEMORY, OUT_OF_MEMORY);
SAME(CONNECTION_FAILED, CONNECTION_FAILED);
SAME(CONNECTION_LOST, CONNECTION_LOST);
SAME(NAME_UNRESOLVED, NAME_UNRESOLVED);
SAME(CANCELLED, CANCELLED);
SAME(CONFIG_INVALID, CONFIG_INVALID);
SAME(CALL_OUT_OF_TURN, CALL_OUT_OF_TURN);
SAME(PRODUCER_FENCED, PRODUCER_FENCED);
SAME(INVALID_PRODUCER_EPOCH, INVALID_PRODUCER_EPOCH);
SAME(INVALID_TXN_STATE, INVALID_TXN_STATE);
SAME(INVALID_PRODUCER_ID_MAPPING, INVALID_PRODUCER_ID_MAPPING);
SAME(UNKNOWN_PRODUCER_ID, UNKNOWN_PRODUCER_ID);
SAME(TRANSACTIONAL_ID_AUTHORIZATION_FAILED, TRANSACTIONAL_ID_AUTHORIZATION_FAILED);
SAME(TRANSACTION_ABORTABLE, TRANSACTION_ABORTABLE);

const char *barnabas_error_name(int error) {
    return error_name((enum error)error);
}

const char *barnabas_error_text(int error) {
    return error_text((enum error)error);
}

bool barnabas_error_is_retriable(int error) {
    return error_is_retriable((enum error)error);
}

const char *barnabas_version(void) {
    return BARNABAS_VERSION;
}

void reason_set(struct barnabas_reason *reason, const char *text) {
    if (reason != NULL)
        snprintf(reason->text, sizeof(reason->text), "%s", text);
}

struct barnabas_config *barnabas_config_new(void) {
    struct barnabas_config *config = calloc(1, sizeof(*config));

    if (config != NULL)
        settings_init(&config->settings);
    return config;
}

struct barnabas_config *barnabas_config_copy(const struct barnabas_config *config) {
    struct barnabas_config *copy = malloc(sizeof(*copy));

    if (copy != NULL)
        *copy = *config;
    return copy;
}

void barnabas_config_free(struct barnabas_config *config) {
    free(config);
}

int barnabas_config_set(struct barnabas_config *config, const char *key, const char *value,
                        struct barnabas_reason *reason) {
    struct barnabas_reason found = {""};
    enum error error;

    error = settings_set(&config->settings, key, value, found.text, sizeof(found.text));
    reason_set(reason, found.text);
    return error;
}

const char *barnabas_config_get(struct barnabas_config *config, const char *key) {
    return settings_get(&config->settings, key, config->text) ? config->text : NULL;
}

bool barnabas_config_describe(size_t index, struct barnabas_config_key *key) {
    static const char *const kinds[] = {
        [SETTING_KIND_TEXT] = "text",
        [SETTING_KIND_NUMBER] = "number",
        [SETTING_KIND_BOOLEAN] = "boolean",
        [SETTING_KIND_CHOICE] = "choice",
    };
    const struct setting *setting;

    if (index >= setting_count())
        return false;
    setting = setting_at(index);
    *key = (struct barnabas_config_key){
        .key = setting->key,
        .kind = kinds[setting->kind],
        .default_value = setting->initial,
        .min = setting->min,
        .max = setting->max,
        .choices = setting->choices,
        .meaning = setting->meaning,
    };
    return true;
}

void barnabas_config_set_logger(struct barnabas_config *config, barnabas_logger *logger,
                                void *context) {
    config->log.write = logger;
    config->log.context = context;
}
