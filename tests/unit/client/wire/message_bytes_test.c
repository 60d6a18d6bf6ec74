/* Messages as bytes, worked out by hand from the protocol's rules: each row decodes to what its
 * text says and encodes to its bytes again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "client/wire/message/alter_partition.h"
#include "client/wire/message/api_versions.h"
#include "client/wire/message/controlled_shutdown.h"
#include "client/wire/message/create_topics.h"
#include "client/wire/message/delete_topics.h"
#include "client/wire/message/describe_topic_partitions.h"
#include "client/wire/message/fetch.h"
#include "client/wire/message/find_coordinator.h"
#include "client/wire/message/init_producer_id.h"
#include "client/wire/message/list_offsets.h"
#include "client/wire/message/metadata.h"
#include "client/wire/message/offset_for_leader_epoch.h"
#include "client/wire/message/produce.h"
#include "tests/unit/client/wire/hex.h"

/* 00 01 02 ... 0f, and how it is printed. */
#define ID      "000102030405060708090a0b0c0d0e0f"
#define ID_TEXT "AAECAwQFBgcICQoLDA0ODw"
#define NO_ID   "00000000000000000000000000000000"
#define MINUS_1 "ffffffffffffffff"

struct vector {
    const char *label;
    const struct wire_message *message;
    int16_t version;
    const char *hex;
    const char *text;
};

