/*
 * A cluster of two brokers that a test runs in its own process: real sockets and the real codec,
 * logs in memory, one topic "t" with partitions, and faults by script. Each broker is one thread
 * that serves one request at a time.
 *
 * Threads: functions may be called by the test's thread at any time.
 */
#ifndef TESTS_UNIT_CLIENT_CLUSTER_DOUBLE_H
#define TESTS_UNIT_CLIENT_CLUSTER_DOUBLE_H

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "client/base/sync.h"
#include "client/wire/header.h"
#include "client/wire/message/api_keys.h"
#include "client/wire/message/api_versions.h"
#include "client/wire/message/fetch.h"
#include "client/wire/message/init_producer_id.h"
#include "client/wire/message/list_offsets.h"
#include "client/wire/message/metadata.h"
#include "client/wire/message/offset_for_leader_epoch.h"
#include "client/wire/message/produce.h"
#include "client/wire/record_batch.h"

#define DOUBLE_BROKERS     2
#define DOUBLE_PARTITIONS  3
#define DOUBLE_CONNECTIONS 16
#define DOUBLE_FAULTS      64
#define DOUBLE_BATCHES     4096

enum fault_kind {
    FAULT_ERROR,       /* answer with the error; nothing is done */
    FAULT_DROP_BEFORE, /* close the connection; nothing is done */
    FAULT_DROP_AFTER,  /* do it, then close the connection */
    FAULT_STALL        /* never answer, nor anything that follows on the connection */
};

struct fault {
    int16_t api_key;
    enum fault_kind kind;
    enum error error;
};

struct double_batch {
    uint8_t *bytes;
    size_t size;
    int64_t base_offset;
    int64_t next_offset;
    int64_t max_timestamp;
};

struct double_partition {
    struct double_batch batches[DOUBLE_BATCHES];
    size_t batch_count;
    int64_t log_start_offset;
    int64_t end_offset;
    int32_t leader_id;
    int32_t leader_epoch;
    /* A follower to which the leader sends so many fetches; it has the log up to there. */
    int32_t near_id;
    int near_left;
    int64_t near_end_offset;
};

struct broker_double {
    struct cluster_double *cluster;
    int32_t id;
    int listener;
    uint16_t port;
    pthread_t thread;
    int connections[DOUBLE_CONNECTIONS];
    size_t connection_count;
    int stalled[DOUBLE_CONNECTIONS]; /* open, but not looked at any more */
    size_t stalled_count;
};

struct double_call;

enum handled { HANDLED_OPEN, HANDLED_CLOSE, HANDLED_STALL };

struct cluster_double {
    struct mutex lock;
    struct broker_double brokers[DOUBLE_BROKERS];
    bool stopping;                                         /* lock */
    struct double_partition partitions[DOUBLE_PARTITIONS]; /* lock */
    struct fault faults[DOUBLE_FAULTS];                    /* lock; each is used once, in order */
    size_t fault_count;                                    /* lock */
    int32_t controller_id;                                 /* lock */
    int64_t next_producer_id;                              /* lock */
    enum error topic_error;                                /* lock; of topic "t" in metadata */
    size_t served[128];                                    /* lock; requests by api key */
    int16_t hidden_api;                                    /* lock; not advertised; -1: none */
    int32_t hidden_broker;                                 /* lock; not in metadata; 0: none */
    bool is_blank;           /* lock; metadata is that of a broker that has just started: empty */
    int32_t partition_count; /* lock; of "t" in metadata */
    void *more;              /* what serve_more works on */
    /* Serves what is not served here, under the lock; says whether there is an answer. */
    bool (*serve_more)(struct double_call *call, int16_t api_key);
    char bootstrap[128];
};

/* --- faults and state -------------------------------------------------------------------- */

/* The next request of the API meets this. */
static inline void double_add_fault(struct cluster_double *cluster, int16_t api_key,
                                    enum fault_kind kind, enum error error) {
    mutex_lock(&cluster->lock);
    CHECK(cluster->fault_count < DOUBLE_FAULTS);
    cluster->faults[cluster->fault_count++] = (struct fault){api_key, kind, error};
    mutex_unlock(&cluster->lock);
}

