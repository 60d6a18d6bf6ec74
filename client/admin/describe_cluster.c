/* The cluster: by DescribeCluster, or where a broker does not speak that, by Metadata. */
#include <stdlib.h>

#include "client/admin/admin_call.h"
#include "client/wire/message/describe_cluster.h"
#include "client/wire/message/metadata.h"

static int broker_compare(const void *left, const void *right) {
    const struct barnabas_broker *a = left;
    const struct barnabas_broker *b = right;

    return (a->id > b->id) - (a->id < b->id);
}

static struct barnabas_broker *brokers_begin(struct admin_call *call, struct bytes cluster_id,
                                             int32_t controller_id, int32_t count) {
    struct barnabas_cluster *cluster = &call->result->cluster;
    struct barnabas_broker *brokers =
        arena_alloc(&call->result->arena, (size_t)count + 1, sizeof(*brokers));

    cluster->id = admin_text(call, cluster_id);
    cluster->controller_id = controller_id;
    cluster->broker_count = (size_t)count;
    cluster->brokers = brokers;
    return cluster->id == NULL ? NULL : brokers;
}

static enum error broker_fill(struct admin_call *call, struct barnabas_broker *broker, int32_t id,
                              struct bytes host, int32_t port, struct bytes rack) {
    broker->id = id;
    broker->host = admin_text(call, host);
    broker->port = port;
    broker->rack = admin_text(call, rack);
    return broker->host == NULL || broker->rack == NULL ? ERR_OUT_OF_MEMORY : ERR_NONE;
}

static enum error cluster_read(struct admin_call *call, const void *message) {
    const struct describe_cluster_response *response = message;
    struct barnabas_broker *brokers;
    enum error error = response->error_code;

    if (error != ERR_NONE)
        return error;
    brokers =
        brokers_begin(call, response->cluster_id, response->controller_id, response->brokers_count);
    if (brokers == NULL)
        return ERR_OUT_OF_MEMORY;
    for (int32_t i = 0; i < response->brokers_count && error == ERR_NONE; i++)
        error = broker_fill(call, &brokers[i], response->brokers[i].broker_id,
                            response->brokers[i].host, response->brokers[i].port,
                            response->brokers[i].rack);
    qsort(brokers, (size_t)response->brokers_count, sizeof(*brokers), broker_compare);
    return error;
}

static enum error metadata_read(struct admin_call *call, const void *message) {
    const struct metadata_response *response = message;
    struct barnabas_broker *brokers;
    enum error error = ERR_NONE;

    brokers =
        brokers_begin(call, response->cluster_id, response->controller_id, response->brokers_count);
    if (brokers == NULL)
        return ERR_OUT_OF_MEMORY;
    for (int32_t i = 0; i < response->brokers_count && error == ERR_NONE; i++)
        error =
            broker_fill(call, &brokers[i], response->brokers[i].node_id, response->brokers[i].host,
                        response->brokers[i].port, response->brokers[i].rack);
    qsort(brokers, (size_t)response->brokers_count, sizeof(*brokers), broker_compare);
    return error;
}

static enum error ask_metadata(struct barnabas_admin *admin, int64_t timeout_ms,
                               struct admin_result **result) {
    struct metadata_request request;
    struct metadata_request_topics none;
    struct admin_call call = {
        .target = CALL_ANY_BROKER,
        .api = &metadata_api,
        .request = &request,
        .timeout_ms = timeout_ms,
        .read = metadata_read,
    };

    metadata_request_init(&request);
    request.topics = &none; /* none, and not null, which would be all */
    request.topics_count = 0;
    return admin_call_run(admin, &call, result);
}

int barnabas_admin_describe_cluster(struct barnabas_admin *admin, int64_t timeout_ms,
                                    struct barnabas_cluster **cluster) {
    struct describe_cluster_request request;
    struct admin_result *result = NULL;
    struct admin_call call = {
        .target = CALL_ANY_BROKER,
        .api = &describe_cluster_api,
        .request = &request,
        .timeout_ms = timeout_ms,
        .read = cluster_read,
    };
    enum error error;

    describe_cluster_request_init(&request);
    error = admin_call_run(admin, &call, &result);
    if (error == ERR_UNSUPPORTED_VERSION)
        error = ask_metadata(admin, timeout_ms, &result);
    if (error == ERR_NONE)
        *cluster = &result->cluster;
    return error;
}