static const struct vector vectors[] = {
    {"the first request has no body", &api_versions_request_message, 0, "", "{ }"},
    {"a client names itself", &api_versions_request_message, 3, "0b 'librdkafka' | 06 '2.3.0' | 00",
     "{ client_software_name=\"librdkafka\" client_software_version=\"2.3.0\" }"},
    {"the answer to an unknown version of ApiVersions", &api_versions_response_message, 0,
     "0023 | 00000001 0012 0000 0004",
     "{ error_code=35 api_keys=[{ api_key=18 min_version=0 max_version=4 }] }"},
    {"ApiVersions with a throttle time", &api_versions_response_message, 1,
     "0000 | 00000002 0000 0000 000b 0001 0000 0011 | 00000005",
     "{ error_code=0 api_keys=[{ api_key=0 min_version=0 max_version=11 }"
     " { api_key=1 min_version=0 max_version=17 }] throttle_time_ms=5 }"},
    {"flexible ApiVersions", &api_versions_response_message, 3,
     "0000 | 02 0012 0000 0004 00 | 00000000 | 00",
     "{ error_code=0 api_keys=[{ api_key=18 min_version=0 max_version=4 }] throttle_time_ms=0"
     " supported_features=[] finalized_features_epoch=-1 finalized_features=[]"
     " zk_migration_ready=false }"},
    {"ApiVersions with each of its tagged fields", &api_versions_response_message, 3,
     "0000 | 01 | 00000000 | 04"
     "| 00 08 02 02 'a' 0001 0002 00"
     "| 01 08 0000000000000005"
     "| 02 08 02 02 'b' 0004 0003 00"
     "| 03 01 01",
     "{ error_code=0 api_keys=[] throttle_time_ms=0"
     " supported_features=[{ name=\"a\" min_version=1 max_version=2 }] finalized_features_epoch=5"
     " finalized_features=[{ name=\"b\" max_version_level=4 min_version_level=3 }]"
     " zk_migration_ready=true }"},

    {"Metadata of one topic", &metadata_request_message, 0, "00000001 0001 't'",
     "{ topics=[{ name=\"t\" }] }"},
    {"Metadata of all topics, oldest form", &metadata_request_message, 0, "00000000",
     "{ topics=[] }"},
    {"Metadata of all topics", &metadata_request_message, 1, "ffffffff", "{ topics=null }"},
    {"Metadata of no topic", &metadata_request_message, 4, "00000000 00",
     "{ topics=[] allow_auto_topic_creation=false }"},
    {"flexible Metadata of all topics", &metadata_request_message, 9, "00 01 00 01 00",
     "{ topics=null allow_auto_topic_creation=true include_cluster_authorized_operations=false"
     " include_topic_authorized_operations=true }"},
    {"Metadata by id", &metadata_request_message, 12, "02 " ID " 00 00 | 01 | 00 | 00",
     "{ topics=[{ topic_id=" ID_TEXT " name=null }] allow_auto_topic_creation=true"
     " include_topic_authorized_operations=false }"},
    {"Metadata's first answer", &metadata_response_message, 0,
     "00000001 00000001 0009 'localhost' 00002384 |"
     "00000001 0000 0001 't' 00000001 0000 00000000 00000001 00000002 00000001 00000002"
     "00000001 00000001",
     "{ brokers=[{ node_id=1 host=\"localhost\" port=9092 }] topics=[{ error_code=0 name=\"t\""
     " partitions=[{ error_code=0 partition_index=0 leader_id=1 replica_nodes=[1 2]"
     " isr_nodes=[1] }] }] }"},
    {"Metadata with rack, controller and internal topics", &metadata_response_message, 1,
     "00000001 00000001 0001 'h' 00002384 0002 'r1' | 00000001 |"
     "00000001 0005 0001 't' 01 00000000",
     "{ brokers=[{ node_id=1 host=\"h\" port=9092 rack=\"r1\" }] controller_id=1"
     " topics=[{ error_code=5 name=\"t\" is_internal=true partitions=[] }] }"},
    {"flexible Metadata", &metadata_response_message, 9,
     "00000000 | 02 00000001 0a 'localhost' 00002384 00 00 | 04 'abc' | 00000001 |"
     "02 0000 02 't' 00 | 02 0000 00000000 00000001 00000007 03 00000001 00000002 02 00000001 01 00"
     "| 80000000 00 | 80000000 | 00",
     "{ throttle_time_ms=0 brokers=[{ node_id=1 host=\"localhost\" port=9092 rack=null }]"
     " cluster_id=\"abc\" controller_id=1 topics=[{ error_code=0 name=\"t\" is_internal=false"
     " partitions=[{ error_code=0 partition_index=0 leader_id=1 leader_epoch=7"
     " replica_nodes=[1 2] isr_nodes=[1] offline_replicas=[] }]"
     " topic_authorized_operations=-2147483648 }] cluster_authorized_operations=-2147483648 }"},
    {"Metadata of an unknown id", &metadata_response_message, 12,
     "00000000 | 01 | 00 | ffffffff | 02 0064 00 " ID " 00 01 80000000 00 | 00",
     "{ throttle_time_ms=0 brokers=[] cluster_id=null controller_id=-1 topics=[{ error_code=100"
     " name=null topic_id=" ID_TEXT " is_internal=false partitions=[]"
     " topic_authorized_operations=-2147483648 }] }"},

    {"Produce of the first batches of magic 2", &produce_request_message, 3,
     "ffff ffff 00007530 | 00000001 0001 't' 00000001 00000000 00000003 aabbcc",
     "{ transactional_id=null acks=-1 timeout_ms=30000 topic_data=[{ name=\"t\""
     " partition_data=[{ index=0 records=<3 bytes> }] }] }"},
    {"Produce without transactional id", &produce_request_message, 0,
     "0001 00007530 | 00000001 0001 't' 00000001 00000000 ffffffff",
     "{ acks=1 timeout_ms=30000 topic_data=[{ name=\"t\""
     " partition_data=[{ index=0 records=null }] }] }"},
    {"flexible Produce", &produce_request_message, 9,
     "00 ffff 00007530 | 02 02 't' 02 00000000 04 aabbcc 00 00 | 00",
     "{ transactional_id=null acks=-1 timeout_ms=30000 topic_data=[{ name=\"t\""
     " partition_data=[{ index=0 records=<3 bytes> }] }] }"},
    {"transactional Produce of two partitions", &produce_request_message, 11,
     "02 'x' 0000 00000001 | 02 02 't' 03 00000000 01 00 00000001 00 00 00 | 00",
     "{ transactional_id=\"x\" acks=0 timeout_ms=1 topic_data=[{ name=\"t\""
     " partition_data=[{ index=0 records=<0 bytes> } { index=1 records=null }] }] }"},
    {"Produce's answer with log append time", &produce_response_message, 2,
     "00000001 0001 't' 00000001 00000000 0000 000000000000002a " MINUS_1 " | 00000000",
     "{ responses=[{ name=\"t\" partition_responses=[{ index=0 error_code=0 base_offset=42"
     " log_append_time_ms=-1 }] }] throttle_time_ms=0 }"},
    {"Produce's answer with record errors", &produce_response_message, 8,
     "00000001 0001 't' 00000001 00000000 0057 " MINUS_1 MINUS_1 MINUS_1
     " 00000001 00000004 0003 'bad' 0001 'm' | 00000000",
     "{ responses=[{ name=\"t\" partition_responses=[{ index=0 error_code=87 base_offset=-1"
     " log_append_time_ms=-1 log_start_offset=-1 record_errors=[{ batch_index=4"
     " batch_index_error_message=\"bad\" }] error_message=\"m\" }] }] throttle_time_ms=0 }"},
    {"Produce's answer with the new leader", &produce_response_message, 10,
     "02 02 't' 02 00000000 0006 " MINUS_1 MINUS_1 MINUS_1 " 01 00"
     "| 01 00 09 00000002 00000005 00 | 00 | 00000000 |"
     "01 00 0d 02 00000002 02 'h' 00002384 00 00",
     "{ responses=[{ name=\"t\" partition_responses=[{ index=0 error_code=6 base_offset=-1"
     " log_append_time_ms=-1 log_start_offset=-1 record_errors=[] error_message=null"
     " current_leader={ leader_id=2 leader_epoch=5 } }] }] throttle_time_ms=0"
     " node_endpoints=[{ node_id=2 host=\"h\" port=9092 rack=null }] }"},

    {"Fetch as rskafka sends it", &fetch_request_message, 4,
     "ffffffff 000001f4 00000001 00100000 00 |"
     "00000001 0001 't' 00000001 00000000 000000000000002a 00010000",
     "{ replica_id=-1 max_wait_ms=500 min_bytes=1 max_bytes=1048576 isolation_level=0"
     " topics=[{ topic=\"t\" partitions=[{ partition=0 fetch_offset=42"
     " partition_max_bytes=65536 }] }] }"},
    {"flexible Fetch with a cluster id", &fetch_request_message, 12,
     "ffffffff 000001f4 00000001 00100000 01 00000000 ffffffff |"
     "02 02 't' 02 00000000 00000003 000000000000002a ffffffff " MINUS_1 " 00010000 00 00 |"
     "01 | 02 'r' | 01 00 04 04 'abc'",
     "{ cluster_id=\"abc\" replica_id=-1 max_wait_ms=500 min_bytes=1 max_bytes=1048576"
     " isolation_level=1 session_id=0 session_epoch=-1 topics=[{ topic=\"t\""
     " partitions=[{ partition=0 current_leader_epoch=3 fetch_offset=42 last_fetched_epoch=-1"
     " log_start_offset=-1 partition_max_bytes=65536 }] }] forgotten_topics_data=[]"
     " rack_id=\"r\" }"},
    {"Fetch by topic id that forgets another", &fetch_request_message, 13,
     "ffffffff 000001f4 00000001 00100000 00 00000009 00000002 |"
     "02 " ID " 02 00000000 00000003 000000000000002a ffffffff " MINUS_1 " 00010000 00 00 |"
     "02 " ID " 03 00000001 00000002 00 | 01 | 00",
     "{ cluster_id=null replica_id=-1 max_wait_ms=500 min_bytes=1 max_bytes=1048576"
     " isolation_level=0 session_id=9 session_epoch=2 topics=[{ topic_id=" ID_TEXT
     " partitions=[{ partition=0 current_leader_epoch=3 fetch_offset=42 last_fetched_epoch=-1"
     " log_start_offset=-1 partition_max_bytes=65536 }] }] forgotten_topics_data=[{ "
     "topic_id=" ID_TEXT " partitions=[1 2] }] rack_id=\"\" }"},
    {"Fetch of a follower", &fetch_request_message, 17,
     "000001f4 00000001 00100000 00 00000000 00000000 | 02 " ID
     " 02 00000000 00000003 000000000000002a 00000002 0000000000000000 00010000"
     " 01 00 10 " ID " 00 | 01 | 01 | 01 01 0d 00000002 0000000000000009 00",
     "{ cluster_id=null replica_state={ replica_id=2 replica_epoch=9 } max_wait_ms=500"
     " min_bytes=1 max_bytes=1048576 isolation_level=0 session_id=0 session_epoch=0"
     " topics=[{ topic_id=" ID_TEXT " partitions=[{ partition=0 current_leader_epoch=3"
     " fetch_offset=42 last_fetched_epoch=2 log_start_offset=0 partition_max_bytes=65536"
     " replica_directory_id=" ID_TEXT " }] }] forgotten_topics_data=[] rack_id=\"\" }"},
    {"Fetch's answer with records", &fetch_response_message, 4,
     "00000000 | 00000001 0001 't' 00000001 00000000 0000 000000000000000a 000000000000000a"
     "ffffffff 00000002 aabb",
     "{ throttle_time_ms=0 responses=[{ topic=\"t\" partitions=[{ partition_index=0"
     " error_code=0 high_watermark=10 last_stable_offset=10 aborted_transactions=null"
     " records=<2 bytes> }] }] }"},
    {"Fetch's answer with a diverging epoch", &fetch_response_message, 12,
     "00000000 0000 00000007 | 02 02 't' 02 00000000 0000 000000000000000a 000000000000000a"
     "0000000000000000 00 ffffffff 01 | 01 00 0d 00000003 0000000000000009 00 | 00 | 00",
     "{ throttle_time_ms=0 error_code=0 session_id=7 responses=[{ topic=\"t\""
     " partitions=[{ partition_index=0 error_code=0 high_watermark=10 last_stable_offset=10"
     " log_start_offset=0 diverging_epoch={ epoch=3 end_offset=9 } current_leader={ leader_id=-1"
     " leader_epoch=-1 } snapshot_id={ end_offset=-1 epoch=-1 } aborted_transactions=null"
     " preferred_read_replica=-1 records=<0 bytes> }] }] }"},
    {"Fetch's answer by id with the new leader and an aborted transaction", &fetch_response_message,
     16,
     "00000000 0000 00000000 | 02 " ID " 02 00000000 0006 " MINUS_1 MINUS_1 MINUS_1
     " 02 0000000000000001 0000000000000002 00 ffffffff 01 | 01 01 09 00000002 00000005 00 | 00 |"
     "01 00 0d 02 00000002 02 'h' 00002384 00 00",
     "{ throttle_time_ms=0 error_code=0 session_id=0 responses=[{ topic_id=" ID_TEXT
     " partitions=[{ partition_index=0 error_code=6 high_watermark=-1 last_stable_offset=-1"
     " log_start_offset=-1 diverging_epoch={ epoch=-1 end_offset=-1 }"
     " current_leader={ leader_id=2 leader_epoch=5 } snapshot_id={ end_offset=-1 epoch=-1 }"
     " aborted_transactions=[{ producer_id=1 first_offset=2 }] preferred_read_replica=-1"
     " records=<0 bytes> }] }] node_endpoints=[{ node_id=2 host=\"h\" port=9092 rack=null }] }"},

    {"ListOffsets' first form", &list_offsets_request_message, 0,
     "ffffffff | 00000001 0001 't' 00000001 00000000 " MINUS_1 " 00000002",
     "{ replica_id=-1 topics=[{ name=\"t\" partitions=[{ partition_index=0 timestamp=-1"
     " max_num_offsets=2 }] }] }"},
    {"ListOffsets' first answer", &list_offsets_response_message, 0,
     "00000001 0001 't' 00000001 00000000 0000 00000002 0000000000000009 0000000000000000",
     "{ topics=[{ name=\"t\" partitions=[{ partition_index=0 error_code=0"
     " old_style_offsets=[9 0] }] }] }"},
    {"flexible ListOffsets", &list_offsets_request_message, 6,
     "ffffffff 00 | 02 02 't' 02 00000000 00000004 fffffffffffffffe 00 00 | 00",
     "{ replica_id=-1 isolation_level=0 topics=[{ name=\"t\" partitions=[{ partition_index=0"
     " current_leader_epoch=4 timestamp=-2 }] }] }"},

    {"FindCoordinator as kafka-go sends it", &find_coordinator_request_message, 0, "0001 'g'",
     "{ key=\"g\" }"},
    {"FindCoordinator of several groups", &find_coordinator_request_message, 4,
     "00 | 03 02 'g' 02 'h' | 00", "{ key_type=0 coordinator_keys=[\"g\" \"h\"] }"},
    {"InitProducerId of an idempotent producer", &init_producer_id_request_message, 4,
     "00 ffffffff " MINUS_1 " ffff 00",
     "{ transactional_id=null transaction_timeout_ms=-1 producer_id=-1 producer_epoch=-1 }"},
    {"OffsetForLeaderEpoch as librdkafka sends it", &offset_for_leader_epoch_request_message, 2,
     "00000001 0001 't' 00000001 00000000 00000003 00000002",
     "{ topics=[{ topic=\"t\" partitions=[{ partition=0 current_leader_epoch=3"
     " leader_epoch=2 }] }] }"},
    {"AlterPartition with epochs of the brokers", &alter_partition_request_message, 3,
     "00000001 0000000000000009 | 02 " ID
     " 02 00000000 00000003 02 00000001 0000000000000009 00 00 00000005 00 00 | 00",
     "{ broker_id=1 broker_epoch=9 topics=[{ topic_id=" ID_TEXT
     " partitions=[{ partition_index=0 leader_epoch=3 new_isr_with_epochs=[{ broker_id=1"
     " broker_epoch=9 }] leader_recovery_state=0 partition_epoch=5 }] }] }"},
    {"ControlledShutdown's first form", &controlled_shutdown_request_message, 0, "00000001",
     "{ broker_id=1 }"},
    {"CreateTopics", &create_topics_request_message, 5,
     "02 02 't' 00000003 0002 01 02 02 'k' 02 'v' 00 00 | 00007530 00 | 00",
     "{ topics=[{ name=\"t\" num_partitions=3 replication_factor=2 assignments=[]"
     " configs=[{ name=\"k\" value=\"v\" }] }] timeout_ms=30000 validate_only=false }"},
    {"DeleteTopics by name and by id", &delete_topics_request_message, 6,
     "03 02 't' " NO_ID " 00 00 " ID " 00 | 00007530 | 00",
     "{ topics=[{ name=\"t\" topic_id=AAAAAAAAAAAAAAAAAAAAAA } { name=null topic_id=" ID_TEXT
     " }] timeout_ms=30000 }"},
    {"a struct that is null", &describe_topic_partitions_request_message, 0, "01 000007d0 ff 00",
     "{ topics=[] response_partition_limit=2000 cursor=null }"},
    {"a struct that may be null", &describe_topic_partitions_request_message, 0,
     "01 000007d0 01 02 't' 00000004 00 00",
     "{ topics=[] response_partition_limit=2000"
     " cursor={ topic_name=\"t\" partition_index=4 } }"},
};

