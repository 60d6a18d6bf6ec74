/*
 * Writes metrics in Prometheus' text format.
 *
 *   exposition_family(out, "kafka_server_brokertopicmetrics_bytesin_total", METRIC_COUNTER, "...");
 *   exposition_integer(out, "", LABELS({"topic", name}), bytes);
 *
 * All samples of a family stand together behind its head, and a family is begun once: what the
 * format demands. A family without samples is legal.
 *
 * Threads: one at a time. Memory that runs out ends the process: nobody could be told.
 * Source: Prometheus, "Exposition formats", text format 0.0.4.
 */
#ifndef BROKER_METRICS_EXPOSITION_H
#define BROKER_METRICS_EXPOSITION_H

#include <stddef.h>
#include <stdint.h>

#define EXPOSITION_CONTENT_TYPE "text/plain; version=0.0.4; charset=utf-8"

enum metric_type { METRIC_COUNTER, METRIC_GAUGE, METRIC_SUMMARY, METRIC_HISTOGRAM };

/* A value may be anything: what the format cannot carry is escaped or replaced. One that is NULL
 * leaves its label out. */
struct exposition_label {
    const char *name;
    const char *value;
};

/* At the end of the list stands a label without a name. */
#define LABELS(...) ((const struct exposition_label[]){__VA_ARGS__, {NULL, NULL}})
#define NO_LABELS   ((const struct exposition_label[]){{NULL, NULL}})

struct exposition {
    char *data; /* not terminated */
    size_t size;
    size_t capacity;
    const char *family; /* the one that samples belong to; NULL before the first */
};

void exposition_init(struct exposition *out);
void exposition_done(struct exposition *out);

/* Begins a family. `name` and `help` are literals. */
void exposition_family(struct exposition *out, const char *name, enum metric_type type,
                       const char *help);

/* A sample of the family begun last. `suffix` is "", or "_count" or "_sum" of a summary or
 * histogram, or "_bucket" of a histogram. */
void exposition_number(struct exposition *out, const char *suffix,
                       const struct exposition_label *labels, double value);
void exposition_integer(struct exposition *out, const char *suffix,
                        const struct exposition_label *labels, int64_t value);

/* A family of one sample without labels. */
void exposition_single(struct exposition *out, const char *name, enum metric_type type,
                       const char *help, int64_t value);

#endif
