#include "ops/cli/exit_status.h"

#include <barnabas/base.h>

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
