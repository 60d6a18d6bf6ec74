/*
 * Every message of the protocol, by table: for code that handles any API alike (dispatch,
 * connections, printers, round-trip tests, fuzz targets).
 *
 * The generator (generate.py) makes from schema/<Api>.api, for each message, a header
 * "client/wire/message/<snake_api>.h" in the build folder with
 *     struct produce_request { ... };                            nested structs are named by
 *     struct produce_request_topic_data_partition_data { ... };  their path of field names
 *     void produce_request_init(struct produce_request *)        sets all defaults
 *     enum error produce_request_decode(struct wire_reader *, int16_t version, struct arena *,
 *                                       struct produce_request *)
 *     void produce_request_encode(struct wire_writer *, int16_t version,
 *                                 const struct produce_request *)
 *     void produce_request_print(FILE *, int16_t version, const struct produce_request *)
 *     extern const struct wire_message produce_request_message;
 *     extern const struct wire_api produce_api;
 * and enum api_key { API_PRODUCE = 0, ... } in "client/wire/message/api_keys.h".
 *
 * Fields: str, bytes → struct bytes (null: data == NULL); records → struct wire_records; uuid →
 * struct uuid; an array `xs` → a pointer `xs` and `int32_t xs_count`, -1 for null; an inline
 * struct is embedded, a nullable one has `bool xs_present`. Nested structs have an _init too.
 */
#ifndef CLIENT_WIRE_MESSAGE_H
#define CLIENT_WIRE_MESSAGE_H

#include <stdio.h>

#include "client/base/arena.h"
#include "client/base/check.h"
#include "client/wire/reader.h"
#include "client/wire/writer.h"

struct wire_message {
    const char *name;
    size_t size; /* of the struct */
    void (*init)(void *message);
    enum error (*decode)(struct wire_reader *reader, int16_t version, struct arena *arena,
                         void *message);
    void (*encode)(struct wire_writer *writer, int16_t version, const void *message);
    void (*print)(FILE *out, int16_t version, const void *message);
};

struct wire_api {
    int16_t key;
    const char *name; /* "Produce" */
    int16_t version_min;
    int16_t version_max;
    int16_t flexible_from; /* -1: never */
    const struct wire_message *request;
    const struct wire_message *response;
};

/* All known APIs, ascending by key. */
extern const struct wire_api *const wire_apis[];
extern const size_t wire_api_count;

/* NULL if the key is unknown. */
const struct wire_api *wire_api_find(int16_t key);

static inline bool wire_api_is_flexible(const struct wire_api *api, int16_t version) {
    return api->flexible_from >= 0 && version >= api->flexible_from;
}

#endif
