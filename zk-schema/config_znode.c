#include "zk-schema/config_znode.h"

#include <stdio.h>

#include "zk-schema/java_map.h"

json_t *config_entries_json(const struct config_znode *config) {
    json_t *object = json_object();

    for (int32_t i = 0; i < config->entry_count; i++)
        json_object_set_new(object, config->entries[i].key,
                            znode_text_json(config->entries[i].value));
    return java_map_ordered(object, JAVA_PROPERTIES);
}

void config_entries_decode(struct znode_reader *reader, const json_t *object, const char *name,
                           struct config_znode *config) {
    json_t *members = znode_object_or_null(reader, object, name);
    struct config_entry *entries;
    const char *key;
    const json_t *value;

    if (members == NULL)
        return;
    entries = znode_alloc(reader, json_object_size(members), sizeof(*entries));
    json_object_foreach (members, key, value) {
        struct bytes copy = arena_copy(reader->arena, bytes_of_text(key));
        if (bytes_is_null(copy))
            znode_fail(reader, name, "does not fit into memory");
        if (reader->failed)
            return;
        entries[config->entry_count].key = (const char *)copy.data;
        entries[config->entry_count++].value = znode_text(reader, members, key);
    }
    config->entries = entries;
}

struct bytes config_znode_encode(const struct config_znode *config, struct arena *arena) {
    json_t *object = json_object();

    json_object_set_new(object, "version", json_integer(1));
    json_object_set_new(object, "config", config_entries_json(config));
    return znode_finish(object, arena);
}

enum error config_znode_decode(const char *path, struct bytes data, struct arena *arena,
                               struct config_znode *config, struct znode_error *error) {
    struct znode_reader reader;
    json_t *object;

    znode_reader_init(&reader, path, arena, error);
    *config = (struct config_znode){0};
    if (data.size == 0)
        return ERR_NONE;
    object = znode_parse(&reader, data);
    if (object == NULL)
        return znode_result(&reader);
    config_entries_decode(&reader, object, "config", config);
    json_decref(object);
    return znode_result(&reader);
}

struct bytes config_change_znode_encode(const char *entity_path, struct arena *arena) {
    json_t *object = json_object();

    json_object_set_new(object, "version", json_integer(2));
    json_object_set_new(object, "entity_path", znode_text_json(entity_path));
    return znode_finish(object, arena);
}

enum error config_change_znode_decode(const char *path, struct bytes data, struct arena *arena,
                                      const char **entity_path, struct znode_error *error) {
    struct znode_reader reader;
    json_t *object;

    znode_reader_init(&reader, path, arena, error);
    object = znode_parse(&reader, data);
    if (object == NULL)
        return znode_result(&reader);
    if (znode_int32(&reader, object, "version") == 1) {
        const char *type = znode_text(&reader, object, "entity_type");
        const char *name = znode_text(&reader, object, "entity_name");
        size_t size = strlen(type) + strlen(name) + 2;
        char *joined = znode_alloc(&reader, size, 1);
        if (joined != NULL)
            snprintf(joined, size, "%s/%s", type, name);
        *entity_path = joined;
    } else {
        *entity_path = znode_text(&reader, object, "entity_path");
    }
    json_decref(object);
    return znode_result(&reader);
}