static inline void double_move_leader(struct cluster_double *cluster, int32_t partition,
                                      int32_t leader_id) {
    mutex_lock(&cluster->lock);
    cluster->partitions[partition].leader_id = leader_id;
    cluster->partitions[partition].leader_epoch++;
    mutex_unlock(&cluster->lock);
}

static inline int64_t double_end_offset(struct cluster_double *cluster, int32_t partition) {
    int64_t end_offset;

    mutex_lock(&cluster->lock);
    end_offset = cluster->partitions[partition].end_offset;
    mutex_unlock(&cluster->lock);
    return end_offset;
}

static inline size_t double_served(struct cluster_double *cluster, int16_t api_key) {
    size_t served;

    mutex_lock(&cluster->lock);
    served = cluster->served[api_key];
    mutex_unlock(&cluster->lock);
    return served;
}

static inline bool double_take_fault(struct cluster_double *cluster, int16_t api_key,
                                     struct fault *fault) {
    for (size_t i = 0; i < cluster->fault_count; i++)
        if (cluster->faults[i].api_key == api_key) {
            *fault = cluster->faults[i];
            memmove(&cluster->faults[i], &cluster->faults[i + 1],
                    (--cluster->fault_count - i) * sizeof(*fault));
            return true;
        }
    return false;
}

/* --- requests: each fills a response; `error` is the fault's or NONE --------------------- */

struct double_call {
    struct broker_double *broker;
    struct cluster_double *cluster;
    struct arena *arena;
    const void *request;
    enum error error;
    struct wire_writer *writer;
    int16_t version;
};

static inline void serve_api_versions(struct double_call *call) {
    struct api_versions_response response;
    size_t count = 0;

    api_versions_response_init(&response);
    response.api_keys = arena_alloc(call->arena, wire_api_count, sizeof(*response.api_keys));
    for (size_t i = 0; i < wire_api_count; i++) {
        if (wire_apis[i]->key == call->cluster->hidden_api)
            continue;
        response.api_keys[count].api_key = wire_apis[i]->key;
        response.api_keys[count].min_version = wire_apis[i]->version_min;
        response.api_keys[count++].max_version = wire_apis[i]->version_max;
    }
    response.api_keys_count = (int32_t)count;
    api_versions_response_encode(call->writer, call->version, &response);
}

static inline void fill_partitions(struct double_call *call,
                                   struct metadata_response_topics *topic) {
    topic->partitions = arena_alloc(call->arena, DOUBLE_PARTITIONS, sizeof(*topic->partitions));
    topic->partitions_count = call->cluster->partition_count;
    for (int32_t i = 0; i < call->cluster->partition_count; i++) {
        metadata_response_topics_partitions_init(&topic->partitions[i]);
        topic->partitions[i].partition_index = i;
        topic->partitions[i].leader_id = call->cluster->partitions[i].leader_id;
        topic->partitions[i].leader_epoch = call->cluster->partitions[i].leader_epoch;
    }
}

static inline void serve_metadata(struct double_call *call) {
    const struct metadata_request *request = call->request;
    struct metadata_response response;

    metadata_response_init(&response);
    response.brokers = arena_alloc(call->arena, DOUBLE_BROKERS, sizeof(*response.brokers));
    for (int32_t i = 0; i < DOUBLE_BROKERS; i++) {
        struct metadata_response_brokers *broker = &response.brokers[response.brokers_count];

        if (call->cluster->is_blank || call->cluster->brokers[i].id == call->cluster->hidden_broker)
            continue;
        metadata_response_brokers_init(broker);
        broker->node_id = call->cluster->brokers[i].id;
        broker->host = bytes_of_text("127.0.0.1");
        broker->port = call->cluster->brokers[i].port;
        response.brokers_count++;
    }
    response.controller_id = call->cluster->controller_id;
    response.topics =
        arena_alloc(call->arena, (size_t)request->topics_count + 2, sizeof(*response.topics));
    for (int32_t i = 0; i < (request->topics_count < 0 ? 1 : request->topics_count); i++) {
        struct metadata_response_topics *topic = &response.topics[response.topics_count++];

        metadata_response_topics_init(topic);
        topic->name = request->topics_count < 0 ? bytes_of_text("t") : request->topics[i].name;
        topic->topic_id.bytes[0] = 1;
        topic->error_code = bytes_equal_text(topic->name, "t") && !call->cluster->is_blank
                                ? (int16_t)call->cluster->topic_error
                                : (int16_t)ERR_UNKNOWN_TOPIC_OR_PARTITION;
        if (topic->error_code == ERR_NONE)
            fill_partitions(call, topic);
    }
    metadata_response_encode(call->writer, call->version, &response);
}

