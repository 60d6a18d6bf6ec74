#include "zk-schema/znode_json.h"

#include <stdio.h>
#include <stdlib.h>

void znode_reader_init(struct znode_reader *reader, const char *path, struct arena *arena,
                       struct znode_error *error) {
    *reader = (struct znode_reader){path, arena, error, false};
    if (error != NULL)
        error->text[0] = '\0';
}

void znode_fail(struct znode_reader *reader, const char *key, const char *problem) {
    if (reader->failed)
        return;
    reader->failed = true;
    if (reader->error == NULL)
        return;
    if (key != NULL)
        snprintf(reader->error->text, sizeof(reader->error->text), "%s: \"%s\" %s", reader->path,
                 key, problem);
    else
        snprintf(reader->error->text, sizeof(reader->error->text), "%s: %s", reader->path, problem);
}

enum error znode_result(const struct znode_reader *reader) {
    return reader->failed ? ERR_ZK_DATA_INVALID : ERR_NONE;
}

/* Deep nesting would recurse: no znode of the schema goes past this. */
#define DEPTH_MAX 16

static bool is_too_deep(struct bytes data) {
    int depth = 0;
    bool in_text = false;

    for (size_t i = 0; i < data.size; i++) {
        uint8_t c = data.data[i];
        if (in_text) {
            if (c == '\\')
                i++;
            else if (c == '"')
                in_text = false;
        } else if (c == '"') {
            in_text = true;
        } else if (c == '{' || c == '[') {
            if (++depth > DEPTH_MAX)
                return true;
        } else if (c == '}' || c == ']') {
            depth--;
        }
    }
    return false;
}

json_t *znode_parse(struct znode_reader *reader, struct bytes data) {
    json_error_t problem;
    json_t *object;

    if (bytes_is_null(data) || data.size == 0) {
        znode_fail(reader, NULL, "is empty, where JSON is expected");
        return NULL;
    }
    if (data.size > ZNODE_BYTES_MAX || is_too_deep(data)) {
        znode_fail(reader, NULL, "is too large or too deeply nested");
        return NULL;
    }
    object = json_loadb((const char *)data.data, data.size, JSON_REJECT_DUPLICATES, &problem);
    if (object == NULL) {
        char text[128];
        snprintf(text, sizeof(text), "is no JSON (byte %d: %.90s)", problem.position, problem.text);
        znode_fail(reader, NULL, text);
        return NULL;
    }
    if (!json_is_object(object)) {
        znode_fail(reader, NULL, "is JSON, but no object");
        json_decref(object);
        return NULL;
    }
    return object;
}

static const json_t *member(const json_t *object, const char *key) {
    const json_t *value = json_object_get(object, key);

    return json_is_null(value) ? NULL : value;
}

static int64_t integer(struct znode_reader *reader, const json_t *value, const char *key,
                       int64_t min, int64_t max) {
    json_int_t number;

    if (value == NULL || !json_is_integer(value)) {
        znode_fail(reader, key, value == NULL ? "is missing" : "is not an integer");
        return 0;
    }
    number = json_integer_value(value);
    if (number < min || number > max) {
        znode_fail(reader, key, "is out of range");
        return 0;
    }
    return number;
}

int32_t znode_int32(struct znode_reader *reader, const json_t *object, const char *key) {
    return (int32_t)integer(reader, member(object, key), key, INT32_MIN, INT32_MAX);
}

int32_t znode_int32_or(struct znode_reader *reader, const json_t *object, const char *key,
                       int32_t otherwise) {
    const json_t *value = member(object, key);

    return value == NULL ? otherwise : (int32_t)integer(reader, value, key, INT32_MIN, INT32_MAX);
}

int64_t znode_int64(struct znode_reader *reader, const json_t *object, const char *key) {
    return integer(reader, member(object, key), key, INT64_MIN, INT64_MAX);
}

const char *znode_text_or(struct znode_reader *reader, const json_t *object, const char *key,
                          const char *otherwise) {
    const json_t *value = member(object, key);
    struct bytes copy;

    if (value == NULL)
        return otherwise;
    if (!json_is_string(value) || strlen(json_string_value(value)) != json_string_length(value)) {
        znode_fail(reader, key, "is not a string");
        return "";
    }
    copy = arena_copy(reader->arena, bytes_of(json_string_value(value), json_string_length(value)));
    if (bytes_is_null(copy)) {
        znode_fail(reader, key, "does not fit into memory");
        return "";
    }
    return (const char *)copy.data;
}

