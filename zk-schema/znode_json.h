/*
 * What all znode codecs share: parsing JSON from outside with bounds, reading members with an
 * error that names the znode and the key, and giving finished JSON to an arena.
 *
 * Decoders are tolerant of unknown keys and strict on what they need. Everything decoded lives in
 * the caller's arena. Threads: any.
 */
#ifndef ZK_SCHEMA_ZNODE_JSON_H
#define ZK_SCHEMA_ZNODE_JSON_H

#include <jansson.h>

#include "client/base/arena.h"
#include "client/base/bytes.h"
#include "client/base/check.h"
#include "client/base/error.h"
#include "client/base/uuid.h"

#define ZNODE_BYTES_MAX ((size_t)4 << 20) /* what Kafka's own client accepts (jute.maxbuffer) */

/* What is wrong with a znode's content, for a log line: names path and key. */
struct znode_error {
    char text[256];
};

/* A parse under way: the first thing found wrong is kept, and later reads give zero values. */
struct znode_reader {
    const char *path;
    struct arena *arena;
    struct znode_error *error; /* may be NULL */
    bool failed;
};

void znode_reader_init(struct znode_reader *reader, const char *path, struct arena *arena,
                       struct znode_error *error);

/* The top-level object, to be released by json_decref; NULL if it is none, is too large, or names
 * a key twice. */
json_t *znode_parse(struct znode_reader *reader, struct bytes data);

void znode_fail(struct znode_reader *reader, const char *key, const char *problem);

/* NONE or ZK_DATA_INVALID. */
enum error znode_result(const struct znode_reader *reader);

/* Members. "required" fails when it is missing; the others give `otherwise`. A JSON null counts
 * as missing. Wrong types and numbers out of range fail. */
int32_t znode_int32(struct znode_reader *reader, const json_t *object, const char *key);
int32_t znode_int32_or(struct znode_reader *reader, const json_t *object, const char *key,
                       int32_t otherwise);
int64_t znode_int64(struct znode_reader *reader, const json_t *object, const char *key);
const char *znode_text(struct znode_reader *reader, const json_t *object, const char *key);
const char *znode_text_or(struct znode_reader *reader, const json_t *object, const char *key,
                          const char *otherwise);
json_t *znode_object(struct znode_reader *reader, const json_t *object, const char *key);
json_t *znode_object_or_null(struct znode_reader *reader, const json_t *object, const char *key);
json_t *znode_array(struct znode_reader *reader, const json_t *object, const char *key);

/* An array of broker ids, in the arena. */
const int32_t *znode_ids(struct znode_reader *reader, const json_t *array, const char *key,
                         int32_t *count);

/* A UUID of 22 characters. */
void znode_uuid(struct znode_reader *reader, const json_t *value, const char *key,
                struct uuid *uuid);

/* Memory of the arena; failing counts as a failed parse. */
void *znode_alloc(struct znode_reader *reader, size_t count, size_t size);

/* Text from outside; what is no UTF-8 in it becomes U+FFFD, as in Kafka. */
json_t *znode_text_json(const char *text);
json_t *znode_uuid_json(const struct uuid *uuid);
json_t *znode_ids_json(const int32_t *ids, int32_t count);

/* Takes over `object` and gives its compact form, members in the order in which they were set, in
 * the arena; null if memory is out. */
struct bytes znode_finish(json_t *object, struct arena *arena);

#endif
