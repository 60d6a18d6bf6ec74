#include "broker/config/config_describe.h"

#include <inttypes.h>
#include <stdio.h>

#include "broker/config/config.h"
#include "broker/config/setting.h"

/* Keys that mean the same in other units, in the order in which they count. */
static const char *const chains[][4] = {
    {"log.roll.ms", "log.roll.hours"},
    {"log.roll.jitter.ms", "log.roll.jitter.hours"},
    {"log.flush.interval.ms", "log.flush.scheduler.interval.ms"},
    {"log.retention.ms", "log.retention.minutes", "log.retention.hours"},
};

/* The names to look at for `key`, ended by NULL. log.flush.scheduler.interval.ms is a setting of
 * its own, too, and so begins no chain, as in Kafka. */
static void names_of(const char *key, const char *names[4]) {
    names[0] = key;
    names[1] = NULL;
    for (size_t i = 0; i < ARRAY_COUNT(chains); i++) {
        for (int j = 0; j < 3 && chains[i][j] != NULL; j++) {
            if (strcmp(chains[i][j], key) == 0 &&
                strcmp(key, "log.flush.scheduler.interval.ms") != 0)
                memcpy(names, chains[i], sizeof(chains[i]));
        }
    }
}

static const struct setting *broker_row(const char *key) {
    const struct setting *setting =
        setting_find(config_settings, config_setting_count, bytes_of_text(key));

    CHECK(setting != NULL);
    return setting;
}

static void add_synonym(struct config_entry *entry, const char *name, struct bytes value,
                        enum config_source source) {
    CHECK(entry->synonym_count < CONFIG_SYNONYMS_MAX);
    entry->synonyms[entry->synonym_count++] = (struct config_synonym){
        .name = name, .value = entry->is_sensitive ? BYTES_NULL : value, .source = source};
}

/* The row's values. As in Kafka, what is set of one of broker.id and node.id is set of the other.
 */
static const struct config_value *values_of(const struct config *config,
                                            const struct setting *row) {
    const struct config_value *own = &config->values[row - config_settings];
    const char *other = strcmp(row->key, "node.id") == 0     ? "broker.id"
                        : strcmp(row->key, "broker.id") == 0 ? "node.id"
                                                             : NULL;
    const struct config_value *values =
        other == NULL ? own : &config->values[broker_row(other) - config_settings];

    return !own->is_set && values->is_set ? values : own;
}

/* What the row has from that source, or NULL. */
static const char *value_from(const struct config *config, const char *key,
                              enum config_source source) {
    const struct setting *row = broker_row(key);
    const struct config_value *value = values_of(config, row);

    switch (source) {
    case CONFIG_SOURCE_DYNAMIC_BROKER:
        return value->of_broker;
    case CONFIG_SOURCE_DYNAMIC_DEFAULT_BROKER:
        return value->of_all;
    case CONFIG_SOURCE_STATIC_BROKER:
        return value->is_set ? value->text : NULL;
    case CONFIG_SOURCE_DEFAULT:
        return row->value;
    case CONFIG_SOURCE_TOPIC:
    case CONFIG_SOURCE_DYNAMIC_BROKER_LOGGER:
        break;
    }
    CHECK(!"no source of a broker's settings");
}

/* What was changed at run time, then what is set in the file, then what is the default, where
 * there is a value. As in Kafka, the list begins with `key` itself: with only log.retention.hours
 * set, log.retention.ms has no synonyms. */
static void add_broker_synonyms(const struct config *config, const char *key,
                                struct config_entry *entry) {
    static const enum config_source sources[] = {
        CONFIG_SOURCE_DYNAMIC_BROKER, CONFIG_SOURCE_DYNAMIC_DEFAULT_BROKER,
        CONFIG_SOURCE_STATIC_BROKER, CONFIG_SOURCE_DEFAULT};
    const char *names[4];
    bool begun = false;

    names_of(key, names);
    for (size_t i = 0; i < ARRAY_COUNT(sources); i++) {
        for (int j = 0; j < 4 && names[j] != NULL; j++) {
            const char *value = value_from(config, names[j], sources[i]);
            begun = begun || (value != NULL && strcmp(names[j], key) == 0);
            if (value != NULL && begun)
                add_synonym(entry, names[j], bytes_of_text(value), sources[i]);
        }
    }
}