static inline void serve_init_producer_id(struct double_call *call) {
    struct init_producer_id_response response;

    init_producer_id_response_init(&response);
    response.error_code = (int16_t)call->error;
    response.producer_id = call->error == ERR_NONE ? call->cluster->next_producer_id++ : -1;
    init_producer_id_response_encode(call->writer, call->version, &response);
}

/* The batch if the log holds it already, by its producer's numbers. */
static inline const struct double_batch *find_duplicate(const struct double_partition *partition,
                                                        const struct record_batch *batch) {
    for (size_t i = 0; batch->producer_id >= 0 && i < partition->batch_count; i++) {
        const struct double_batch *stored = &partition->batches[i];
        struct record_batch header;

        if (record_batch_decode(bytes_of(stored->bytes, stored->size), &header) == ERR_NONE &&
            header.producer_id == batch->producer_id &&
            header.producer_epoch == batch->producer_epoch &&
            header.base_sequence == batch->base_sequence)
            return stored;
    }
    return NULL;
}

static inline int64_t append_batch_double(struct double_partition *partition,
                                          struct bytes records) {
    struct double_batch *stored = &partition->batches[partition->batch_count];
    const struct double_batch *duplicate;
    struct record_batch batch;

    CHECK(record_batch_decode(records, &batch) == ERR_NONE);
    CHECK(record_batch_crc_is_valid(&batch));
    if ((duplicate = find_duplicate(partition, &batch)) != NULL)
        return duplicate->base_offset;
    CHECK(partition->batch_count < DOUBLE_BATCHES);
    stored->bytes = malloc(records.size);
    CHECK(stored->bytes != NULL);
    memcpy(stored->bytes, records.data, records.size);
    stored->size = records.size;
    stored->base_offset = partition->end_offset;
    record_batch_stamp_base_offset(stored->bytes, stored->base_offset);
    record_batch_stamp_leader_epoch(stored->bytes, partition->leader_epoch);
    stored->max_timestamp = batch.max_timestamp;
    partition->end_offset += batch.last_offset_delta + 1;
    stored->next_offset = partition->end_offset;
    partition->batch_count++;
    return stored->base_offset;
}

static inline enum error partition_of_double(struct double_call *call, struct bytes topic,
                                             int32_t index, struct double_partition **partition) {
    if (call->error != ERR_NONE)
        return call->error;
    if ((!bytes_is_null(topic) && !bytes_equal_text(topic, "t")) || index < 0 ||
        index >= DOUBLE_PARTITIONS)
        return ERR_UNKNOWN_TOPIC_OR_PARTITION;
    *partition = &call->cluster->partitions[index];
    return (*partition)->leader_id == call->broker->id ? ERR_NONE : ERR_NOT_LEADER_OR_FOLLOWER;
}

