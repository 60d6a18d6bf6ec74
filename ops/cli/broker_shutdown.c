/* broker shutdown */
#include <inttypes.h>
#include <stdlib.h>

#include "ops/cli/broker_list.h"
#include "ops/cli/command_table.h"
#include "ops/cli/session.h"

static enum exit_status print_remaining(int32_t id, const struct barnabas_outcomes *outcomes) {
    for (size_t i = 0; i < outcomes->count; i++)
        printf("%s:%" PRId32 " has no other replica in sync\n", outcomes->items[i].topic,
               outcomes->items[i].partition);
    if (outcomes->count > 0) {
        fprintf(stderr,
                "barnabas: broker shutdown: broker %" PRId32 " still leads %zu partitions that "
                "nobody can take; ask again when their replicas have caught up\n",
                id, outcomes->count);
        return EXIT_PARTLY_FAILED;
    }
    printf("broker %" PRId32 " leads no replicated partition any more; stop its process\n", id);
    return EXIT_OK;
}

static enum exit_status run_shutdown(const struct invocation *invocation) {
    struct barnabas_outcomes *outcomes = NULL;
    struct barnabas_admin *admin;
    struct broker_list broker;
    enum exit_status status;
    int64_t timeout_ms;
    int error;

    if (!broker_list_parse(invocation->operands[0], &broker) || broker.count != 1) {
        fprintf(stderr, "barnabas: \"%s\" is no broker's id\n", invocation->operands[0]);
        return EXIT_USAGE;
    }
    status = session_confirm(invocation,
                             "The broker loses its leaderships and leaves the ISRs until it is "
                             "restarted.",
                             NULL);
    if (status != EXIT_OK || (status = session_admin(invocation, &admin, &timeout_ms)) != EXIT_OK)
        return status;
    error = barnabas_admin_shut_broker_down(admin, broker.ids[0], timeout_ms, &outcomes);
    status = error == BARNABAS_OK ? print_remaining(broker.ids[0], outcomes)
                                  : session_fail("broker shutdown", error);
    barnabas_outcomes_free(outcomes);
    barnabas_admin_close(admin);
    return status;
}

const struct command command_broker_shutdown = {
    .group = "broker",
    .verb = "shutdown",
    .operands = "ID",
    .operand_count_min = 1,
    .operand_count_max = 1,
    .meaning = "move a broker's leaderships away before it is stopped",
    .details = "What a broker also does by itself on SIGTERM. It shows what nobody can take. The\n"
               "process is left to whoever runs it; only its restart undoes this.",
    .run = run_shutdown,
};
