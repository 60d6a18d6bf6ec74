#include "broker/metrics/exposition.h"

#include <inttypes.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/base/check.h"

#define CAPACITY_MIN 16384

void exposition_init(struct exposition *out) {
    *out = (struct exposition){0};
}

void exposition_done(struct exposition *out) {
    free(out->data);
    *out = (struct exposition){0};
}

static void put(struct exposition *out, const char *data, size_t size) {
    if (out->capacity - out->size < size) {
        size_t capacity = out->capacity == 0 ? CAPACITY_MIN : out->capacity;

        while (capacity - out->size < size)
            capacity *= 2;
        out->data = realloc(out->data, capacity);
        CHECK(out->data != NULL);
        out->capacity = capacity;
    }
    memcpy(out->data + out->size, data, size);
    out->size += size;
}

static void put_text(struct exposition *out, const char *text) {
    put(out, text, strlen(text));
}

static bool is_name(const char *name) {
    if (name[0] == '\0' || strchr("0123456789", name[0]) != NULL)
        return false;
    return name[strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_")] ==
           '\0';
}

static const char *type_name(enum metric_type type) {
    switch (type) {
    case METRIC_COUNTER:
        return "counter";
    case METRIC_GAUGE:
        return "gauge";
    case METRIC_SUMMARY:
        return "summary";
    case METRIC_HISTOGRAM:
        return "histogram";
    }
    return "untyped";
}

/* Costs a search of all that was written. */
static bool is_begun(const struct exposition *out, const char *name) {
    char head[256];
    int size = snprintf(head, sizeof(head), "# TYPE %s ", name);

    return out->size > 0 && memmem(out->data, out->size, head, (size_t)size) != NULL;
}

void exposition_family(struct exposition *out, const char *name, enum metric_type type,
                       const char *help) {
    CHECK(is_name(name));
    DCHECK(!is_begun(out, name));
    put_text(out, "# HELP ");
    put_text(out, name);
    put_text(out, " ");
    put_text(out, help);
    put_text(out, "\n# TYPE ");
    put_text(out, name);
    put_text(out, " ");
    put_text(out, type_name(type));
    put_text(out, "\n");
    out->family = name;
}

/* Label values are UTF-8 there; ours are names, or come from clients as they please. */
static void put_value(struct exposition *out, const char *value) {
    for (; *value != '\0'; value++) {
        unsigned char c = (unsigned char)*value;

        if (c == '\\' || c == '"') {
            put(out, (const char[]){'\\', (char)c}, 2);
        } else if (c == '\n') {
            put(out, "\\n", 2);
        } else {
            put(out, c < 0x80 ? (const char *)&c : "?", 1);
        }
    }
}

static void put_head(struct exposition *out, const char *suffix,
                     const struct exposition_label *labels) {
    const char *before = "{";

    CHECK(out->family != NULL);
    put_text(out, out->family);
    put_text(out, suffix);
    for (; labels->name != NULL; labels++) {
        DCHECK(is_name(labels->name));
        if (labels->value == NULL)
            continue;
        put_text(out, before);
        put_text(out, labels->name);
        put_text(out, "=\"");
        put_value(out, labels->value);
        put_text(out, "\"");
        before = ",";
    }
    put_text(out, before[0] == ',' ? "} " : " ");
}

void exposition_number(struct exposition *out, const char *suffix,
                       const struct exposition_label *labels, double value) {
    char text[64];

    put_head(out, suffix, labels);
    if (isnan(value))
        put_text(out, "NaN");
    else if (isinf(value))
        put_text(out, value > 0 ? "+Inf" : "-Inf");
    else
        put(out, text, (size_t)snprintf(text, sizeof(text), "%.15g", value));
    put_text(out, "\n");
}

void exposition_integer(struct exposition *out, const char *suffix,
                        const struct exposition_label *labels, int64_t value) {
    char text[32];

    put_head(out, suffix, labels);
    put(out, text, (size_t)snprintf(text, sizeof(text), "%" PRId64 "\n", value));
}

void exposition_single(struct exposition *out, const char *name, enum metric_type type,
                       const char *help, int64_t value) {
    exposition_family(out, name, type, help);
    exposition_integer(out, "", NO_LABELS, value);
}
