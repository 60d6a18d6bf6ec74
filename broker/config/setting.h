/*
 * One row of the tables, and how a value is checked against it. Inside broker/config only.
 *
 * Values are read as Kafka's ConfigDef.parseType does: blanks around them do not count, booleans
 * in any case, numbers in decimal, lists separated by commas.
 */
#ifndef BROKER_CONFIG_SETTING_H
#define BROKER_CONFIG_SETTING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "broker/config/config_describe.h"
#include "client/base/bytes.h"

/* TEXT: it has an effect, but no field of its own. */
enum setting_status { SETTING_SUPPORTED, SETTING_TEXT, SETTING_IGNORED, SETTING_REFUSED };
enum setting_scope { SETTING_READ_ONLY, SETTING_CLUSTER, SETTING_BROKER };
enum setting_importance { SETTING_HIGH, SETTING_MEDIUM, SETTING_LOW };
enum setting_format {
    SETTING_FORMAT_ANY,
    SETTING_FORMAT_RANGE,              /* min to max */
    SETTING_FORMAT_RANGE_OR_MINUS_ONE, /* likewise, or -1 */
    SETTING_FORMAT_ONE_OF,             /* of `values` */
    SETTING_FORMAT_SUBSET_OF,          /* of `values` */
    SETTING_FORMAT_THROTTLED_REPLICAS  /* "*" or "partition:broker,..." */
};

struct setting_limits {
    enum setting_format format;
    int64_t min;
    int64_t max;
    const char *values; /* of ONE_OF and SUBSET_OF, separated by commas */
};

struct setting {
    const char *key;
    const char *value; /* the default; NULL for none, or if the broker's setting gives it */
    const char *doc;
    const char *documentation; /* doc and, where there is one, the reason; for DescribeConfigs */
    const char *reason;        /* of IGNORED and REFUSED */
    const char *broker_key;    /* of a topic's setting, or NULL */
    const struct setting_limits *limits;
    size_t field_offset;        /* of SUPPORTED, in struct config or struct topic_config */
    size_t broker_field_offset; /* of a topic's SUPPORTED, in struct config */
    enum config_type type;
    enum setting_status status;
    enum setting_scope scope;
    enum setting_importance importance;
};

/* The column `limits`. Only at file scope: there, such literals live as long as the program. */
#define SETTING_LIMITS(...) (&(const struct setting_limits){__VA_ARGS__})
#define ANY                 SETTING_LIMITS(.format = SETTING_FORMAT_ANY, .min = INT64_MIN, .max = INT64_MAX)
#define AT_LEAST(n)         SETTING_LIMITS(.format = SETTING_FORMAT_RANGE, .min = (n), .max = INT64_MAX)
#define BETWEEN(n, m)       SETTING_LIMITS(.format = SETTING_FORMAT_RANGE, .min = (n), .max = (m))
#define ONE_OF(names)       SETTING_LIMITS(.format = SETTING_FORMAT_ONE_OF, .values = (names))
#define SUBSET_OF(names)    SETTING_LIMITS(.format = SETTING_FORMAT_SUBSET_OF, .values = (names))
#define GZIP_LEVEL          SETTING_LIMITS(.format = SETTING_FORMAT_RANGE_OR_MINUS_ONE, .min = 1, .max = 9)
#define THROTTLED_REPLICAS  SETTING_LIMITS(.format = SETTING_FORMAT_THROTTLED_REPLICAS)

/* A checked value. */
union setting_value {
    bool boolean;   /* BOOLEAN */
    int64_t number; /* INT, SHORT, LONG; of ONE_OF the index; of SUBSET_OF a bit per index */
    double real;    /* DOUBLE */
};

/* All rows of CONFIG_LIST, and of TOPIC_CONFIG_LIST. */
extern const struct setting config_settings[];
extern const size_t config_setting_count;
extern const struct setting topic_config_settings[];
extern const size_t topic_config_setting_count;
/* Rates that Kafka only knows at run time; CONFIG_RATE_COUNT rows, in config_overlay.c. They have
 * no default: without one there is no bound. */
extern const struct setting config_rates[];

/* The row of that key among `count` rows, or NULL. */
const struct setting *setting_find(const struct setting *settings, size_t count, struct bytes key);

/* Whether a broker's setting takes effect here when it is changed at run time. */
bool setting_is_live(const struct setting *row);

/* The key that is spelt most like it, or NULL if none is near. */
const char *setting_nearest(const struct setting *settings, size_t count, struct bytes key);

/* Whether `text` (trimmed) is allowed; *value is what it means, where it is not just text. */
bool setting_parse(const struct setting *setting, struct bytes text, union setting_value *value);

/* Whether two values mean the same. Both are allowed ones. */
bool setting_same(const struct setting *setting, struct bytes a, struct bytes b);

/* The value as Kafka shows it after it has read it: "5" for " +5", "true" for "TRUE", "a,b" for
 * "a , b". A view of `room`, or of `text` if that is as it should be, is not an allowed value, or
 * is too long. */
struct bytes setting_canonical(const struct setting *setting, struct bytes text,
                               char room[CONFIG_ROOM_SIZE]);

/* "a whole number from 1 to 2147483647". */
void setting_allowed(const struct setting *setting, char *text, size_t size);

/* Without the blanks around it. */
struct bytes setting_trim(struct bytes text);

/* Takes the next item of a comma-separated list, trimmed; false at its end. An empty list has no
 * items. */
bool setting_next_item(struct bytes *rest, struct bytes *item);

#endif
