/*
 * One number space for errors: Kafka's codes with Kafka's numbers, and below -1000 our own,
 * which never leave the process.
 *
 * Source of the first part: Apache Kafka 3.9, Errors.java. "Retriable" is what its clients do.
 */
#ifndef CLIENT_BASE_ERROR_H
#define CLIENT_BASE_ERROR_H

#include <stdbool.h>
#include <stdint.h>

/* clang-format off */
#define ERROR_LIST(X) \
    /* name, code, retriable, text */ \
    X(UNKNOWN_SERVER_ERROR, -1, false, "the server met an error that it did not expect") \
    X(NONE, 0, false, "no error") \
    X(OFFSET_OUT_OF_RANGE, 1, false, "the offset is outside the log") \
    X(CORRUPT_MESSAGE, 2, true, "the records are corrupt") \
    X(UNKNOWN_TOPIC_OR_PARTITION, 3, true, "this broker does not know the topic or partition") \
    X(INVALID_FETCH_SIZE, 4, false, "the fetch size is invalid") \
    X(LEADER_NOT_AVAILABLE, 5, true, "the partition has no leader at the moment") \
    X(NOT_LEADER_OR_FOLLOWER, 6, true, "this broker is not the leader or a replica of the partition") \
    X(REQUEST_TIMED_OUT, 7, true, "the request was not completed in time") \
    X(BROKER_NOT_AVAILABLE, 8, false, "the broker is not available") \
    X(REPLICA_NOT_AVAILABLE, 9, true, "the replica is not available") \
    X(MESSAGE_TOO_LARGE, 10, false, "the record batch is larger than the topic accepts") \
    X(STALE_CONTROLLER_EPOCH, 11, false, "the controller epoch is old") \
    X(OFFSET_METADATA_TOO_LARGE, 12, false, "the offset's metadata is too large") \
    X(NETWORK_EXCEPTION, 13, true, "the connection was lost before a response came") \
    X(COORDINATOR_LOAD_IN_PROGRESS, 14, true, "the coordinator is loading") \
    X(COORDINATOR_NOT_AVAILABLE, 15, true, "the coordinator is not available") \
    X(NOT_COORDINATOR, 16, true, "this broker is not the coordinator") \
    X(INVALID_TOPIC_EXCEPTION, 17, false, "the topic name is invalid or the topic is internal") \
    X(RECORD_LIST_TOO_LARGE, 18, false, "the record batch is larger than a segment") \
    X(NOT_ENOUGH_REPLICAS, 19, true, "fewer replicas are in sync than are required") \
    X(NOT_ENOUGH_REPLICAS_AFTER_APPEND, 20, true, "the records were appended, but to fewer in-sync replicas than required") \
    X(INVALID_REQUIRED_ACKS, 21, false, "acks must be -1, 0 or 1") \
    X(ILLEGAL_GENERATION, 22, false, "the group generation is old") \
    X(INCONSISTENT_GROUP_PROTOCOL, 23, false, "the group's members speak no common protocol") \
    X(INVALID_GROUP_ID, 24, false, "the group id is invalid") \
    X(UNKNOWN_MEMBER_ID, 25, false, "the group does not know the member") \
    X(INVALID_SESSION_TIMEOUT, 26, false, "the session timeout is out of bounds") \
    X(REBALANCE_IN_PROGRESS, 27, false, "the group is rebalancing") \
    X(INVALID_COMMIT_OFFSET_SIZE, 28, false, "the committed offsets are too large") \
    X(TOPIC_AUTHORIZATION_FAILED, 29, false, "not authorised for the topic") \
    X(GROUP_AUTHORIZATION_FAILED, 30, false, "not authorised for the group") \
    X(CLUSTER_AUTHORIZATION_FAILED, 31, false, "not authorised for the cluster") \
    X(INVALID_TIMESTAMP, 32, false, "a record's timestamp is out of bounds") \
    X(UNSUPPORTED_SASL_MECHANISM, 33, false, "the SASL mechanism is not supported") \
    X(ILLEGAL_SASL_STATE, 34, false, "the request does not fit the SASL state") \
    X(UNSUPPORTED_VERSION, 35, false, "the version is not supported") \
    X(TOPIC_ALREADY_EXISTS, 36, false, "a topic of this name exists") \
    X(INVALID_PARTITIONS, 37, false, "the number of partitions is invalid") \
    X(INVALID_REPLICATION_FACTOR, 38, false, "the replication factor is below 1 or above the number of live brokers") \
    X(INVALID_REPLICA_ASSIGNMENT, 39, false, "the replica assignment is invalid") \
    X(INVALID_CONFIG, 40, false, "the configuration is invalid") \
    X(NOT_CONTROLLER, 41, true, "this broker is not the controller") \
    X(INVALID_REQUEST, 42, false, "the request makes no sense") \
    X(UNSUPPORTED_FOR_MESSAGE_FORMAT, 43, false, "the message format does not support the operation") \
    X(POLICY_VIOLATION, 44, false, "a policy refuses the request") \
    X(OUT_OF_ORDER_SEQUENCE_NUMBER, 45, false, "a sequence number is out of order") \
    X(DUPLICATE_SEQUENCE_NUMBER, 46, false, "a sequence number came twice") \
    X(INVALID_PRODUCER_EPOCH, 47, false, "the producer epoch is old") \
    X(INVALID_TXN_STATE, 48, false, "the transaction is in a state that does not allow this") \
    X(INVALID_PRODUCER_ID_MAPPING, 49, false, "the producer id does not belong to the transactional id") \
    X(INVALID_TRANSACTION_TIMEOUT, 50, false, "the transaction timeout is out of bounds") \
    X(CONCURRENT_TRANSACTIONS, 51, true, "another step of the transaction is under way") \
    X(TRANSACTION_COORDINATOR_FENCED, 52, false, "the transaction coordinator has been replaced") \
    X(TRANSACTIONAL_ID_AUTHORIZATION_FAILED, 53, false, "not authorised for the transactional id") \
    X(SECURITY_DISABLED, 54, false, "security features are disabled") \
    X(OPERATION_NOT_ATTEMPTED, 55, false, "not attempted, because another part of the request failed") \
    X(KAFKA_STORAGE_ERROR, 56, true, "the log directory is offline") \
    X(LOG_DIR_NOT_FOUND, 57, false, "no such log directory") \
    X(SASL_AUTHENTICATION_FAILED, 58, false, "authentication failed") \
    X(UNKNOWN_PRODUCER_ID, 59, false, "the producer id is unknown") \
    X(REASSIGNMENT_IN_PROGRESS, 60, false, "a reassignment of the partition is under way") \
    X(DELEGATION_TOKEN_AUTH_DISABLED, 61, false, "delegation tokens are disabled") \
    X(DELEGATION_TOKEN_NOT_FOUND, 62, false, "no such delegation token") \
    X(DELEGATION_TOKEN_OWNER_MISMATCH, 63, false, "the delegation token belongs to another principal") \
    X(DELEGATION_TOKEN_REQUEST_NOT_ALLOWED, 64, false, "delegation tokens may not be requested on this connection") \
    X(DELEGATION_TOKEN_AUTHORIZATION_FAILED, 65, false, "not authorised for the delegation token") \
    X(DELEGATION_TOKEN_EXPIRED, 66, false, "the delegation token has expired") \
    X(INVALID_PRINCIPAL_TYPE, 67, false, "the principal type is not supported") \
    X(NON_EMPTY_GROUP, 68, false, "the group is not empty") \
    X(GROUP_ID_NOT_FOUND, 69, false, "the group does not exist") \
    X(FETCH_SESSION_ID_NOT_FOUND, 70, true, "no such fetch session") \
    X(INVALID_FETCH_SESSION_EPOCH, 71, true, "the fetch session epoch is invalid") \
    X(LISTENER_NOT_FOUND, 72, true, "the leader lacks the listener") \
    X(TOPIC_DELETION_DISABLED, 73, false, "deletion of topics is disabled") \
    X(FENCED_LEADER_EPOCH, 74, true, "the leader epoch is old") \
    X(UNKNOWN_LEADER_EPOCH, 75, true, "the leader epoch is newer than this broker's") \
    X(UNSUPPORTED_COMPRESSION_TYPE, 76, false, "the compression type is not supported by the request version") \
    X(STALE_BROKER_EPOCH, 77, false, "the broker epoch is old") \
    X(OFFSET_NOT_AVAILABLE, 78, true, "the new leader's high watermark is not known yet") \
    X(MEMBER_ID_REQUIRED, 79, false, "join again with the member id given") \
    X(PREFERRED_LEADER_NOT_AVAILABLE, 80, true, "the preferred leader is not available") \
    X(GROUP_MAX_SIZE_REACHED, 81, false, "the group is full") \
    X(FENCED_INSTANCE_ID, 82, false, "another member took the static member's place") \
    X(ELIGIBLE_LEADERS_NOT_AVAILABLE, 83, true, "no eligible leader is available") \
    X(ELECTION_NOT_NEEDED, 84, true, "no election is needed") \
    X(NO_REASSIGNMENT_IN_PROGRESS, 85, false, "no reassignment is under way") \
    X(GROUP_SUBSCRIBED_TO_TOPIC, 86, false, "the group is subscribed to the topic") \
    X(INVALID_RECORD, 87, false, "a record is invalid") \
    X(UNSTABLE_OFFSET_COMMIT, 88, true, "a transactional offset commit is pending") \
    X(THROTTLING_QUOTA_EXCEEDED, 89, true, "the quota of controller mutations is used up") \
    X(PRODUCER_FENCED, 90, false, "a newer producer with the same transactional id exists") \
    X(RESOURCE_NOT_FOUND, 91, false, "no such resource") \
    X(DUPLICATE_RESOURCE, 92, false, "the resource was named twice") \
    X(UNACCEPTABLE_CREDENTIAL, 93, false, "the credential is not acceptable") \
    X(INCONSISTENT_VOTER_SET, 94, false, "the voter sets differ") \
    X(INVALID_UPDATE_VERSION, 95, false, "the partition epoch is old") \
    X(FEATURE_UPDATE_FAILED, 96, false, "the feature was not updated") \
    X(PRINCIPAL_DESERIALIZATION_FAILURE, 97, false, "the principal could not be decoded") \
    X(SNAPSHOT_NOT_FOUND, 98, false, "no such snapshot") \
    X(POSITION_OUT_OF_RANGE, 99, false, "the position is out of range") \
    X(UNKNOWN_TOPIC_ID, 100, true, "this broker does not know the topic id") \
    X(DUPLICATE_BROKER_REGISTRATION, 101, false, "the broker id is registered already") \
    X(BROKER_ID_NOT_REGISTERED, 102, false, "the broker id is not registered") \
    X(INCONSISTENT_TOPIC_ID, 103, true, "the topic id differs from the log's") \
    X(INCONSISTENT_CLUSTER_ID, 104, false, "the cluster id differs") \
    X(TRANSACTIONAL_ID_NOT_FOUND, 105, false, "no such transactional id") \
    X(FETCH_SESSION_TOPIC_ID_ERROR, 106, true, "the fetch session mixes topic names and topic ids") \
    X(INELIGIBLE_REPLICA, 107, false, "a replica may not join the ISR now") \
    X(NEW_LEADER_ELECTED, 108, false, "a new leader was elected") \
    X(OFFSET_MOVED_TO_TIERED_STORAGE, 109, false, "the offset lies in tiered storage") \
    X(FENCED_MEMBER_EPOCH, 110, false, "the member epoch is fenced") \
    X(UNRELEASED_INSTANCE_ID, 111, false, "the instance id is still in use") \
    X(UNSUPPORTED_ASSIGNOR, 112, false, "the assignor is not supported") \
    X(STALE_MEMBER_EPOCH, 113, false, "the member epoch is old") \
    X(MISMATCHED_ENDPOINT_TYPE, 114, false, "the endpoint type does not match") \
    X(UNSUPPORTED_ENDPOINT_TYPE, 115, false, "the endpoint type is not supported") \
    X(UNKNOWN_CONTROLLER_ID, 116, false, "no such controller") \
    X(UNKNOWN_SUBSCRIPTION_ID, 117, false, "no such telemetry subscription") \
    X(TELEMETRY_TOO_LARGE, 118, false, "the telemetry is too large") \
    X(INVALID_REGISTRATION, 119, false, "the registration is invalid") \
    X(TRANSACTION_ABORTABLE, 120, false, "the transaction must be aborted") \
    X(INVALID_RECORD_STATE, 121, false, "the record's delivery state does not allow this") \
    X(SHARE_SESSION_NOT_FOUND, 122, true, "no such share session") \
    X(INVALID_SHARE_SESSION_EPOCH, 123, true, "the share session epoch is invalid") \
    X(FENCED_STATE_EPOCH, 124, false, "the share state epoch is old") \
    X(INVALID_VOTER_KEY, 125, false, "the voter key is invalid") \
    X(DUPLICATE_VOTER, 126, false, "the voter exists already") \
    X(VOTER_NOT_FOUND, 127, false, "no such voter") \
    X(INVALID_REGULAR_EXPRESSION, 128, false, "the regular expression is invalid") \
    X(REBOOTSTRAP_REQUIRED, 129, false, "start again from the bootstrap servers") \
    X(MALFORMED, -1001, false, "bytes from outside do not follow their format") \
    X(OUT_OF_MEMORY, -1002, true, "memory is exhausted or a bound is reached") \
    X(DISK_CORRUPT, -1003, false, "a file does not hold what was written") \
    X(DISK_FAILED, -1004, false, "the disk refused an operation") \
    X(DISK_FULL, -1005, false, "the disk is full") \
    X(CONNECTION_FAILED, -1006, true, "the peer cannot be reached") \
    X(CONNECTION_LOST, -1007, true, "the connection broke; the outcome is unknown") \
    X(NAME_UNRESOLVED, -1008, true, "the host name cannot be resolved") \
    X(CANCELLED, -1009, false, "given up because the owner is closing") \
    X(CONFIG_INVALID, -1010, false, "a setting is not valid") \
    X(DUPLICATE_BATCH, -1011, false, "the batch was appended before; not an error for its producer") \
    X(ADDRESS_UNAVAILABLE, -1012, false, "the address cannot be listened at") \
    X(ZK_NO_NODE, -1101, false, "the znode does not exist") \
    X(ZK_NODE_EXISTS, -1102, false, "the znode exists") \
    X(ZK_BAD_VERSION, -1103, false, "the znode has another version") \
    X(ZK_NOT_EMPTY, -1104, false, "the znode has children") \
    X(ZK_NO_CHILDREN_FOR_EPHEMERALS, -1105, false, "an ephemeral znode can have no children") \
    X(ZK_NO_AUTH, -1106, false, "ZooKeeper refuses access with these credentials") \
    X(ZK_AUTH_FAILED, -1107, false, "ZooKeeper refuses the credentials") \
    X(ZK_INVALID_ACL, -1108, false, "ZooKeeper refuses the ACL") \
    X(ZK_OUTCOME_UNKNOWN, -1109, true, "the connection to ZooKeeper was lost; the request may have been applied") \
    X(ZK_SESSION_EXPIRED, -1110, true, "the ZooKeeper session is over; the request may have been applied") \
    X(ZK_NOT_ATTEMPTED, -1111, false, "not tried, because another operation of the multi failed") \
    X(ZK_REFUSED, -1112, false, "ZooKeeper refuses the request") \
    X(ZK_DATA_INVALID, -1113, false, "a znode's content is not what its schema says")
/* clang-format on */

enum error {
#define ERROR_ENUM(name, code, retriable, text) ERR_##name = (code),
    ERROR_LIST(ERROR_ENUM)
#undef ERROR_ENUM
};

/* "NOT_LEADER_OR_FOLLOWER"; "UNKNOWN_ERROR" for a number we do not know. */
const char *error_name(enum error error);

/* A phrase for people. */
const char *error_text(enum error error);

/* Whether the same request may succeed later without a change. */
bool error_is_retriable(enum error error);

/* The code for a response: our own errors become what a peer can understand. */
int16_t error_to_wire(enum error error);

#endif
