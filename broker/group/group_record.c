#include "broker/group/group_record.h"

#include "client/wire/reader.h"

enum key_version { KEY_OFFSET_OLD = 0, KEY_OFFSET = 1, KEY_GROUP = 2 };

#define OFFSET_VERSION_WRITTEN     3
#define OFFSET_VERSION_WITH_EXPIRY 1
#define OFFSET_VERSION_FLEXIBLE    4
#define GROUP_VERSION_WRITTEN      3
#define GROUP_VERSION_FLEXIBLE     4
#define GROUP_MEMBER_BYTES_MIN     15 /* flexible, all empty; others take more */

/* ---- Keys ---- */

enum error group_record_key_decode(struct bytes bytes, struct group_record_key *key) {
    struct wire_reader reader;
    int16_t version;

    *key = (struct group_record_key){.type = GROUP_RECORD_UNKNOWN};
    wire_reader_init(&reader, bytes);
    version = wire_read_i16(&reader);
    if (version == KEY_OFFSET_OLD || version == KEY_OFFSET) {
        key->type = GROUP_RECORD_OFFSET;
        key->group_id = wire_read_string(&reader, false, false);
        key->topic = wire_read_string(&reader, false, false);
        key->partition = wire_read_i32(&reader);
    } else if (version == KEY_GROUP) {
        key->type = GROUP_RECORD_GROUP;
        key->group_id = wire_read_string(&reader, false, false);
    }
    return reader.error;
}

void group_record_key_encode(struct wire_writer *writer, const struct group_record_key *key) {
    CHECK(key->type != GROUP_RECORD_UNKNOWN);
    wire_write_i16(writer, key->type == GROUP_RECORD_OFFSET ? KEY_OFFSET : KEY_GROUP);
    wire_write_string(writer, key->group_id, false, false);
    if (key->type == GROUP_RECORD_GROUP)
        return;
    wire_write_string(writer, key->topic, false, false);
    wire_write_i32(writer, key->partition);
}

/* ---- Offsets ---- */

enum error offset_record_decode(struct bytes bytes, struct offset_record *record) {
    struct wire_reader reader;
    bool is_flexible;
    int16_t version;

    wire_reader_init(&reader, bytes);
    version = wire_read_i16(&reader);
    if (reader.error == ERR_NONE && (version < 0 || version > OFFSET_VERSION_FLEXIBLE))
        return ERR_UNSUPPORTED_VERSION;
    is_flexible = version >= OFFSET_VERSION_FLEXIBLE;
    record->offset = wire_read_i64(&reader);
    record->leader_epoch = version >= 3 ? wire_read_i32(&reader) : -1;
    record->metadata = wire_read_string(&reader, is_flexible, false);
    record->commit_ms = wire_read_i64(&reader);
    record->expire_ms = version == OFFSET_VERSION_WITH_EXPIRY ? wire_read_i64(&reader) : -1;
    if (is_flexible)
        wire_skip_tagged_fields(&reader);
    return reader.error;
}

void offset_record_encode(struct wire_writer *writer, const struct offset_record *record) {
    bool has_expiry = record->expire_ms != -1;

    wire_write_i16(writer, has_expiry ? OFFSET_VERSION_WITH_EXPIRY : OFFSET_VERSION_WRITTEN);
    wire_write_i64(writer, record->offset);
    if (!has_expiry)
        wire_write_i32(writer, record->leader_epoch);
    wire_write_string(writer, record->metadata, false, false);
    wire_write_i64(writer, record->commit_ms);
    if (has_expiry)
        wire_write_i64(writer, record->expire_ms);
}

/* ---- Groups ---- */

static void read_member(struct wire_reader *reader, int16_t version,
                        struct group_record_member *member) {
    bool is_flexible = version >= GROUP_VERSION_FLEXIBLE;
    int32_t rebalance_timeout_ms;

    member->id = wire_read_string(reader, is_flexible, false);
    member->instance_id = version >= 3 ? wire_read_string(reader, is_flexible, true) : BYTES_NULL;
    member->client_id = wire_read_string(reader, is_flexible, false);
    member->client_host = wire_read_string(reader, is_flexible, false);
    rebalance_timeout_ms = version >= 1 ? wire_read_i32(reader) : -1;
    member->session_timeout_ms = wire_read_i32(reader);
    member->rebalance_timeout_ms = version >= 1 ? rebalance_timeout_ms : member->session_timeout_ms;
    member->subscription = wire_read_bytes(reader, is_flexible, false);
    member->assignment = wire_read_bytes(reader, is_flexible, false);
    if (is_flexible)
        wire_skip_tagged_fields(reader);
}

enum error group_record_decode(struct bytes bytes, struct arena *arena,
                               struct group_record *record) {
    struct wire_reader reader;
    bool is_flexible;
    int16_t version;

    wire_reader_init(&reader, bytes);
    version = wire_read_i16(&reader);
    if (reader.error == ERR_NONE && (version < 0 || version > GROUP_VERSION_FLEXIBLE))
        return ERR_UNSUPPORTED_VERSION;
    is_flexible = version >= GROUP_VERSION_FLEXIBLE;
    record->protocol_type = wire_read_string(&reader, is_flexible, false);
    record->generation = wire_read_i32(&reader);
    record->protocol = wire_read_string(&reader, is_flexible, true);
    record->leader = wire_read_string(&reader, is_flexible, true);
    record->state_ms = version >= 2 ? wire_read_i64(&reader) : -1;
    record->member_count =
        wire_read_array_count(&reader, is_flexible, false, GROUP_MEMBER_BYTES_MIN);
    record->members =
        wire_allocate(&reader, arena, &record->member_count, sizeof(*record->members));
    for (int32_t i = 0; i < record->member_count; i++)
        read_member(&reader, version, &record->members[i]);
    if (is_flexible)
        wire_skip_tagged_fields(&reader);
    return reader.error;
}

void group_record_encode(struct wire_writer *writer, const struct group_record *record) {
    wire_write_i16(writer, GROUP_VERSION_WRITTEN);
    wire_write_string(writer, record->protocol_type, false, false);
    wire_write_i32(writer, record->generation);
    wire_write_string(writer, record->protocol, false, true);
    wire_write_string(writer, record->leader, false, true);
    wire_write_i64(writer, record->state_ms);
    wire_write_array_count(writer, record->member_count, false, false);
    for (int32_t i = 0; i < record->member_count; i++) {
        const struct group_record_member *member = &record->members[i];
        wire_write_string(writer, member->id, false, false);
        wire_write_string(writer, member->instance_id, false, true);
        wire_write_string(writer, member->client_id, false, false);
        wire_write_string(writer, member->client_host, false, false);
        wire_write_i32(writer, member->rebalance_timeout_ms);
        wire_write_i32(writer, member->session_timeout_ms);
        wire_write_bytes(writer, member->subscription, false, false);
        wire_write_bytes(writer, member->assignment, false, false);
    }
}
