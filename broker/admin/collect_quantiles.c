#include "broker/admin/collect.h"

#include "client/base/check.h"

static const struct {
    double share;
    const char *text;
} quantiles[] = {{0.50, "0.50"}, {0.75, "0.75"}, {0.95, "0.95"},
                 {0.98, "0.98"}, {0.99, "0.99"}, {0.999, "0.999"}};

void collect_quantiles(struct exposition *out, const char *request,
                       const struct histogram_snapshot *recent,
                       const struct histogram_snapshot *all) {
    for (size_t i = 0; i < ARRAY_COUNT(quantiles); i++)
        exposition_number(out, "", LABELS({"request", request}, {"quantile", quantiles[i].text}),
                          histogram_quantile_ms(recent, quantiles[i].share));
    exposition_number(out, "_sum", LABELS({"request", request}), (double)all->sum_us / 1000);
    exposition_integer(out, "_count", LABELS({"request", request}), (int64_t)all->count);
}

void collect_rare(struct exposition *out, const char *name, const char *help,
                  const struct histogram *histogram) {
    struct histogram_snapshot all = {0};

    histogram_snapshot_add(&all, histogram);
    exposition_family(out, name, METRIC_SUMMARY, help);
    collect_quantiles(out, NULL, &all, &all);
}