static enum error decode(const struct wire_message *message, int16_t version, struct bytes data,
                         struct arena *arena, void *decoded, size_t *remaining) {
    struct wire_reader reader;
    enum error error;

    wire_reader_init(&reader, data);
    error = message->decode(&reader, version, arena, decoded);
    *remaining = wire_reader_remaining(&reader);
    return error;
}

static void check_vector(const struct vector *vector) {
    const struct wire_message *message = vector->message;
    void *decoded = calloc(1, message->size);
    struct arena arena;
    struct wire_writer writer;
    struct hex hex;
    size_t remaining;
    char *text = NULL;
    size_t text_size = 0;
    FILE *out = open_memstream(&text, &text_size);

    assert_non_null(decoded);
    assert_non_null(out);
    arena_init(&arena, (size_t)1 << 20);
    wire_writer_init(&writer, (size_t)1 << 20);
    hex_parse(&hex, vector->hex);
    if (decode(message, vector->version, hex_bytes(&hex), &arena, decoded, &remaining) != ERR_NONE)
        fail_msg("%s: does not decode", vector->label);
    if (remaining != 0)
        fail_msg("%s: leaves %zu bytes over", vector->label, remaining);
    message->print(out, vector->version, decoded);
    fclose(out);
    if (strcmp(text, vector->text) != 0)
        fail_msg("%s: is\n%s\ninstead of\n%s", vector->label, text, vector->text);
    message->encode(&writer, vector->version, decoded);
    if (writer.error != ERR_NONE || writer.size != hex.size ||
        (hex.size > 0 && memcmp(writer.data, hex.data, hex.size) != 0))
        fail_msg("%s: encodes to other bytes", vector->label);
    free(text);
    wire_writer_done(&writer);
    arena_done(&arena);
    free(decoded);
}

