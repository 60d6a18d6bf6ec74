/*
 * Java's .properties text: server.properties, meta.properties, client configuration files.
 *
 * Read as java.util.Properties.load(InputStream) does: key and value are separated by '=', ':'
 * or blanks; a backslash at the end of a line continues it; \t \n \r \f \uXXXX and \<other> are
 * escapes; '#' and '!' begin a comment line; of a repeated key the last value wins. The bytes
 * are ISO-8859-1; keys and values are kept as UTF-8 with a terminating zero.
 *
 * Stricter than Java where a crash or a slip of the hand is likely: a zero byte, \u0000, a \u
 * without four hex digits and half a surrogate pair are errors.
 *
 * Bounds: PROPERTIES_TEXT_SIZE_MAX and PROPERTIES_COUNT_MAX. Threads: one at a time.
 */
#ifndef CLIENT_BASE_PROPERTIES_H
#define CLIENT_BASE_PROPERTIES_H

#include <stddef.h>
#include <stdint.h>

#include "client/base/arena.h"
#include "client/base/bytes.h"
#include "client/base/check.h"
#include "client/base/error.h"

#define PROPERTIES_TEXT_SIZE_MAX (1024 * 1024)
#define PROPERTIES_COUNT_MAX     4096

struct property {
    const char *key;   /* valid until properties_done */
    const char *value; /* never NULL; valid until the key is set again or properties_done */
    int line;          /* where the pair that won begins, counted from 1; 0 if set by code */
    int line_before;   /* where the value that it replaced began; 0 if it replaced none */
};

struct properties {
    struct property *entries; /* each key once, in the order of first appearance */
    size_t count;
    size_t capacity;
    struct arena strings;
};

/* Where and why a text was refused. */
struct properties_failure {
    int line;         /* counted from 1 */
    const char *text; /* a static phrase */
};

void properties_init(struct properties *properties);
void properties_done(struct properties *properties);

/* Adds what `text` holds; keys that exist already get the new value.
 * Errors: MALFORMED (*failure says where; what came before it was added), OUT_OF_MEMORY. */
MUST_CHECK enum error properties_parse(struct properties *properties, struct bytes text,
                                       struct properties_failure *failure);

/* Sets one pair; the strings are copied. Errors: OUT_OF_MEMORY. */
MUST_CHECK enum error properties_set(struct properties *properties, const char *key,
                                     const char *value);

/* The pair of that key, or NULL. */
const struct property *properties_find(const struct properties *properties, const char *key);

/* The value of that key, or NULL. */
const char *properties_value(const struct properties *properties, const char *key);

/* The text that Java's Properties.store writes, as Kafka writes meta.properties: an empty
 * comment line, a comment line with the date (in UTC), one "key=value" line per pair, all in
 * ASCII. The caller frees *text. Errors: OUT_OF_MEMORY. */
MUST_CHECK enum error properties_format(const struct properties *properties, int64_t wall_ms,
                                        char **text, size_t *size);

#endif
