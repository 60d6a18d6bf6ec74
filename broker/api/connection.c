/* What handlers keep of a connection: made when there is something to keep. */
#include "broker/api/api.h"

#include <stdlib.h>

#include "broker/metrics/client_census.h"

struct api_connection {
    void *waiting_fetch;
    bool is_counted;
    size_t sort; /* of client software, if counted */
};

/* NULL: there is no memory. */
static struct api_connection *connection_of(struct request *request) {
    struct api_connection *connection = request_connection_user(request);

    if (connection == NULL) {
        connection = calloc(1, sizeof(*connection));
        request_set_connection_user(request, connection);
    }
    return connection;
}

void *api_waiting_fetch(const struct request *request) {
    const struct api_connection *connection = request_connection_user(request);

    return connection == NULL ? NULL : connection->waiting_fetch;
}

void api_set_waiting_fetch(struct request *request, void *fetch) {
    struct api_connection *connection = connection_of(request);

    if (connection != NULL)
        connection->waiting_fetch = fetch;
}

void api_note_client(struct api_call *call, struct bytes name, struct bytes version) {
    struct client_census *clients = call->context->clients;
    struct api_connection *connection = clients == NULL ? NULL : connection_of(call->request);

    if (connection == NULL)
        return;
    if (connection->is_counted)
        client_census_leave(clients, connection->sort);
    connection->sort = client_census_join(clients, name, version);
    connection->is_counted = true;
}

void api_on_connection_closed(void *context, void *user) {
    const struct api_context *api = context;
    struct api_connection *connection = user;

    if (connection->is_counted)
        client_census_leave(api->clients, connection->sort);
    free(connection);
}
