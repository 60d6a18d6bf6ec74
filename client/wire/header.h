/*
 * Request and response headers, and the frame in front of them.
 *
 * The header's version follows from the API and its version alone: request header 2 (tagged
 * fields, but client_id always in the int16 form) and response header 1 where the message is
 * flexible, with two exceptions: ControlledShutdown 0 uses request header 0, and ApiVersions
 * always answers with response header 0.
 */
#ifndef CLIENT_WIRE_HEADER_H
#define CLIENT_WIRE_HEADER_H

#include "client/base/check.h"
#include "client/wire/reader.h"
#include "client/wire/writer.h"

struct request_header {
    int16_t api_key;
    int16_t api_version;
    int32_t correlation_id;
    struct bytes client_id; /* null is given as empty */
};

/* Reads the header of a request of any API and version, known or not (unknown keys are read as
 * header 1). Errors: MALFORMED. */
MUST_CHECK enum error request_header_decode(struct wire_reader *reader,
                                            struct request_header *header);

void request_header_encode(struct wire_writer *writer, const struct request_header *header);

void response_header_encode(struct wire_writer *writer, int16_t api_key, int16_t api_version,
                            int32_t correlation_id);

MUST_CHECK enum error response_header_decode(struct wire_reader *reader, int16_t api_key,
                                             int16_t api_version, int32_t *correlation_id);

#endif