static inline void serve_produce(struct double_call *call) {
    const struct produce_request *request = call->request;
    struct produce_response response;

    produce_response_init(&response);
    response.responses = arena_alloc(call->arena, (size_t)request->topic_data_count + 1,
                                     sizeof(*response.responses));
    response.responses_count = request->topic_data_count;
    for (int32_t i = 0; i < request->topic_data_count; i++) {
        const struct produce_request_topic_data *from = &request->topic_data[i];
        struct produce_response_responses *to = &response.responses[i];

        to->name = from->name;
        to->partition_responses = arena_alloc(call->arena, (size_t)from->partition_data_count + 1,
                                              sizeof(*to->partition_responses));
        to->partition_responses_count = from->partition_data_count;
        for (int32_t j = 0; j < from->partition_data_count; j++) {
            struct produce_response_responses_partition_responses *answer =
                &to->partition_responses[j];
            struct double_partition *partition = NULL;

            produce_response_responses_partition_responses_init(answer);
            answer->index = from->partition_data[j].index;
            answer->base_offset = -1;
            answer->error_code =
                (int16_t)partition_of_double(call, from->name, answer->index, &partition);
            if (answer->error_code == ERR_NONE)
                answer->base_offset =
                    append_batch_double(partition, from->partition_data[j].records.data);
        }
    }
    produce_response_encode(call->writer, call->version, &response);
}

/* The near replica answers, too, as far as it has the log. */
static inline enum error check_fetch(struct double_call *call, int32_t index, int64_t offset,
                                     struct double_partition **partition) {
    enum error error = partition_of_double(call, BYTES_NULL, index, partition);
    int64_t end_offset = *partition == NULL ? 0 : (*partition)->end_offset;

    if (error == ERR_NOT_LEADER_OR_FOLLOWER && *partition != NULL &&
        (*partition)->near_id == call->broker->id) {
        error = ERR_NONE;
        end_offset = (*partition)->near_end_offset;
    }
    if (error == ERR_NONE && (offset > end_offset || offset < (*partition)->log_start_offset))
        error = ERR_OFFSET_OUT_OF_RANGE;
    return error;
}

static inline void fill_records(struct double_call *call, const struct double_partition *partition,
                                int64_t offset,
                                struct fetch_response_responses_partitions *answer) {
    size_t size = 0;
    uint8_t *records;

    for (size_t i = 0; i < partition->batch_count; i++)
        if (partition->batches[i].next_offset > offset)
            size += partition->batches[i].size;
    records = arena_alloc(call->arena, size + 1, 1);
    CHECK(records != NULL);
    answer->records.data = bytes_of(records, size);
    for (size_t i = 0; i < partition->batch_count; i++) {
        if (partition->batches[i].next_offset <= offset)
            continue;
        memcpy(records, partition->batches[i].bytes, partition->batches[i].size);
        records += partition->batches[i].size;
    }
}

static inline void serve_fetch(struct double_call *call) {
    const struct fetch_request *request = call->request;
    struct fetch_response response;

    fetch_response_init(&response);
    response.responses =
        arena_alloc(call->arena, (size_t)request->topics_count + 1, sizeof(*response.responses));
    response.responses_count = request->topics_count;
    for (int32_t i = 0; i < request->topics_count; i++) {
        const struct fetch_request_topics *from = &request->topics[i];
        struct fetch_response_responses *to = &response.responses[i];

        to->topic = from->topic;
        to->topic_id = from->topic_id;
        to->partitions =
            arena_alloc(call->arena, (size_t)from->partitions_count + 1, sizeof(*to->partitions));
        to->partitions_count = from->partitions_count;
        for (int32_t j = 0; j < from->partitions_count; j++) {
            int64_t offset = from->partitions[j].fetch_offset;
            struct fetch_response_responses_partitions *answer = &to->partitions[j];
            struct double_partition *partition = NULL;

            fetch_response_responses_partitions_init(answer);
            answer->partition_index = from->partitions[j].partition;
            answer->error_code =
                (int16_t)check_fetch(call, answer->partition_index, offset, &partition);
            answer->records.data = bytes_of("", 0);
            answer->high_watermark = -1;
            if (answer->error_code != ERR_NONE)
                continue;
            answer->high_watermark = partition->end_offset;
            answer->last_stable_offset = partition->end_offset;
            answer->log_start_offset = partition->log_start_offset;
            if (call->broker->id == partition->leader_id && partition->near_left > 0) {
                partition->near_left--;
                answer->preferred_read_replica = partition->near_id;
            } else {
                fill_records(call, partition, offset, answer);
            }
        }
    }
    fetch_response_encode(call->writer, call->version, &response);
}

