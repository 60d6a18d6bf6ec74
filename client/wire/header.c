#include "client/wire/header.h"

#include "client/wire/message.h"
#include "client/wire/message/api_keys.h"

/* The two exceptions to "the header follows from the flexible version". */
static bool request_has_client_id(int16_t api_key, int16_t api_version) {
    return api_key != API_CONTROLLED_SHUTDOWN || api_version != 0;
}

static bool response_is_always_plain(int16_t api_key) {
    return api_key == API_API_VERSIONS;
}

static bool is_flexible(int16_t api_key, int16_t api_version) {
    const struct wire_api *api = wire_api_find(api_key);

    return api != NULL && wire_api_is_flexible(api, api_version);
}

enum error request_header_decode(struct wire_reader *reader, struct request_header *header) {
    struct request_header decoded = {.client_id = bytes_of("", 0)};

    decoded.api_key = wire_read_i16(reader);
    decoded.api_version = wire_read_i16(reader);
    decoded.correlation_id = wire_read_i32(reader);
    if (request_has_client_id(decoded.api_key, decoded.api_version)) {
        const struct bytes client_id = wire_read_string(reader, false, true);

        if (!bytes_is_null(client_id))
            decoded.client_id = client_id;
    }
    if (is_flexible(decoded.api_key, decoded.api_version))
        wire_skip_tagged_fields(reader);
    if (reader->error == ERR_NONE)
        *header = decoded;
    return reader->error;
}

void request_header_encode(struct wire_writer *writer, const struct request_header *header) {
    wire_write_i16(writer, header->api_key);
    wire_write_i16(writer, header->api_version);
    wire_write_i32(writer, header->correlation_id);
    if (request_has_client_id(header->api_key, header->api_version))
        wire_write_string(writer, header->client_id, false, true);
    if (is_flexible(header->api_key, header->api_version))
        wire_write_uvarint(writer, 0);
}

void response_header_encode(struct wire_writer *writer, int16_t api_key, int16_t api_version,
                            int32_t correlation_id) {
    wire_write_i32(writer, correlation_id);
    if (!response_is_always_plain(api_key) && is_flexible(api_key, api_version))
        wire_write_uvarint(writer, 0);
}

enum error response_header_decode(struct wire_reader *reader, int16_t api_key, int16_t api_version,
                                  int32_t *correlation_id) {
    const int32_t decoded = wire_read_i32(reader);

    if (!response_is_always_plain(api_key) && is_flexible(api_key, api_version))
        wire_skip_tagged_fields(reader);
    if (reader->error == ERR_NONE)
        *correlation_id = decoded;
    return reader->error;
}
