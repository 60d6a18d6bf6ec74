/*
 * What members of a consumer group tell each other through the coordinator, which does not read
 * it: the embedded protocol of type "consumer".
 *
 *   Subscription  i16 version, [str topic], bytes? user_data,
 *                 1: [str topic, [i32 partition]] owned,  2: i32 generation_id,  3: str? rack_id
 *   Assignment    i16 version, [str topic, [i32 partition]], bytes? user_data
 *
 * A number in front says since which version a field is there. Version 3 is written, with topics
 * and partitions in order, as the Java client does. Of a newer version the known fields are read
 * and the rest is ignored; of an older one, what is missing takes its default.
 *
 * Pure. Decoded views point into the data, arrays lie in the arena: both must outlive the struct.
 * Source: Kafka 3.9, ConsumerProtocolSubscription, ConsumerProtocolAssignment, ConsumerProtocol.
 */
#ifndef CLIENT_GROUP_CONSUMER_PROTOCOL_H
#define CLIENT_GROUP_CONSUMER_PROTOCOL_H

#include "client/base/arena.h"
#include "client/base/check.h"
#include "client/base/error.h"
#include "client/wire/reader.h"
#include "client/wire/writer.h"

#define CONSUMER_PROTOCOL_TYPE "consumer"
#define GENERATION_NONE        (-1)

struct topic_partitions {
    struct bytes topic;
    int32_t count;
    const int32_t *partitions;
};

struct partition_list {
    int32_t count;
    const struct topic_partitions *topics;
};

struct subscription {
    int32_t topic_count;
    const struct bytes *topics;
    struct bytes user_data; /* the assignor's; may be null */
    struct partition_list owned;
    int32_t generation_id; /* in which `owned` was assigned; NONE: unknown */
    struct bytes rack_id;  /* null: unknown */
};

struct assignment {
    struct partition_list partitions;
    struct bytes user_data; /* the assignor's; may be null */
};

/* Errors: MALFORMED, OUT_OF_MEMORY (the arena's bound). */
MUST_CHECK enum error subscription_decode(struct bytes data, struct arena *arena,
                                          struct subscription *subscription);

/* No bytes at all are an empty assignment: what the coordinator gives a member that the leader
 * left out. Errors as above. */
MUST_CHECK enum error assignment_decode(struct bytes data, struct arena *arena,
                                        struct assignment *assignment);

/* The bytes lie in the arena. Errors: OUT_OF_MEMORY, INVALID_REQUEST (a name too long). */
MUST_CHECK enum error subscription_encode(const struct subscription *subscription,
                                          struct arena *arena, struct bytes *data);
MUST_CHECK enum error assignment_encode(const struct assignment *assignment, struct arena *arena,
                                        struct bytes *data);

/* The order of names: by bytes, the shorter first. */
int name_compare(struct bytes a, struct bytes b);

bool partition_list_has(const struct partition_list *list, struct bytes topic, int32_t partition);

/* [str topic, [i32 partition]], which assignors also put into their user data. */
void partition_list_read(struct wire_reader *reader, struct arena *arena,
                         struct partition_list *list);
void partition_list_write(struct wire_writer *writer, const struct partition_list *list,
                          struct arena *arena);

/* Moves what was written into the arena and frees the writer. */
MUST_CHECK enum error writer_into_arena(struct wire_writer *writer, struct arena *arena,
                                        struct bytes *data);

#endif