static inline int64_t offset_of_time(const struct double_partition *partition, int64_t timestamp) {
    if (timestamp == -1)
        return partition->end_offset;
    if (timestamp == -2)
        return partition->log_start_offset;
    for (size_t i = 0; i < partition->batch_count; i++)
        if (partition->batches[i].max_timestamp >= timestamp)
            return partition->batches[i].base_offset;
    return -1;
}

static inline void serve_list_offsets(struct double_call *call) {
    const struct list_offsets_request *request = call->request;
    struct list_offsets_response response;

    list_offsets_response_init(&response);
    response.topics =
        arena_alloc(call->arena, (size_t)request->topics_count + 1, sizeof(*response.topics));
    response.topics_count = request->topics_count;
    for (int32_t i = 0; i < request->topics_count; i++) {
        const struct list_offsets_request_topics *from = &request->topics[i];
        struct list_offsets_response_topics *to = &response.topics[i];

        to->name = from->name;
        to->partitions =
            arena_alloc(call->arena, (size_t)from->partitions_count + 1, sizeof(*to->partitions));
        to->partitions_count = from->partitions_count;
        for (int32_t j = 0; j < from->partitions_count; j++) {
            struct list_offsets_response_topics_partitions *answer = &to->partitions[j];
            struct double_partition *partition = NULL;

            list_offsets_response_topics_partitions_init(answer);
            answer->partition_index = from->partitions[j].partition_index;
            answer->error_code =
                (int16_t)partition_of_double(call, from->name, answer->partition_index, &partition);
            if (answer->error_code == ERR_NONE)
                answer->offset = offset_of_time(partition, from->partitions[j].timestamp);
        }
    }
    list_offsets_response_encode(call->writer, call->version, &response);
}

/* Every epoch reaches to the log's end: nothing is ever cut here. */
static inline void serve_epochs(struct double_call *call) {
    const struct offset_for_leader_epoch_request *request = call->request;
    struct offset_for_leader_epoch_response response;

    offset_for_leader_epoch_response_init(&response);
    response.topics =
        arena_alloc(call->arena, (size_t)request->topics_count + 1, sizeof(*response.topics));
    response.topics_count = request->topics_count;
    for (int32_t i = 0; i < request->topics_count; i++) {
        const struct offset_for_leader_epoch_request_topics *from = &request->topics[i];
        struct offset_for_leader_epoch_response_topics *to = &response.topics[i];

        to->topic = from->topic;
        to->partitions =
            arena_alloc(call->arena, (size_t)from->partitions_count + 1, sizeof(*to->partitions));
        to->partitions_count = from->partitions_count;
        for (int32_t j = 0; j < from->partitions_count; j++) {
            struct double_partition *partition = NULL;

            to->partitions[j].partition = from->partitions[j].partition;
            to->partitions[j].error_code = (int16_t)partition_of_double(
                call, from->topic, from->partitions[j].partition, &partition);
            to->partitions[j].leader_epoch = from->partitions[j].leader_epoch;
            if (to->partitions[j].error_code == ERR_NONE)
                to->partitions[j].end_offset = partition->end_offset;
        }
    }
    offset_for_leader_epoch_response_encode(call->writer, call->version, &response);
}

static inline bool double_serve(struct double_call *call, int16_t api_key) {
    switch (api_key) {
    case API_API_VERSIONS:
        serve_api_versions(call);
        return true;
    case API_METADATA:
        serve_metadata(call);
        return true;
    case API_INIT_PRODUCER_ID:
        serve_init_producer_id(call);
        return true;
    case API_PRODUCE:
        serve_produce(call);
        return ((const struct produce_request *)call->request)->acks != 0;
    case API_FETCH:
        serve_fetch(call);
        return true;
    case API_LIST_OFFSETS:
        serve_list_offsets(call);
        return true;
    case API_OFFSET_FOR_LEADER_EPOCH:
        serve_epochs(call);
        return true;
    default:
        CHECK(call->cluster->serve_more != NULL);
        return call->cluster->serve_more(call, api_key);
    }
}