static void messages_have_kafka_s_bytes(void **state) {
    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(vectors); i++)
        check_vector(&vectors[i]);
}

static void lies_are_malformed(void **state) {
    static const struct {
        const char *label;
        const struct wire_message *message;
        int16_t version;
        const char *hex;
    } cases[] = {
        {"more topics than bytes", &metadata_request_message, 1, "00000002 0001 't'"},
        {"two billion topics", &metadata_request_message, 1, "7fffffff 0001 't'"},
        {"four billion topics", &metadata_request_message, 9, "ffffffff0f 01 00 00 00"},
        {"null where version 0 has none", &metadata_request_message, 0, "ffffffff"},
        {"null name below version 10", &metadata_request_message, 9, "02 00 00 | 01 00 00 00"},
        {"name past the end", &metadata_request_message, 1, "00000001 0005 't'"},
        {"negative name length", &metadata_request_message, 1, "00000001 fffe 't'"},
        {"overlong varint", &metadata_request_message, 9, "808080808000 01 00 00 00"},
        {"records past the end", &produce_request_message, 3,
         "ffff ffff 00007530 | 00000001 0001 't' 00000001 00000000 00000004 aabbcc"},
        {"records of 2 GiB", &produce_request_message, 9,
         "00 ffff 00007530 | 02 02 't' 02 00000000 8080808008 aabbcc 00 00 | 00"},
        {"null topics of Produce", &produce_request_message, 9, "00 ffff 00007530 00 00"},
        {"null name of Produce", &produce_request_message, 3,
         "ffff ffff 00007530 | 00000001 ffff 00000001 00000000 00000003 aabbcc"},
        {"tagged string shorter than its field", &fetch_request_message, 12,
         "ffffffff 000001f4 00000001 00100000 00 00000000 ffffffff 01 01 01 | 01 00 05 04 'abc' "
         "00"},
        {"tagged string longer than its field", &fetch_request_message, 12,
         "ffffffff 000001f4 00000001 00100000 00 00000000 ffffffff 01 01 01 | 01 00 03 04 'abc'"},
        {"tagged struct without its own section", &fetch_request_message, 15,
         "000001f4 00000001 00100000 00 00000000 00000000 01 01 01 |"
         "01 01 0c 00000002 0000000000000009"},
        {"tagged field twice", &fetch_request_message, 12,
         "ffffffff 000001f4 00000001 00100000 00 00000000 ffffffff 01 01 01 |"
         "02 00 02 02 'a' 00 02 02 'b'"},
        {"tagged fields out of order", &api_versions_response_message, 3,
         "0000 | 01 | 00000000 | 02 | 03 01 01 | 01 08 0000000000000005"},
        {"tagged array with a lying count", &api_versions_response_message, 3,
         "0000 | 01 | 00000000 | 01 00 08 7f 02 'a' 0001 0002 00"},
        {"section cut off", &api_versions_request_message, 3, "02 'a' 02 'b' 01"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        void *decoded = calloc(1, cases[i].message->size);
        struct arena arena;
        struct hex hex;
        size_t remaining;

        assert_non_null(decoded);
        arena_init(&arena, (size_t)1 << 20);
        hex_parse(&hex, cases[i].hex);
        if (decode(cases[i].message, cases[i].version, hex_bytes(&hex), &arena, decoded,
                   &remaining) != ERR_MALFORMED)
            fail_msg("%s", cases[i].label);
        arena_done(&arena);
        free(decoded);
    }
}

/* A tag that is known, but only in later versions, is one that may be ignored. */
static void a_tagged_field_of_a_later_version_is_skipped(void **state) {
    struct fetch_request request;
    struct arena arena;
    struct hex hex;
    size_t remaining;

    (void)state;
    hex_parse(&hex, "ffffffff 000001f4 00000001 00100000 00 00000000 ffffffff 01 01 01 |"
                    "01 01 0d 00000002 0000000000000009 00");
    arena_init(&arena, 4096);
    assert_int_equal(
        decode(&fetch_request_message, 12, hex_bytes(&hex), &arena, &request, &remaining),
        ERR_NONE);
    assert_int_equal(remaining, 0);
    assert_int_equal(request.replica_state.replica_id, -1);
    arena_done(&arena);
}

static void fields_that_are_absent_have_their_defaults(void **state) {
    struct metadata_request metadata;
    struct fetch_request fetch;
    struct fetch_response_responses_partitions partition;

    (void)state;
    metadata_request_init(&metadata);
    assert_true(metadata.allow_auto_topic_creation);
    assert_int_equal(metadata.topics_count, 0);
    fetch_request_init(&fetch);
    assert_int_equal(fetch.max_bytes, INT32_MAX);
    assert_int_equal(fetch.session_epoch, -1);
    assert_true(bytes_is_null(fetch.cluster_id));
    assert_true(bytes_equal_text(fetch.rack_id, ""));
    assert_int_equal(fetch.replica_state.replica_epoch, -1);
    fetch_response_responses_partitions_init(&partition);
    assert_int_equal(partition.preferred_read_replica, -1);
    assert_int_equal(partition.current_leader.leader_id, -1);
    /* Empty, not null: librdkafka fails the whole response on a negative size. */
    assert_true(bytes_equal_text(partition.records.data, ""));
}

static enum error encoded(const struct wire_message *message, int16_t version, const void *in) {
    struct wire_writer writer;
    enum error error;

    wire_writer_init(&writer, 4096);
    message->encode(&writer, version, in);
    error = writer.error;
    wire_writer_done(&writer);
    return error;
}

static void a_value_that_must_be_kept_is_refused_where_it_has_no_field(void **state) {
    struct produce_request produce;
    struct fetch_request fetch;
    struct metadata_request metadata;
    struct list_offsets_request list_offsets;

    (void)state;
    produce_request_init(&produce);
    assert_int_equal(encoded(&produce_request_message, 2, &produce), ERR_NONE);
    produce.transactional_id = bytes_of_text("x");
    assert_int_equal(encoded(&produce_request_message, 2, &produce), ERR_UNSUPPORTED_VERSION);
    assert_int_equal(encoded(&produce_request_message, 3, &produce), ERR_NONE);

    fetch_request_init(&fetch);
    fetch.replica_id = 2;
    assert_int_equal(encoded(&fetch_request_message, 14, &fetch), ERR_NONE);
    assert_int_equal(encoded(&fetch_request_message, 15, &fetch), ERR_UNSUPPORTED_VERSION);
    fetch.replica_id = -1;
    fetch.replica_state.replica_id = 2;
    assert_int_equal(encoded(&fetch_request_message, 14, &fetch), ERR_UNSUPPORTED_VERSION);
    assert_int_equal(encoded(&fetch_request_message, 15, &fetch), ERR_NONE);
    fetch.replica_state.replica_id = -1;
    fetch.rack_id = bytes_of_text("r"); /* may be dropped */
    assert_int_equal(encoded(&fetch_request_message, 4, &fetch), ERR_NONE);

    metadata_request_init(&metadata);
    assert_int_equal(encoded(&metadata_request_message, 0, &metadata), ERR_NONE);
    metadata.allow_auto_topic_creation = false;
    assert_int_equal(encoded(&metadata_request_message, 3, &metadata), ERR_UNSUPPORTED_VERSION);

    list_offsets_request_init(&list_offsets);
    list_offsets.isolation_level = 1;
    assert_int_equal(encoded(&list_offsets_request_message, 1, &list_offsets),
                     ERR_UNSUPPORTED_VERSION);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(messages_have_kafka_s_bytes),
        cmocka_unit_test(lies_are_malformed),
        cmocka_unit_test(a_tagged_field_of_a_later_version_is_skipped),
        cmocka_unit_test(fields_that_are_absent_have_their_defaults),
        cmocka_unit_test(a_value_that_must_be_kept_is_refused_where_it_has_no_field),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
