#include "broker/config/config_change.h"

#include <stdio.h>
#include <stdlib.h>

#include "broker/config/setting.h"

static int compare_keys(const void *a, const void *b) {
    const struct bytes *x = a;
    const struct bytes *y = b;
    size_t common = x->size < y->size ? x->size : y->size;
    int order = common == 0 ? 0 : memcmp(x->data, y->data, common);

    return order != 0 ? order : (x->size > y->size) - (x->size < y->size);
}

static bool has_key_twice(const struct config_change *changes, size_t count, struct bytes *keys) {
    for (size_t i = 0; i < count; i++)
        keys[i] = changes[i].key;
    qsort(keys, count, sizeof(*keys), compare_keys);
    for (size_t i = 1; i < count; i++) {
        if (compare_keys(&keys[i - 1], &keys[i]) == 0)
            return true;
    }
    return false;
}

enum error config_changes_check(const struct config_change *changes, size_t count,
                                struct arena *arena, char message[CONFIG_MESSAGE_SIZE]) {
    struct bytes *keys = arena_alloc(arena, count, sizeof(*keys));

    if (keys == NULL)
        return ERR_OUT_OF_MEMORY;
    if (has_key_twice(changes, count, keys)) {
        snprintf(message, CONFIG_MESSAGE_SIZE, "Error due to duplicate config keys");
        return ERR_INVALID_REQUEST;
    }
    for (size_t i = 0; i < count; i++) {
        if (changes[i].operation < CONFIG_SET || changes[i].operation > CONFIG_SUBTRACT) {
            snprintf(message, CONFIG_MESSAGE_SIZE, "Unknown operation %d for config key: %.*s",
                     (int)changes[i].operation, BYTES_FORMAT(changes[i].key));
            return ERR_INVALID_REQUEST;
        }
        if (bytes_is_null(changes[i].value) && changes[i].operation != CONFIG_DELETE) {
            snprintf(message, CONFIG_MESSAGE_SIZE, "Null value not supported for : %.*s",
                     BYTES_FORMAT(changes[i].key));
            return ERR_INVALID_REQUEST;
        }
    }
    return ERR_NONE;
}

/* ---- Lists ---- */

static bool contains(struct bytes list, struct bytes wanted) {
    struct bytes item;

    while (setting_next_item(&list, &item)) {
        if (bytes_equal(item, wanted))
            return true;
    }
    return false;
}

static void put_item(char *text, size_t *size, struct bytes item) {
    if (item.size == 0)
        return;
    if (*size > 0)
        text[(*size)++] = ',';
    memcpy(text + *size, item.data, item.size);
    *size += item.size;
}

/* The items of `list` (all of them, or those not in `others`), then those of `others` that are
 * not in `list`. Every item takes no more room than in its list, with its comma. */
static bool combine(struct arena *arena, struct bytes list, struct bytes others, bool append,
                    struct bytes *combined) {
    char *text = arena_alloc(arena, list.size + others.size + 2, 1);
    struct bytes rest = list, item;
    size_t size = 0;

    if (text == NULL)
        return false;
    while (setting_next_item(&rest, &item)) {
        if (append || !contains(others, item))
            put_item(text, &size, item);
    }
    for (rest = others; append && setting_next_item(&rest, &item);) {
        if (!contains(list, item))
            put_item(text, &size, item);
    }
    *combined = bytes_of(text, size);
    return true;
}

/* The row, and the default as text. */
static const struct setting *find_row(struct bytes key, bool is_topic, struct bytes *fallback) {
    const struct setting *row =
        is_topic ? setting_find(topic_config_settings, topic_config_setting_count, key)
                 : setting_find(config_settings, config_setting_count, key);
    const struct setting *broker_row = row;

    if (row != NULL && is_topic && row->status == SETTING_SUPPORTED)
        broker_row =
            setting_find(config_settings, config_setting_count, bytes_of_text(row->broker_key));
    *fallback = broker_row == NULL ? BYTES_NULL : bytes_of_text(broker_row->value);
    return row;
}

static enum error change_list(const struct config_change *change, struct bytes before,
                              bool is_topic, struct arena *arena, struct bytes *after,
                              char message[CONFIG_MESSAGE_SIZE]) {
    bool append = change->operation == CONFIG_APPEND;
    struct bytes fallback;
    const struct setting *row = find_row(change->key, is_topic, &fallback);

    if (row == NULL || row->type != CONFIG_TYPE_LIST) {
        snprintf(message, CONFIG_MESSAGE_SIZE,
                 "Config value %s is not allowed for config key: %.*s",
                 append ? "append" : "subtract", BYTES_FORMAT(change->key));
        return ERR_INVALID_CONFIG;
    }
    return combine(arena, bytes_is_null(before) ? fallback : before, change->value, append, after)
               ? ERR_NONE
               : ERR_OUT_OF_MEMORY;
}

/* ---- All changes ---- */

static struct config_pair *find_pair(struct config_pair *pairs, size_t count, struct bytes key) {
    for (size_t i = 0; i < count; i++) {
        if (bytes_equal(pairs[i].key, key))
            return &pairs[i];
    }
    return NULL;
}

enum error config_changes_apply(const struct config_pair *before, size_t before_count,
                                const struct config_change *changes, size_t count, bool is_topic,
                                struct arena *arena, struct config_pair **after,
                                size_t *after_count, char message[CONFIG_MESSAGE_SIZE]) {
    struct config_pair *pairs = arena_alloc(arena, before_count + count, sizeof(*pairs));
    size_t total = before_count;
    size_t kept = 0;

    if (pairs == NULL)
        return ERR_OUT_OF_MEMORY;
    if (before_count > 0)
        memcpy(pairs, before, before_count * sizeof(*pairs));
    for (size_t i = 0; i < count; i++) {
        /* No key comes twice, so that only the former settings have to be searched. */
        struct config_pair *pair = find_pair(pairs, before_count, changes[i].key);
        struct bytes value = changes[i].operation == CONFIG_DELETE ? BYTES_NULL : changes[i].value;
        if (changes[i].operation == CONFIG_APPEND || changes[i].operation == CONFIG_SUBTRACT) {
            enum error error = change_list(&changes[i], pair == NULL ? BYTES_NULL : pair->value,
                                           is_topic, arena, &value, message);
            if (error != ERR_NONE)
                return error;
        }
        if (pair == NULL)
            pair = &pairs[total++];
        *pair = (struct config_pair){changes[i].key, value};
    }
    for (size_t i = 0; i < total; i++) {
        if (!bytes_is_null(pairs[i].value))
            pairs[kept++] = pairs[i];
    }
    *after = pairs;
    *after_count = kept;
    return ERR_NONE;
}

bool config_pairs_equal(const struct config_pair *a, size_t a_count, const struct config_pair *b,
                        size_t b_count) {
    if (a_count != b_count)
        return false;
    for (size_t i = 0; i < a_count; i++) {
        bool found = false;
        for (size_t j = 0; j < b_count && !found; j++)
            found = bytes_equal(a[i].key, b[j].key) && bytes_equal(a[i].value, b[j].value);
        if (!found)
            return false;
    }
    return true;
}
