/*
 * SaslHandshake and SaslAuthenticate, and the requests about delegation tokens: all listeners are
 * PLAINTEXT, where nobody authenticates, and tokens may not be asked for, as in Kafka. Everybody is
 * User:ANONYMOUS.
 * Source: Apache Kafka 3.9, KafkaApis, DelegationTokenManager.
 */
#include "broker/api/handlers.h"
#include "client/wire/message/create_delegation_token.h"
#include "client/wire/message/describe_delegation_token.h"
#include "client/wire/message/expire_delegation_token.h"
#include "client/wire/message/renew_delegation_token.h"
#include "client/wire/message/sasl_authenticate.h"
#include "client/wire/message/sasl_handshake.h"

#define PRINCIPAL_TYPE "User"
#define PRINCIPAL_NAME "ANONYMOUS"
#define NO_TIME        (-1) /* of a token that was not made */

/* ---- SASL ---- */

static void handle_sasl_handshake(struct api_call *call) {
    struct sasl_handshake_request request;
    struct sasl_handshake_response response;

    if (!api_decode(call, &request))
        return;
    sasl_handshake_response_init(&response);
    response.error_code = error_to_wire(ERR_ILLEGAL_SASL_STATE);
    api_respond(call, &response);
}

const struct api_handler api_sasl_handshake = {&sasl_handshake_api, 1, handle_sasl_handshake};

static void handle_sasl_authenticate(struct api_call *call) {
    struct sasl_authenticate_request request;
    struct sasl_authenticate_response response;

    if (!api_decode(call, &request))
        return;
    sasl_authenticate_response_init(&response);
    response.error_code = error_to_wire(ERR_ILLEGAL_SASL_STATE);
    response.error_message =
        bytes_of_text("SaslAuthenticate request received after successful authentication");
    api_respond(call, &response);
}

const struct api_handler api_sasl_authenticate = {&sasl_authenticate_api, 2,
                                                  handle_sasl_authenticate};

/* ---- Delegation tokens ---- */

static void handle_create_delegation_token(struct api_call *call) {
    struct create_delegation_token_request request;
    struct create_delegation_token_response response;

    if (!api_decode(call, &request))
        return;
    create_delegation_token_response_init(&response);
    response.error_code = error_to_wire(ERR_DELEGATION_TOKEN_REQUEST_NOT_ALLOWED);
    response.principal_type = bytes_of_text(PRINCIPAL_TYPE);
    response.principal_name = bytes_of_text(PRINCIPAL_NAME);
    if (call->header.api_version >= 3) {
        response.token_requester_principal_type = bytes_of_text(PRINCIPAL_TYPE);
        response.token_requester_principal_name = bytes_of_text(PRINCIPAL_NAME);
    }
    if (request.owner_principal_name.size > 0) {
        response.principal_type = request.owner_principal_type;
        response.principal_name = request.owner_principal_name;
    }
    response.issue_timestamp_ms = NO_TIME;
    response.expiry_timestamp_ms = NO_TIME;
    response.max_timestamp_ms = NO_TIME;
    api_respond(call, &response);
}

const struct api_handler api_create_delegation_token = {&create_delegation_token_api, 3,
                                                        handle_create_delegation_token};

static void handle_renew_delegation_token(struct api_call *call) {
    struct renew_delegation_token_request request;
    struct renew_delegation_token_response response;

    if (!api_decode(call, &request))
        return;
    renew_delegation_token_response_init(&response);
    response.error_code = error_to_wire(ERR_DELEGATION_TOKEN_REQUEST_NOT_ALLOWED);
    response.expiry_timestamp_ms = NO_TIME;
    api_respond(call, &response);
}

const struct api_handler api_renew_delegation_token = {&renew_delegation_token_api, 2,
                                                       handle_renew_delegation_token};

static void handle_expire_delegation_token(struct api_call *call) {
    struct expire_delegation_token_request request;
    struct expire_delegation_token_response response;

    if (!api_decode(call, &request))
        return;
    expire_delegation_token_response_init(&response);
    response.error_code = error_to_wire(ERR_DELEGATION_TOKEN_REQUEST_NOT_ALLOWED);
    response.expiry_timestamp_ms = NO_TIME;
    api_respond(call, &response);
}

const struct api_handler api_expire_delegation_token = {&expire_delegation_token_api, 2,
                                                        handle_expire_delegation_token};

static void handle_describe_delegation_token(struct api_call *call) {
    struct describe_delegation_token_request request;
    struct describe_delegation_token_response response;

    if (!api_decode(call, &request))
        return;
    describe_delegation_token_response_init(&response);
    response.error_code = error_to_wire(ERR_DELEGATION_TOKEN_REQUEST_NOT_ALLOWED);
    api_respond(call, &response);
}

const struct api_handler api_describe_delegation_token = {&describe_delegation_token_api, 3,
                                                          handle_describe_delegation_token};
