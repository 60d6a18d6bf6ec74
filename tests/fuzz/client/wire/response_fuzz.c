/* A frame's content as a client gets it: the header of a response and its body. In front of it
 * are the key and the version of the request, which a client knows. */
#include "client/wire/header.h"
#include "tests/fuzz/client/wire/again.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct wire_reader reader;
    const struct wire_api *api;
    int16_t api_key;
    int16_t api_version;
    int32_t correlation_id;

    wire_reader_init(&reader, bytes_of(data, size));
    api_key = wire_read_i16(&reader);
    api_version = wire_read_i16(&reader);
    if (response_header_decode(&reader, api_key, api_version, &correlation_id) != ERR_NONE)
        return 0;
    api = wire_api_find(api_key);
    if (api != NULL)
        fuzz_message(api->response, api_version, &reader);
    return 0;
}
