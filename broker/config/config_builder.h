/*
 * A config under construction, and the steps that work out and check what depends on several
 * keys. Inside broker/config only.
 */
#ifndef BROKER_CONFIG_CONFIG_BUILDER_H
#define BROKER_CONFIG_CONFIG_BUILDER_H

#include <stdbool.h>

#include "broker/config/config.h"
#include "broker/config/setting.h"

struct config_builder {
    struct config *config;
    struct config_report *report;
    const char *name; /* of the file, for messages */
    bool ask_names;   /* whether this machine's full name may be asked for */
};

/* Room for "<file>:<line>". */
#define CONFIG_PLACE_SIZE 256

/* "server.properties:12", "--override", or just "server.properties" for a default. */
void config_builder_place(const struct config_builder *builder, const char *key,
                          char place[CONFIG_PLACE_SIZE]);

/* Reports "<place of the key>: <formatted>". */
void config_builder_error(const struct config_builder *builder, const char *key, const char *format,
                          ...) PRINTF_LIKE(3, 4);

bool config_builder_is_set(const struct config_builder *builder, const char *key);

/* A copy that lives as long as the config; never NULL: the bound of the strings is above what
 * the bounds of a file allow. */
const char *config_builder_copy(struct config_builder *builder, struct bytes text);

/* Puts a checked value into the row's field; `text` is what it was read from, NULL for none. */
void config_store(struct config *config, const struct setting *setting, const char *text,
                  const union setting_value *value);

/* listeners, advertised.listeners and what goes with them; barnabas.admin.listener.
 * (config_listeners.c) */
void config_resolve_listeners(struct config_builder *builder);
void config_resolve_admin_listener(struct config_builder *builder);

/* Time synonyms, directories, and the checks over several keys. (config_resolve.c) */
void config_resolve(struct config_builder *builder);

/* The same for what can change at run time, in a copy of a resolved config. */
void config_resolve_changed(struct config_builder *builder);

#endif
