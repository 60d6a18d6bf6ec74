#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "client/wire/header.h"
#include "client/wire/message/api_keys.h"
#include "tests/unit/client/wire/hex.h"

static const struct {
    const char *label, *hex;
    int16_t api_key, api_version;
    const char *client_id;
    bool same_bytes; /* encoding gives `hex` again */
} requests[] = {
    {"not flexible", "0000 0003 00000007 0003 'abc'", API_PRODUCE, 3, "abc", true},
    {"flexible, but an old string", "0000 0009 00000007 0003 'abc' 00", API_PRODUCE, 9, "abc",
     true},
    {"unknown tag", "0001 000c 00000007 0000 01 05 02 aabb", API_FETCH, 12, "", false},
    {"null client id", "0003 0000 00000007 ffff", API_METADATA, 0, "", false},
    {"ControlledShutdown 0 has no client id", "0007 0000 00000007", API_CONTROLLED_SHUTDOWN, 0, "",
     true},
    {"ControlledShutdown 1 has one", "0007 0001 00000007 0001 'a'", API_CONTROLLED_SHUTDOWN, 1, "a",
     true},
    {"ControlledShutdown 3 is flexible", "0007 0003 00000007 0001 'a' 00", API_CONTROLLED_SHUTDOWN,
     3, "a", true},
    {"never flexible", "0011 0001 00000007 0001 'a'", API_SASL_HANDSHAKE, 1, "a", true},
    {"ApiVersions of the future", "0012 0063 00000007 0001 'a' 00", API_API_VERSIONS, 99, "a",
     true},
    {"an unknown key is read as header 1", "03e8 0063 00000007 0001 'a'", 1000, 99, "a", true},
    {"a negative version is not flexible", "0001 ffff 00000007 0001 'a'", API_FETCH, -1, "a", true},
};

static void request_headers_follow_from_key_and_version(void **state) {
    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(requests); i++) {
        struct request_header header;
        struct wire_reader reader;
        struct wire_writer writer;
        struct hex hex;

        hex_parse(&hex, requests[i].hex);
        wire_reader_init(&reader, hex_bytes(&hex));
        if (request_header_decode(&reader, &header) != ERR_NONE ||
            header.api_key != requests[i].api_key ||
            header.api_version != requests[i].api_version || header.correlation_id != 7 ||
            !bytes_equal_text(header.client_id, requests[i].client_id) ||
            wire_reader_remaining(&reader) != 0)
            fail_msg("decode: %s", requests[i].label);
        if (!requests[i].same_bytes)
            continue;
        wire_writer_init(&writer, 4096);
        request_header_encode(&writer, &header);
        if (!bytes_equal(bytes_of(writer.data, writer.size), hex_bytes(&hex)))
            fail_msg("encode: %s", requests[i].label);
        wire_writer_done(&writer);
    }
}

static void request_headers_that_are_cut_off_are_malformed(void **state) {
    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(requests); i++) {
        struct hex hex;

        hex_parse(&hex, requests[i].hex);
        for (size_t size = 0; size < hex.size; size++) {
            struct request_header header = {.correlation_id = -7};
            struct wire_reader reader;

            wire_reader_init(&reader, bytes_of(hex.data, size));
            assert_int_equal(request_header_decode(&reader, &header), ERR_MALFORMED);
            assert_int_equal(header.correlation_id, -7); /* untouched */
        }
    }
}

static void response_headers_follow_from_key_and_version(void **state) {
    static const struct {
        const char *label, *hex;
        int16_t api_key, api_version;
    } cases[] = {
        {"not flexible", "00000007", API_PRODUCE, 8},
        {"flexible", "00000007 00", API_PRODUCE, 9},
        {"ApiVersions is never flexible here", "00000007", API_API_VERSIONS, 3},
        {"nor in an unknown version", "00000007", API_API_VERSIONS, 99},
        {"ControlledShutdown 3", "00000007 00", API_CONTROLLED_SHUTDOWN, 3},
        {"never flexible", "00000007", API_SASL_HANDSHAKE, 1},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        const int16_t key = cases[i].api_key;
        const int16_t version = cases[i].api_version;
        struct wire_reader reader;
        struct wire_writer writer;
        struct hex hex;
        int32_t correlation_id = 0;

        hex_parse(&hex, cases[i].hex);
        wire_writer_init(&writer, 4096);
        response_header_encode(&writer, key, version, 7);
        if (!bytes_equal(bytes_of(writer.data, writer.size), hex_bytes(&hex)))
            fail_msg("encode: %s", cases[i].label);
        wire_reader_init(&reader, hex_bytes(&hex));
        if (response_header_decode(&reader, key, version, &correlation_id) != ERR_NONE ||
            correlation_id != 7 || wire_reader_remaining(&reader) != 0)
            fail_msg("decode: %s", cases[i].label);
        wire_reader_init(&reader, bytes_of(hex.data, hex.size - 1));
        assert_int_equal(response_header_decode(&reader, key, version, &correlation_id),
                         ERR_MALFORMED);
        wire_writer_done(&writer);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(request_headers_follow_from_key_and_version),
        cmocka_unit_test(request_headers_that_are_cut_off_are_malformed),
        cmocka_unit_test(response_headers_follow_from_key_and_version),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
