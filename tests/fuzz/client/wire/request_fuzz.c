/* A frame's content as a broker gets it: the header of a request and its body. */
#include "client/wire/header.h"
#include "tests/fuzz/client/wire/again.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct request_header header;
    struct wire_reader reader;
    const struct wire_api *api;

    wire_reader_init(&reader, bytes_of(data, size));
    if (request_header_decode(&reader, &header) != ERR_NONE)
        return 0;
    api = wire_api_find(header.api_key);
    if (api != NULL)
        fuzz_message(api->request, header.api_version, &reader);
    return 0;
}