/* The value in force. */
static const char *value_of(const struct config_value *value) {
    return value->of_broker != NULL ? value->of_broker
           : value->of_all != NULL  ? value->of_all
                                    : value->text;
}

static void begin(const struct setting *setting, struct config_entry *entry) {
    entry->name = setting->key;
    entry->value = BYTES_NULL;
    entry->type = setting->type;
    entry->is_sensitive = setting->type == CONFIG_TYPE_PASSWORD;
    entry->is_read_only = setting->scope == SETTING_READ_ONLY;
    entry->documentation = setting->documentation;
    entry->synonym_count = 0;
}

static void finish(struct config_entry *entry) {
    entry->source = entry->synonym_count > 0 ? entry->synonyms[0].source : CONFIG_SOURCE_DEFAULT;
    if (entry->is_sensitive)
        entry->value = BYTES_NULL;
}

size_t config_describe_broker_count(void) {
    return config_setting_count;
}

void config_describe_broker(const struct config *config, size_t index, struct config_entry *entry) {
    CHECK(index < config_setting_count);
    begin(&config_settings[index], entry);
    entry->is_read_only = !setting_is_live(&config_settings[index]);
    entry->value = setting_canonical(
        &config_settings[index],
        bytes_of_text(value_of(values_of(config, &config_settings[index]))), entry->room);
    add_broker_synonyms(config, entry->name, entry);
    finish(entry);
}

bool config_describe_default(const struct config *config, size_t index,
                             struct config_entry *entry) {
    const char *value = config->values[index].of_all;

    CHECK(index < config_setting_count);
    if (value == NULL)
        return false;
    begin(&config_settings[index], entry);
    entry->value = bytes_of_text(value);
    add_synonym(entry, entry->name, entry->value, CONFIG_SOURCE_DYNAMIC_DEFAULT_BROKER);
    finish(entry);
    return true;
}

size_t config_describe_rate_count(void) {
    return CONFIG_RATE_COUNT;
}

bool config_describe_rate(const struct config *config, size_t index, bool is_default,
                          struct config_entry *entry) {
    const struct config_value *value = &config->rates[index];

    CHECK(index < CONFIG_RATE_COUNT);
    begin(&config_rates[index], entry);
    entry->is_read_only = true;
    if (!is_default && value->of_broker != NULL)
        add_synonym(entry, entry->name, bytes_of_text(value->of_broker),
                    CONFIG_SOURCE_DYNAMIC_BROKER);
    if (value->of_all != NULL)
        add_synonym(entry, entry->name, bytes_of_text(value->of_all),
                    CONFIG_SOURCE_DYNAMIC_DEFAULT_BROKER);
    if (entry->synonym_count == 0)
        return false;
    entry->value = entry->synonyms[0].value;
    finish(entry);
    return true;
}

/* The value that the broker gives a topic, after units and precedence are worked out. */
static struct bytes broker_value(const struct config *config, const struct setting *setting,
                                 char room[CONFIG_ROOM_SIZE]) {
    const void *field = (const char *)config + setting->broker_field_offset;

    if (setting->broker_key == NULL)
        return bytes_of_text(setting->value);
    if (setting->status == SETTING_SUPPORTED && setting->type == CONFIG_TYPE_LONG) {
        snprintf(room, CONFIG_ROOM_SIZE, "%" PRId64, *(const int64_t *)field);
        return bytes_of_text(room);
    }
    return setting_canonical(
        setting,
        bytes_of_text(value_of(&config->values[broker_row(setting->broker_key) - config_settings])),
        room);
}

size_t config_describe_topic_count(void) {
    return topic_config_setting_count;
}

void config_describe_topic(const struct config *config, const struct config_pair *overrides,
                           size_t count, size_t index, struct config_entry *entry) {
    const struct setting *setting = &topic_config_settings[index];
    const struct config_pair *override = NULL;

    CHECK(index < topic_config_setting_count);
    begin(setting, entry);
    for (size_t i = 0; i < count; i++) {
        if (bytes_equal_text(overrides[i].key, setting->key))
            override = &overrides[i];
    }
    if (override != NULL) {
        entry->value = setting_canonical(setting, override->value, entry->room);
        add_synonym(entry, setting->key, entry->value, CONFIG_SOURCE_TOPIC);
    } else {
        entry->value = broker_value(config, setting, entry->room);
    }
    if (setting->broker_key != NULL)
        add_broker_synonyms(config, setting->broker_key, entry);
    finish(entry);
}