/* --- connections ------------------------------------------------------------------------- */

static inline bool double_read(int fd, uint8_t *data, size_t size) {
    while (size > 0) {
        ssize_t count = read(fd, data, size);

        if (count <= 0)
            return false;
        data += count;
        size -= (size_t)count;
    }
    return true;
}

static inline bool double_write(int fd, const uint8_t *data, size_t size) {
    while (size > 0) {
        ssize_t count = send(fd, data, size, MSG_NOSIGNAL);

        if (count <= 0)
            return false;
        data += count;
        size -= (size_t)count;
    }
    return true;
}

/* Carries out one request; says what is to become of the connection. */
static inline enum handled double_handle(struct broker_double *broker, int fd, struct bytes frame) {
    struct cluster_double *cluster = broker->cluster;
    struct double_call call = {.broker = broker, .cluster = cluster};
    struct fault fault = {0, FAULT_ERROR, ERR_NONE};
    struct request_header header;
    const struct wire_api *api;
    struct wire_writer writer;
    struct wire_reader reader;
    struct arena arena;
    void *request;
    enum handled handled = HANDLED_OPEN;
    bool answers;

    wire_reader_init(&reader, frame);
    CHECK(request_header_decode(&reader, &header) == ERR_NONE);
    api = wire_api_find(header.api_key);
    CHECK(api != NULL && header.api_version <= api->version_max);
    arena_init(&arena, (size_t)1 << 30);
    request = arena_alloc(&arena, 1, api->request->size);
    CHECK(api->request->decode(&reader, header.api_version, &arena, request) == ERR_NONE);
    wire_writer_init(&writer, (size_t)1 << 30);
    wire_write_i32(&writer, 0);
    response_header_encode(&writer, header.api_key, header.api_version, header.correlation_id);
    mutex_lock(&cluster->lock);
    cluster->served[header.api_key]++;
    (void)double_take_fault(cluster, header.api_key, &fault); /* none is none */
    call.arena = &arena;
    call.request = request;
    call.error = fault.error;
    call.writer = &writer;
    call.version = header.api_version;
    answers = fault.kind != FAULT_DROP_BEFORE && fault.kind != FAULT_STALL &&
              double_serve(&call, header.api_key);
    mutex_unlock(&cluster->lock);
    if (fault.kind == FAULT_DROP_BEFORE || fault.kind == FAULT_DROP_AFTER) {
        handled = HANDLED_CLOSE;
    } else if (fault.kind == FAULT_STALL) {
        handled = HANDLED_STALL;
    } else if (answers) {
        CHECK(writer.error == ERR_NONE);
        wire_patch_i32(&writer, 0, (int32_t)writer.size - 4);
        if (!double_write(fd, writer.data, writer.size))
            handled = HANDLED_CLOSE;
    }
    wire_writer_done(&writer);
    arena_done(&arena);
    return handled;
}

static inline enum handled double_serve_one(struct broker_double *broker, int fd) {
    uint8_t prefix[4];
    uint8_t *frame;
    enum handled handled = HANDLED_CLOSE;
    size_t size;

    if (!double_read(fd, prefix, sizeof(prefix)))
        return HANDLED_CLOSE;
    size = (size_t)prefix[0] << 24 | (size_t)prefix[1] << 16 | (size_t)prefix[2] << 8 | prefix[3];
    frame = malloc(size + 1);
    CHECK(frame != NULL);
    if (double_read(fd, frame, size))
        handled = double_handle(broker, fd, bytes_of(frame, size));
    free(frame);
    return handled;
}

static inline bool double_is_stopping(struct cluster_double *cluster) {
    bool stopping;

    mutex_lock(&cluster->lock);
    stopping = cluster->stopping;
    mutex_unlock(&cluster->lock);
    return stopping;
}

