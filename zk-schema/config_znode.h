/*
 * /config/<type>/<entity>: the overrides of a topic or broker, all values strings; and
 * /config/changes/config_change_: which entity to read again.
 */
#ifndef ZK_SCHEMA_CONFIG_ZNODE_H
#define ZK_SCHEMA_CONFIG_ZNODE_H

#include "zk-schema/znode_json.h"

struct config_entry {
    const char *key;
    const char *value;
};

struct config_znode {
    const struct config_entry *entries;
    int32_t entry_count;
};

struct bytes config_znode_encode(const struct config_znode *config, struct arena *arena);
/* Null and empty data are an empty config. */
MUST_CHECK enum error config_znode_decode(const char *path, struct bytes data, struct arena *arena,
                                          struct config_znode *config, struct znode_error *error);

/* The entries as an object of strings, which change entries hold too. Decoding a missing member
 * leaves `config` as it is. */
json_t *config_entries_json(const struct config_znode *config);
void config_entries_decode(struct znode_reader *reader, const json_t *object, const char *name,
                           struct config_znode *config);

/* `entity_path` is like "topics/orders" or "brokers/<default>". */
struct bytes config_change_znode_encode(const char *entity_path, struct arena *arena);
/* Version 1 (entity_type, entity_name) is given in the form of version 2. */
MUST_CHECK enum error config_change_znode_decode(const char *path, struct bytes data,
                                                 struct arena *arena, const char **entity_path,
                                                 struct znode_error *error);

#endif
