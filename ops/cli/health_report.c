#include "ops/cli/health_report.h"

#include <time.h>

#include "ops/cli/table.h"

void health_report_init(struct health_report *report, bool json) {
    *report = (struct health_report){.items = json_array()};
    if (!json)
        report->table = table_new("SEVERITY WHAT WHERE SINCE DETAILS ADVICE");
}

void health_report_done(struct health_report *report) {
    table_free(report->table);
    json_decref(report->items);
}

static void add_time(struct table *table, int64_t ms) {
    time_t seconds = (time_t)(ms / 1000);
    char text[32] = "-";
    struct tm utc;

    if (ms > 0)
        strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&seconds, &utc));
    table_text(table, text);
}

void health_report_add(struct health_report *report, const struct health_finding *finding) {
    const char *severity = finding->is_notice ? "notice" : "unhealthy";

    report->count++;
    report->is_unhealthy |= !finding->is_notice;
    json_array_append_new(
        report->items,
        json_pack("{s:s, s:s, s:s, s:o, s:s, s:s}", "severity", severity, "what", finding->what,
                  "where", finding->where, "sinceMs",
                  finding->since_ms > 0 ? json_integer(finding->since_ms) : json_null(), "details",
                  finding->details, "advice", finding->advice));
    if (report->table == NULL)
        return;
    table_text(report->table, severity);
    table_text(report->table, finding->what);
    table_text(report->table, finding->where);
    add_time(report->table, finding->since_ms);
    table_text(report->table, finding->details);
    table_text(report->table, finding->advice);
}
