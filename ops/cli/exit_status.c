#include "ops/cli/exit_status.h"

#include <barnabas/base.h>

const struct exit_status_row exit_status_rows[] = {
    {EXIT_OK, "ok"},
    {EXIT_FAILED, "failed"},
    {EXIT_USAGE, "the command line or a setting makes no sense"},
    {EXIT_PARTLY_FAILED, "partly failed: some of it was done"},
    {EXIT_REFUSED, "refused by a safety rule"},
    {EXIT_TIMED_OUT, "timed out; the outcome may be unknown"},
    {EXIT_NOT_AUTHORISED, "not authorised"},
    {EXIT_UNHEALTHY, "what was examined is unhealthy"},
    {EXIT_CANCELLED, "cancelled: asked, and answered with no"},
};
const size_t exit_status_row_count = sizeof(exit_status_rows) / sizeof(exit_status_rows[0]);

enum exit_status exit_status_of(int error) {
    switch (error) {
    case BARNABAS_OK:
        return EXIT_OK;
    case BARNABAS_REQUEST_TIMED_OUT:
        return EXIT_TIMED_OUT;
    case BARNABAS_TOPIC_AUTHORIZATION_FAILED:
    case BARNABAS_GROUP_AUTHORIZATION_FAILED:
    case BARNABAS_CLUSTER_AUTHORIZATION_FAILED:
        return EXIT_NOT_AUTHORISED;
    case BARNABAS_CONFIG_INVALID:
        return EXIT_USAGE;
    default:
        return EXIT_FAILED;
    }
}