static inline void *broker_double_run(void *argument) {
    struct broker_double *broker = argument;

    while (!double_is_stopping(broker->cluster)) {
        struct pollfd fds[DOUBLE_CONNECTIONS + 1] = {{.fd = broker->listener, .events = POLLIN}};
        size_t count = broker->connection_count;

        for (size_t i = 0; i < count; i++)
            fds[i + 1] = (struct pollfd){.fd = broker->connections[i], .events = POLLIN};
        if (poll(fds, count + 1, 20) <= 0)
            continue;
        for (size_t i = count; i > 0; i--) {
            enum handled handled =
                fds[i].revents == 0 ? HANDLED_OPEN : double_serve_one(broker, fds[i].fd);

            if (handled == HANDLED_OPEN)
                continue;
            if (handled == HANDLED_CLOSE)
                close(fds[i].fd);
            else
                broker->stalled[broker->stalled_count++] = fds[i].fd;
            broker->connections[i - 1] = broker->connections[--broker->connection_count];
        }
        if ((fds[0].revents & POLLIN) != 0) {
            CHECK(broker->connection_count < DOUBLE_CONNECTIONS);
            broker->connections[broker->connection_count++] = accept(broker->listener, NULL, NULL);
        }
    }
    for (size_t i = 0; i < broker->connection_count; i++)
        close(broker->connections[i]);
    for (size_t i = 0; i < broker->stalled_count; i++)
        close(broker->stalled[i]);
    return NULL;
}

static inline void broker_double_start(struct cluster_double *cluster, int32_t id) {
    struct broker_double *broker = &cluster->brokers[id - 1];
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(address);

    broker->cluster = cluster;
    broker->id = id;
    broker->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK(broker->listener >= 0);
    CHECK(bind(broker->listener, (struct sockaddr *)&address, sizeof(address)) == 0);
    CHECK(listen(broker->listener, 16) == 0);
    CHECK(getsockname(broker->listener, (struct sockaddr *)&address, &size) == 0);
    broker->port = ntohs(address.sin_port);
}

/* Brokers 1 and 2; partition p of topic "t" is led by broker 1 + p % 2, 1 is the controller. */
static inline struct cluster_double *cluster_double_start(void) {
    struct cluster_double *cluster = calloc(1, sizeof(*cluster));

    CHECK(cluster != NULL);
    mutex_init(&cluster->lock);
    cluster->controller_id = 1;
    cluster->next_producer_id = 1000;
    cluster->hidden_api = -1;
    cluster->partition_count = DOUBLE_PARTITIONS;
    for (int32_t i = 0; i < DOUBLE_PARTITIONS; i++)
        cluster->partitions[i].leader_id = 1 + i % 2;
    for (int32_t i = 0; i < DOUBLE_BROKERS; i++)
        broker_double_start(cluster, i + 1);
    snprintf(cluster->bootstrap, sizeof(cluster->bootstrap), "127.0.0.1:%d",
             cluster->brokers[0].port);
    for (int32_t i = 0; i < DOUBLE_BROKERS; i++)
        CHECK(pthread_create(&cluster->brokers[i].thread, NULL, broker_double_run,
                             &cluster->brokers[i]) == 0);
    return cluster;
}

static inline void cluster_double_stop(struct cluster_double *cluster) {
    mutex_lock(&cluster->lock);
    cluster->stopping = true;
    mutex_unlock(&cluster->lock);
    for (int32_t i = 0; i < DOUBLE_BROKERS; i++) {
        CHECK(pthread_join(cluster->brokers[i].thread, NULL) == 0);
        close(cluster->brokers[i].listener);
    }
    for (int32_t i = 0; i < DOUBLE_PARTITIONS; i++)
        for (size_t j = 0; j < cluster->partitions[i].batch_count; j++)
            free(cluster->partitions[i].batches[j].bytes);
    mutex_done(&cluster->lock);
    free(cluster);
}

#endif
