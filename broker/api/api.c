#include "broker/api/api.h"

#include "broker/metrics/request_metrics.h"
#include "client/base/logger.h"
#include "client/wire/message/api_keys.h"

static const struct api_handler *find_handler(int16_t key) {
    for (size_t i = 0; i < api_handler_count; i++) {
        if (api_handlers[i]->api->key == key)
            return api_handlers[i];
    }
    return NULL;
}

/* Kafka closes the connection on what it cannot answer: old clients find out so what a broker
 * does not have. */
static void refuse(struct request *request, const struct request_header *header,
                   const char *reason) {
    LOG_INFO("request_refused",
             "client=%s client_id=%s api_key=%d api_version=%d correlation_id=%d reason=\"%s\"",
             request->client_address, LOG_QUOTED(header->client_id), header->api_key,
             header->api_version, header->correlation_id, reason);
    request_close_connection(request);
}

static void label(struct request *request, const struct request_header *header) {
    struct request_label *label = &request->label;
    size_t size = header->client_id.size;

    CHECK(header->api_key < API_PART_PRODUCE_ACKS_LEADER);
    label->kind = (uint8_t)header->api_key;
    label->version = header->api_version;
    label->correlation_id = header->correlation_id;
    label->client_id_size =
        (uint8_t)(size < sizeof(label->client_id) ? size : sizeof(label->client_id));
    if (size > 0)
        memcpy(label->client_id, header->client_id.data, label->client_id_size);
}

void api_on_request(void *context, struct request *request) {
    struct request_header header = {0};
    struct wire_reader reader;
    const struct api_handler *handler;
    struct api_call *call;

    wire_reader_init(&reader, request->frame);
    if (request_header_decode(&reader, &header) != ERR_NONE) {
        refuse(request, &header, "the header cannot be decoded");
        return;
    }
    handler = find_handler(header.api_key);
    if (handler == NULL) {
        refuse(request, &header, "this API is not served");
        return;
    }
    /* ApiVersions is answered in any version, so that clients can find a common one. */
    if ((header.api_version < 0 || header.api_version > handler->version_max) &&
        header.api_key != API_API_VERSIONS) {
        refuse(request, &header, "this version is not served");
        return;
    }
    call = arena_alloc(&request->arena, 1, sizeof(*call));
    if (call == NULL) {
        refuse(request, &header, "memory is exhausted");
        return;
    }
    label(request, &header);
    *call = (struct api_call){context, request, handler, header, reader};
    if (!bytes_is_null(header.client_id))
        call->header.client_id = arena_copy(&request->arena, header.client_id);
    handler->handle(call);
}

bool api_decode(struct api_call *call, void *message) {
    enum error error = call->handler->api->request->decode(&call->body, call->header.api_version,
                                                           &call->request->arena, message);

    if (error == ERR_NONE)
        return true;
    refuse(call->request, &call->header, "the body cannot be decoded");
    return false;
}

void api_reread(struct api_call *call) {
    struct request_header header;

    wire_reader_init(&call->body, call->request->frame);
    CHECK(request_header_decode(&call->body, &header) == ERR_NONE);
}

struct error_counter {
    struct wire_error_observer observer;
    const struct api_call *call;
};

static void on_error(struct wire_error_observer *observer, int16_t code) {
    const struct error_counter *counter = CONTAINER_OF(observer, struct error_counter, observer);

    request_metrics_error(counter->call->context->metrics, counter->call->request->label.kind,
                          code);
}

static struct wire_writer *begin_response(struct api_call *call) {
    struct wire_writer *writer = request_response(call->request);

    response_header_encode(writer, call->header.api_key, call->header.api_version,
                           call->header.correlation_id);
    return writer;
}

struct bytes api_encode(struct api_call *call, const void *message) {
    struct wire_writer *writer = begin_response(call);
    const size_t body_at = writer->size;
    struct error_counter counter = {{on_error}, call};

    if (call->context->metrics != NULL)
        writer->observer = &counter.observer;
    call->handler->api->response->encode(writer, call->header.api_version, message);
    writer->observer = NULL;
    if (writer->error != ERR_NONE)
        LOG_ERROR("response_not_encoded", "api=%s version=%d error=%s", call->handler->api->name,
                  call->header.api_version, error_name(writer->error));
    return writer->error == ERR_NONE ? bytes_of(writer->data + body_at, writer->size - body_at)
                                     : BYTES_NULL;
}

void api_respond_encoded(struct api_call *call, struct bytes body) {
    wire_write_raw(begin_response(call), body);
    request_send(call->request);
}

void api_respond(struct api_call *call, const void *message) {
    (void)api_encode(call, message);
    request_send(call->request);
}

void api_finish_without_response(struct api_call *call) {
    request_finish_without_response(call->request);
}

void api_close(struct api_call *call) {
    request_close_connection(call->request);
}

void *api_alloc(struct api_call *call, size_t count, size_t size) {
    return arena_alloc(&call->request->arena, count, size);
}
