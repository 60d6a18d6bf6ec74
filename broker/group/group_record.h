/* clang-format off */
/*
 * The records of __consumer_offsets. Keys begin with an i16, the type of record:
 *
 *   key    0, 1: str group, str topic, i32 partition    a committed offset; 1 is written
 *          2:    str group                              a group of the classic protocol
 *          others: newer group protocols; kept, never read
 *
 *   value of an offset                                   version
 *     i64 offset, str metadata, i64 commit               0  ("timestamp")
 *     ... i64 expire                                     1  written with an explicit retention
 *     i64 offset, str metadata, i64 commit               2
 *     i64 offset, i32 leader epoch, str metadata, i64 commit        3  written
 *     the same, flexible                                 4
 *
 *   value of a group
 *     str protocol type, i32 generation, str? protocol, str? leader,
 *     i64 time of the state @2+, [members]               0 to 3; 3 is written; 4 is flexible
 *       str id, str? instance @3+, str client, str host, i32 rebalance timeout @1+,
 *       i32 session timeout, bytes subscription, bytes assignment
 *
 * A null value is a tombstone: the caller tells it before decoding.
 *
 * Pure. Source: Apache Kafka 3.9, OffsetCommitKey/Value.json, GroupMetadataKey/Value.json.
 */
/* clang-format on */
#ifndef BROKER_GROUP_GROUP_RECORD_H
#define BROKER_GROUP_GROUP_RECORD_H

#include "client/base/arena.h"
#include "client/base/check.h"
#include "client/base/error.h"
#include "client/wire/writer.h"

enum group_record_type { GROUP_RECORD_OFFSET, GROUP_RECORD_GROUP, GROUP_RECORD_UNKNOWN };

struct group_record_key {
    enum group_record_type type;
    struct bytes group_id;
    struct bytes topic; /* of an offset */
    int32_t partition;  /* of an offset */
};

/* An offset's value. */
struct offset_record {
    int64_t offset;
    int32_t leader_epoch; /* -1: unknown */
    struct bytes metadata;
    int64_t commit_ms;
    int64_t expire_ms; /* -1: by the broker's retention */
};

struct group_record_member {
    struct bytes id;
    struct bytes instance_id; /* null: dynamic */
    struct bytes client_id;
    struct bytes client_host;
    int32_t rebalance_timeout_ms;
    int32_t session_timeout_ms;
    struct bytes subscription;
    struct bytes assignment;
};

/* A group's value. */
struct group_record {
    struct bytes protocol_type;
    int32_t generation;
    struct bytes protocol; /* null: none */
    struct bytes leader;   /* null: none */
    int64_t state_ms;      /* when the state began; -1: unknown */
    struct group_record_member *members;
    int32_t member_count;
};

/* Decoded views point into the bytes. Error: MALFORMED; UNSUPPORTED_VERSION of a value. */
MUST_CHECK enum error group_record_key_decode(struct bytes bytes, struct group_record_key *key);
MUST_CHECK enum error offset_record_decode(struct bytes bytes, struct offset_record *record);
/* Members come from the arena; OUT_OF_MEMORY past its bound. */
MUST_CHECK enum error group_record_decode(struct bytes bytes, struct arena *arena,
                                          struct group_record *record);

/* Of the known types. */
void group_record_key_encode(struct wire_writer *writer, const struct group_record_key *key);
void offset_record_encode(struct wire_writer *writer, const struct offset_record *record);
void group_record_encode(struct wire_writer *writer, const struct group_record *record);

#endif
