#include "broker/api/quota_entity.h"

#include <stdio.h>

#define DEFAULT_NAME "<default>"

static const char *const part_names[] = {"user", "client-id", "ip"};
/* Below /config; of clients also below a user. */
static const char *const folders[] = {"users", "clients", "ips"};

const char *quota_part_name(enum quota_part part) {
    return part_names[part];
}

int quota_part_of(struct bytes name) {
    for (int part = 0; part < QUOTA_PART_COUNT; part++) {
        if (bytes_equal_text(name, part_names[part]))
            return part;
    }
    return -1;
}

enum error quota_entity_check(const struct quota_entity *entity, char message[QUOTA_MESSAGE_SIZE]) {
    bool has_user_or_client =
        entity->parts[QUOTA_USER].is_set || entity->parts[QUOTA_CLIENT].is_set;
    const char *problem = NULL;

    for (int part = 0; part < QUOTA_PART_COUNT; part++) {
        if (entity->parts[part].is_set && !bytes_is_null(entity->parts[part].name) &&
            entity->parts[part].name.size == 0) {
            snprintf(message, QUOTA_MESSAGE_SIZE, "Empty %s not supported", part_names[part]);
            return ERR_INVALID_REQUEST;
        }
    }
    if (!entity->parts[QUOTA_IP].is_set && !has_user_or_client)
        problem = "Invalid empty client quota entity";
    else if (entity->parts[QUOTA_IP].is_set && has_user_or_client)
        problem = "Invalid quota entity combination, IP entity should not be used with user/client "
                  "ID entity.";
    if (problem == NULL)
        return ERR_NONE;
    snprintf(message, QUOTA_MESSAGE_SIZE, "%s", problem);
    return ERR_INVALID_REQUEST;
}

/* ---- Paths ---- */

static bool is_plain(uint8_t c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '-' || c == '_';
}

/* The encoded name, or that of the default, behind `at`; returns the end, at most three bytes for
 * each. */
static char *put_name(char *at, struct bytes name) {
    static const char digits[] = "0123456789ABCDEF";

    if (bytes_is_null(name)) {
        memcpy(at, DEFAULT_NAME, sizeof(DEFAULT_NAME) - 1);
        return at + sizeof(DEFAULT_NAME) - 1;
    }
    for (size_t i = 0; i < name.size; i++) {
        uint8_t c = name.data[i];
        if (is_plain(c)) {
            *at++ = (char)c;
            continue;
        }
        *at++ = '%';
        *at++ = digits[c >> 4];
        *at++ = digits[c & 15];
    }
    return at;
}

static size_t size_for(struct bytes name) {
    return sizeof("/clients/") + sizeof(DEFAULT_NAME) + name.size * 3;
}

static char *put_part(char *at, const struct quota_entity *entity, enum quota_part part) {
    size_t size = strlen(folders[part]);

    memcpy(at, folders[part], size);
    at[size] = '/';
    return put_name(at + size + 1, entity->parts[part].name);
}

const char *quota_entity_path(const struct quota_entity *entity, struct arena *arena) {
    size_t size = 1;
    char *path, *at;

    for (int part = 0; part < QUOTA_PART_COUNT; part++)
        size += size_for(entity->parts[part].name);
    at = path = arena_alloc(arena, size, 1);
    for (int part = 0; path != NULL && part < QUOTA_PART_COUNT; part++) {
        if (!entity->parts[part].is_set)
            continue;
        if (at != path)
            *at++ = '/';
        at = put_part(at, entity, (enum quota_part)part);
    }
    return path;
}

const char *quota_user_path(struct bytes user, struct arena *arena) {
    struct quota_entity entity = {.parts[QUOTA_USER] = {true, user}};

    return quota_entity_path(&entity, arena);
}

static int hex_digit(char c) {
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* False past the arena's bound. */
static bool decode_name(const char *text, size_t size, struct arena *arena, struct bytes *name) {
    uint8_t *decoded;
    size_t count = 0;

    if (size == sizeof(DEFAULT_NAME) - 1 && memcmp(text, DEFAULT_NAME, size) == 0) {
        *name = BYTES_NULL;
        return true;
    }
    decoded = arena_alloc(arena, size + 1, 1);
    for (size_t i = 0; decoded != NULL && i < size; i++) {
        int high = text[i] == '%' && i + 2 < size ? hex_digit(text[i + 1]) : -1;
        int low = high < 0 ? -1 : hex_digit(text[i + 2]);
        if (low >= 0) {
            decoded[count++] = (uint8_t)(high << 4 | low);
            i += 2;
        } else {
            decoded[count++] = text[i] == '+' ? ' ' : (uint8_t)text[i];
        }
    }
    *name = bytes_of(decoded, count);
    return decoded != NULL;
}

bool quota_entity_of_path(const char *path, struct arena *arena, struct quota_entity *entity) {
    *entity = (struct quota_entity){0};
    while (*path != '\0') {
        int part = 0;
        const char *name;
        size_t size;
        for (; part < QUOTA_PART_COUNT; part++) {
            size = strlen(folders[part]);
            if (strncmp(path, folders[part], size) == 0 && path[size] == '/')
                break;
        }
        if (part == QUOTA_PART_COUNT || entity->parts[part].is_set)
            return false;
        name = path + size + 1;
        size = strcspn(name, "/");
        entity->parts[part].is_set = true;
        if (!decode_name(name, size, arena, &entity->parts[part].name))
            return false;
        path = name[size] == '/' ? name + size + 1 : name + size;
    }
    return true;
}

/* ---- Filters ---- */

bool quota_filter_matches(const struct quota_filter *filter, const struct quota_entity *entity) {
    for (int part = 0; part < QUOTA_PART_COUNT; part++) {
        bool is_set = entity->parts[part].is_set;
        struct bytes name = entity->parts[part].name;
        if (!filter->parts[part].is_set) {
            if (is_set && filter->is_strict)
                return false;
            continue;
        }
        if (!is_set)
            return false;
        switch (filter->parts[part].match) {
        case QUOTA_MATCH_NAME:
            if (bytes_is_null(name) || !bytes_equal(name, filter->parts[part].name))
                return false;
            break;
        case QUOTA_MATCH_DEFAULT:
            if (!bytes_is_null(name))
                return false;
            break;
        case QUOTA_MATCH_ANY:
            break;
        }
    }
    return true;
}
