/*
 * DescribeAcls, CreateAcls, DeleteAcls: there is no authorizer, and so no ACL. A request that says
 * "unknown" of a kind is malformed, as in Kafka.
 * Source: Apache Kafka 3.9, AclApis, CreateAclsRequest, DeleteAclsRequest, DescribeAclsRequest.
 */
#include "broker/api/handlers.h"
#include "client/wire/message/create_acls.h"
#include "client/wire/message/delete_acls.h"
#include "client/wire/message/describe_acls.h"

#define NO_AUTHORIZER "No Authorizer is configured."

/* Of resources, patterns, operations and permissions. */
#define KIND_UNKNOWN 0

/* Whether none of them is unknown; else the connection is closed: the call has ended. */
static bool are_known(struct api_call *call, int8_t resource, int8_t pattern, int8_t operation,
                      int8_t permission) {
    bool known = resource != KIND_UNKNOWN && pattern != KIND_UNKNOWN && operation != KIND_UNKNOWN &&
                 permission != KIND_UNKNOWN;

    if (!known)
        api_close(call);
    return known;
}

/* ---- DescribeAcls ---- */

static void handle_describe_acls(struct api_call *call) {
    struct describe_acls_request request;
    struct describe_acls_response response;

    if (!api_decode(call, &request) ||
        !are_known(call, request.resource_type_filter, request.pattern_type_filter,
                   request.operation, request.permission_type))
        return;
    describe_acls_response_init(&response);
    response.error_code = error_to_wire(ERR_SECURITY_DISABLED);
    response.error_message = bytes_of_text("No Authorizer is configured on the broker");
    api_respond(call, &response);
}

const struct api_handler api_describe_acls = {&describe_acls_api, 3, handle_describe_acls};

/* ---- CreateAcls ---- */

static void handle_create_acls(struct api_call *call) {
    struct create_acls_request request;
    struct create_acls_response response;

    if (!api_decode(call, &request))
        return;
    create_acls_response_init(&response);
    response.results = api_alloc(call, (size_t)request.creations_count, sizeof(*response.results));
    if (response.results == NULL) {
        api_close(call);
        return;
    }
    for (int32_t i = 0; i < request.creations_count; i++) {
        const struct create_acls_request_creations *creation = &request.creations[i];
        if (!are_known(call, creation->resource_type, creation->resource_pattern_type,
                       creation->operation, creation->permission_type))
            return;
        response.results[response.results_count++] = (struct create_acls_response_results){
            error_to_wire(ERR_SECURITY_DISABLED), bytes_of_text(NO_AUTHORIZER)};
    }
    api_respond(call, &response);
}

const struct api_handler api_create_acls = {&create_acls_api, 3, handle_create_acls};

/* ---- DeleteAcls ---- */

static void handle_delete_acls(struct api_call *call) {
    struct delete_acls_request request;
    struct delete_acls_response response;

    if (!api_decode(call, &request))
        return;
    delete_acls_response_init(&response);
    response.filter_results =
        api_alloc(call, (size_t)request.filters_count, sizeof(*response.filter_results));
    if (response.filter_results == NULL) {
        api_close(call);
        return;
    }
    for (int32_t i = 0; i < request.filters_count; i++) {
        const struct delete_acls_request_filters *filter = &request.filters[i];
        struct delete_acls_response_filter_results *result =
            &response.filter_results[response.filter_results_count++];
        if (!are_known(call, filter->resource_type_filter, filter->pattern_type_filter,
                       filter->operation, filter->permission_type))
            return;
        delete_acls_response_filter_results_init(result);
        result->error_code = error_to_wire(ERR_SECURITY_DISABLED);
        result->error_message = bytes_of_text(NO_AUTHORIZER);
    }
    api_respond(call, &response);
}

const struct api_handler api_delete_acls = {&delete_acls_api, 3, handle_delete_acls};
