#include "client/net/spoken_versions.h"

#include "client/wire/message.h"
#include "client/wire/message/api_versions.h"

#define ARENA_BYTES ((size_t)1 << 20)

static void set_all(struct spoken_versions *spoken, struct version_range range) {
    for (size_t i = 0; i < SPOKEN_API_COUNT; i++)
        spoken->ranges[i] = range;
}

void spoken_versions_none(struct spoken_versions *spoken) {
    set_all(spoken, (struct version_range){0, -1});
}

void spoken_versions_any(struct spoken_versions *spoken) {
    set_all(spoken, (struct version_range){0, INT16_MAX});
}

int16_t spoken_version(const struct spoken_versions *spoken, int16_t api_key, int16_t version_max) {
    const struct wire_api *api = wire_api_find(api_key);
    struct version_range broker;

    if (api == NULL || api_key < 0 || api_key >= SPOKEN_API_COUNT)
        return -1;
    broker = spoken->ranges[api_key];
    if (version_max > api->version_max)
        version_max = api->version_max;
    if (version_max > broker.max)
        version_max = broker.max;
    return version_max >= api->version_min && version_max >= broker.min ? version_max : -1;
}

/* An old broker answers a version that it does not know with version 0, whose one entry may say
 * what it does know. The version to ask next, or -1. */
static int16_t version_to_fall_back_to(const struct api_versions_response *response,
                                       int16_t asked) {
    int16_t version = 0;

    for (int32_t i = 0; i < response->api_keys_count; i++) {
        if (response->api_keys[i].api_key == api_versions_api.key)
            version = response->api_keys[i].max_version;
    }
    return version < asked ? version : -1;
}

static void take(struct spoken_versions *spoken, const struct api_versions_response *response) {
    for (int32_t i = 0; i < response->api_keys_count; i++) {
        int16_t key = response->api_keys[i].api_key;

        if (key >= 0 && key < SPOKEN_API_COUNT)
            spoken->ranges[key] = (struct version_range){response->api_keys[i].min_version,
                                                         response->api_keys[i].max_version};
    }
}

enum error spoken_versions_read(struct spoken_versions *spoken, int16_t asked,
                                struct wire_reader *body, int16_t *next) {
    struct api_versions_response response;
    struct arena arena;
    enum error error;

    *next = -1;
    arena_init(&arena, ARENA_BYTES);
    if (wire_reader_remaining(body) >= 2 &&
        (int16_t)(body->next[0] << 8 | body->next[1]) == ERR_UNSUPPORTED_VERSION) {
        error = api_versions_response_decode(body, 0, &arena, &response);
        *next = version_to_fall_back_to(&response, asked);
        if (error != ERR_NONE)
            *next = asked > 0 ? 0 : -1;
        error = *next >= 0 ? ERR_NONE : ERR_UNSUPPORTED_VERSION;
    } else {
        error = api_versions_response_decode(body, asked, &arena, &response);
        if (error == ERR_NONE)
            error = (enum error)response.error_code;
        if (error == ERR_NONE)
            take(spoken, &response);
    }
    arena_done(&arena);
    return error;
}
