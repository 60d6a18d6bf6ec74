#include "client/wire/message/api_versions.h"
#include "broker/api/handlers.h"

static bool is_alphanumeric(uint8_t c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

/* [a-zA-Z0-9](?:[a-zA-Z0-9\-.]*[a-zA-Z0-9])? */
static bool is_software_name(struct bytes name) {
    if (name.size == 0 || !is_alphanumeric(name.data[0]) ||
        !is_alphanumeric(name.data[name.size - 1]))
        return false;
    for (size_t i = 0; i < name.size; i++) {
        uint8_t c = name.data[i];
        if (!is_alphanumeric(c) && c != '-' && c != '.')
            return false;
    }
    return true;
}

static struct api_versions_response_api_keys entry_of(const struct api_handler *handler) {
    return (struct api_versions_response_api_keys){handler->api->key, handler->api->version_min,
                                                   handler->version_max};
}

/* What the client sent cannot be read. It gets what every client can read, and asks again. */
static void respond_unsupported(struct api_call *call) {
    struct api_versions_response_api_keys entry = entry_of(call->handler);
    struct api_versions_response response;

    api_versions_response_init(&response);
    response.error_code = error_to_wire(ERR_UNSUPPORTED_VERSION);
    response.api_keys = &entry;
    response.api_keys_count = 1;
    call->header.api_version = 0;
    api_respond(call, &response);
}

/* Ascending by key, whatever the order of the table. */
static void list_handlers(struct api_versions_response_api_keys *entries) {
    for (size_t i = 0; i < api_handler_count; i++) {
        struct api_versions_response_api_keys entry = entry_of(api_handlers[i]);
        size_t place = i;
        for (; place > 0 && entries[place - 1].api_key > entry.api_key; place--)
            entries[place] = entries[place - 1];
        entries[place] = entry;
    }
}

static void handle_api_versions(struct api_call *call) {
    struct api_versions_request request;
    struct api_versions_response response;

    if (call->header.api_version < 0 || call->header.api_version > call->handler->version_max) {
        respond_unsupported(call);
        return;
    }
    if (!api_decode(call, &request))
        return;
    api_versions_response_init(&response);
    if (call->header.api_version >= 3 && (!is_software_name(request.client_software_name) ||
                                          !is_software_name(request.client_software_version))) {
        response.error_code = error_to_wire(ERR_INVALID_REQUEST);
        api_respond(call, &response);
        return;
    }
    if (call->header.api_version >= 3)
        api_note_client(call, request.client_software_name, request.client_software_version);
    response.api_keys = api_alloc(call, api_handler_count, sizeof(*response.api_keys));
    if (response.api_keys == NULL) {
        api_close(call);
        return;
    }
    response.api_keys_count = (int32_t)api_handler_count;
    list_handlers(response.api_keys);
    api_respond(call, &response);
}

const struct api_handler api_api_versions = {&api_versions_api, 4, handle_api_versions};