const char *znode_text(struct znode_reader *reader, const json_t *object, const char *key) {
    const char *text = znode_text_or(reader, object, key, NULL);

    if (text == NULL)
        znode_fail(reader, key, "is missing");
    return text == NULL ? "" : text;
}

json_t *znode_object_or_null(struct znode_reader *reader, const json_t *object, const char *key) {
    json_t *value = json_object_get(object, key);

    if (value == NULL || json_is_null(value))
        return NULL;
    if (!json_is_object(value)) {
        znode_fail(reader, key, "is not an object");
        return NULL;
    }
    return value;
}

json_t *znode_object(struct znode_reader *reader, const json_t *object, const char *key) {
    json_t *value = znode_object_or_null(reader, object, key);

    if (value == NULL)
        znode_fail(reader, key, "is missing");
    return value;
}

json_t *znode_array(struct znode_reader *reader, const json_t *object, const char *key) {
    json_t *value = json_object_get(object, key);

    if (!json_is_array(value)) {
        znode_fail(reader, key, value == NULL ? "is missing" : "is not an array");
        return NULL;
    }
    return value;
}

void *znode_alloc(struct znode_reader *reader, size_t count, size_t size) {
    void *memory = arena_alloc(reader->arena, count, size);

    if (memory == NULL)
        znode_fail(reader, NULL, "does not fit into memory");
    return memory;
}

const int32_t *znode_ids(struct znode_reader *reader, const json_t *array, const char *key,
                         int32_t *count) {
    size_t size = json_array_size(array);
    int32_t *ids;

    *count = 0;
    if (!json_is_array(array)) {
        znode_fail(reader, key, "is not an array of integers");
        return NULL;
    }
    ids = znode_alloc(reader, size, sizeof(*ids));
    if (ids == NULL)
        return NULL;
    for (size_t i = 0; i < size; i++)
        ids[i] = (int32_t)integer(reader, json_array_get(array, i), key, INT32_MIN, INT32_MAX);
    *count = (int32_t)size;
    return ids;
}

void znode_uuid(struct znode_reader *reader, const json_t *value, const char *key,
                struct uuid *uuid) {
    if (uuid_from_text(bytes_of_text(json_string_value(value)), uuid) != ERR_NONE)
        znode_fail(reader, key, "is no UUID of 22 characters");
}

json_t *znode_uuid_json(const struct uuid *uuid) {
    char text[UUID_TEXT_SIZE + 1];

    uuid_to_text(uuid, text);
    return json_string(text);
}

/* The bytes of the character at `text` if it is well-formed UTF-8, else 0. */
static size_t character_size(const char *text) {
    for (size_t size = 1; size <= 4 && text[size - 1] != '\0'; size++) {
        json_t *character = json_stringn(text, size);
        if (character != NULL) {
            json_decref(character);
            return size;
        }
    }
    return 0;
}

static json_t *repaired_text_json(const char *text) {
    char *repaired = malloc(3 * strlen(text) + 1);
    char *end = repaired;
    json_t *value;

    if (repaired == NULL)
        return NULL;
    while (*text != '\0') {
        size_t size = character_size(text);
        memcpy(end, size == 0 ? "\xef\xbf\xbd" : text, size == 0 ? 3 : size);
        end += size == 0 ? 3 : size;
        text += size == 0 ? 1 : size;
    }
    *end = '\0';
    value = json_string(repaired);
    free(repaired);
    return value;
}

json_t *znode_text_json(const char *text) {
    json_t *value = json_string(text);

    return value != NULL ? value : repaired_text_json(text);
}

json_t *znode_ids_json(const int32_t *ids, int32_t count) {
    json_t *array = json_array();

    for (int32_t i = 0; i < count; i++)
        json_array_append_new(array, json_integer(ids[i]));
    return array;
}

struct bytes znode_finish(json_t *object, struct arena *arena) {
    char *text = json_dumps(object, JSON_COMPACT);
    struct bytes data = BYTES_NULL;

    json_decref(object);
    if (text != NULL)
        data = arena_copy(arena, bytes_of_text(text));
    free(text);
    return data;
}
