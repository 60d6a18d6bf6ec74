#include <stdlib.h>

#include "broker/journal/journal_internal.h"
#include "client/base/logger.h"
#include "client/wire/message_set.h"

#define PLAIN_BYTES_MAX ((size_t)64 << 20) /* of one compressed batch */

/*
 * A partition is read chunk by chunk. A chunk is read in the background into one of two buffers;
 * while the loop takes its records in, the next one is read into the other. At any time one task
 * of the load is on its way or runs, so a load that is dropped is freed by that task.
 */
struct chunk {
    uint8_t *data;
    size_t capacity;
    size_t size;
};

struct journal_load {
    struct journal *journal; /* loop */
    int32_t index;
    struct partition *partition; /* a reference */
    int32_t leader_epoch;
    int64_t offset;     /* of the next chunk */
    int64_t end_offset; /* the log's end when the load began */
    int32_t chunk_bytes;
    struct chunk chunks[2];
    int next; /* which buffer the task fills */
    enum error error;
    bool is_dropped; /* loop */
    int64_t records, begun_ms;
    struct task read;    /* runs in the background */
    struct task arrived; /* runs on the loop */
};

static void load_free(struct journal_load *load) {
    partition_unref(load->partition);
    free(load->chunks[0].data);
    free(load->chunks[1].data);
    free(load);
}

void journal_load_drop(struct journal_load *load) {
    load->is_dropped = true;
}

/* ---- In the background ---- */

static enum error make_room(struct chunk *chunk, size_t size) {
    uint8_t *grown;

    if (size <= chunk->capacity)
        return ERR_NONE;
    grown = realloc(chunk->data, size);
    if (grown == NULL)
        return ERR_OUT_OF_MEMORY;
    chunk->data = grown;
    chunk->capacity = size;
    return ERR_NONE;
}

static enum error copy_range(struct log *log, const struct file_range *range, struct chunk *chunk) {
    enum error error = make_room(chunk, range->size);

    return error != ERR_NONE ? error : log_range_copy(log, range, chunk->data, &chunk->size);
}

/* Written by a Kafka that was told a message format of before 0.11. */
static bool is_message(struct bytes whole) {
    return whole.data[RECORD_BATCH_PREFIX_BYTES - 1] < 2;
}

static enum error check_message(struct bytes whole, int64_t *next_offset) {
    struct message_set_entry entry;
    enum error error = message_set_entry_decode(whole, &entry);

    if (error != ERR_NONE)
        return error;
    if (!message_set_entry_crc_is_valid(&entry))
        return ERR_CORRUPT_MESSAGE;
    *next_offset = entry.offset + 1;
    return ERR_NONE;
}

static enum error check_batch(struct bytes whole, int64_t *next_offset) {
    struct record_batch batch;
    enum error error = record_batch_decode(whole, &batch);

    if (error != ERR_NONE)
        return error;
    if (!record_batch_crc_is_valid(&batch))
        return ERR_CORRUPT_MESSAGE;
    *next_offset = record_batch_last_offset(&batch) + 1;
    return ERR_NONE;
}

/* Forgets what is behind the last whole batch. Gives the offset behind it; unchanged if there is
 * no whole batch. */
static enum error cut_to_whole_batches(struct chunk *chunk, int64_t *offset) {
    struct bytes rest = bytes_of(chunk->data, chunk->size);
    size_t size;
    size_t whole = 0;

    while (rest.size >= RECORD_BATCH_PREFIX_BYTES &&
           record_batch_total_size(rest, &size) == ERR_NONE && size <= rest.size) {
        struct bytes first = bytes_of(rest.data, size);
        enum error error =
            is_message(first) ? check_message(first, offset) : check_batch(first, offset);
        if (error != ERR_NONE)
            return error;
        whole += size;
        rest.data += size;
        rest.size -= size;
    }
    chunk->size = whole;
    return ERR_NONE;
}

static enum error read_from(struct journal_load *load, struct log *log, struct chunk *chunk) {
    int64_t offset = load->offset;
    struct file_range range = {0};
    enum error error;

    chunk->size = 0;
    if (offset >= load->end_offset)
        return ERR_NONE;
    error = log_read(log, offset, load->end_offset, (size_t)load->chunk_bytes, true, &range);
    if (error == ERR_OFFSET_OUT_OF_RANGE && log_start_offset(log) > offset) {
        load->offset = log_start_offset(log); /* deleted under us: what is left counts */
        return ERR_NONE;
    }
    if (error == ERR_NONE && range.size > 0)
        error = copy_range(log, &range, chunk);
    log_range_release(&range);
    if (error == ERR_NONE)
        error = cut_to_whole_batches(chunk, &offset);
    /* Nothing more below the end: what was there has been compacted away. */
    load->offset = error == ERR_NONE && chunk->size == 0 ? load->end_offset : offset;
    return error;
}

/* The log may be moved to another directory meanwhile, and the old one fail. */
static enum error read_chunk(struct journal_load *load, struct chunk *chunk) {
    struct log *log;
    enum error error;

    do {
        log = partition_log(load->partition);
        error = read_from(load, log, chunk);
    } while (error == ERR_KAFKA_STORAGE_ERROR && partition_log(load->partition) != log);
    return error;
}

static void read_in_background(struct task *task) {
    struct journal_load *load = CONTAINER_OF(task, struct journal_load, read);

    load->error = read_chunk(load, &load->chunks[load->next]);
    executor_post(loop_executor(load->journal->config.loop), &load->arrived);
}

/* ---- On the loop ---- */

static void take_record(struct journal_load *load, const struct record_batch *batch,
                        const struct record *record) {
    const struct journal_owner *owner = &load->journal->config.owner;

    owner->on_record(owner->context, load->index, batch, record);
    load->records++;
}

static enum error take_batch(struct journal_load *load, struct bytes whole) {
    struct record_iterator records;
    struct record_batch batch;
    struct record record;
    enum error error;

    if ((error = record_batch_decode(whole, &batch)) != ERR_NONE ||
        (error = record_iterator_init(&records, &batch, PLAIN_BYTES_MAX)) != ERR_NONE)
        return error;
    while (record_iterator_next(&records, &record, &error)) {
        record.offset = batch.base_offset + record.offset_delta;
        take_record(load, &batch, &record);
    }
    record_iterator_done(&records);
    return error;
}

/* As if it were of a batch of a producer without an id. */
static enum error take_message(struct journal_load *load, struct bytes whole) {
    struct record_batch batch = {.producer_id = RECORD_NO_PRODUCER_ID, .producer_epoch = -1};
    struct message_set_iterator records;
    struct message_set_entry entry;
    struct record record;
    enum error error;

    if ((error = message_set_entry_decode(whole, &entry)) != ERR_NONE ||
        (error = message_set_iterator_init(&records, &entry, PLAIN_BYTES_MAX)) != ERR_NONE)
        return error;
    while (message_set_iterator_next(&records, &record)) {
        batch.base_offset = record.offset;
        take_record(load, &batch, &record);
    }
    message_set_iterator_done(&records);
    return ERR_NONE;
}

static enum error take_chunk(struct journal_load *load, const struct chunk *chunk) {
    struct bytes rest = bytes_of(chunk->data, chunk->size);
    size_t size;
    enum error error = ERR_NONE;

    while (error == ERR_NONE && rest.size > 0) {
        struct bytes first;
        if ((error = record_batch_total_size(rest, &size)) != ERR_NONE)
            break;
        first = bytes_of(rest.data, size);
        error = is_message(first) ? take_message(load, first) : take_batch(load, first);
        rest.data += size;
        rest.size -= size;
    }
    return error;
}

/* The partition is ready, or never will be. `offset` is where the load had come to: the background
 * may be at the next chunk. */
static void settle(struct journal_load *load, int64_t offset, enum error error) {
    struct journal *journal = load->journal;
    struct journal_partition *own = &journal->partitions[load->index];
    const struct journal_owner *owner = &journal->config.owner;
    int64_t took_ms = clock_monotonic_ms(journal->config.clock) - load->begun_ms;

    own->load = NULL;
    if (error == ERR_NONE) {
        own->state = JOURNAL_READY;
        LOG_INFO("coordinator_loaded",
                 "topic=%s partition=%d leader_epoch=%d records=%" PRId64 " duration_ms=%" PRId64,
                 journal->config.topic, load->index, load->leader_epoch, load->records, took_ms);
        owner->on_loaded(owner->context, load->index);
    } else {
        /* Serving from half of the journal would give away partitions twice and forget offsets. It
         * stays LOADING: clients are told to wait for another leader or a mended disk. */
        LOG_ERROR("coordinator_not_loaded",
                  "topic=%s partition=%d offset=%" PRId64
                  " error=%s action=\"move its leadership to a replica whose log is sound\"",
                  journal->config.topic, load->index, offset, error_name(error));
    }
}

static void on_arrived(struct task *task) {
    struct journal_load *load = CONTAINER_OF(task, struct journal_load, arrived);
    const struct chunk *chunk = &load->chunks[load->next];
    enum error error = load->error;
    int64_t offset = load->offset;
    bool is_last = error != ERR_NONE || offset >= load->end_offset;

    if (load->is_dropped) {
        load_free(load);
        return;
    }
    if (!is_last) {
        load->next = !load->next;
        executor_post(load->journal->config.background, &load->read);
    }
    if (error == ERR_NONE)
        error = take_chunk(load, chunk);
    if (is_last || error != ERR_NONE)
        settle(load, offset, error);
    if (is_last)
        load_free(load);
    else if (error != ERR_NONE)
        journal_load_drop(load); /* the next chunk is being read */
}

void journal_load_begin(struct journal *journal, int32_t index) {
    struct journal_partition *own = &journal->partitions[index];
    struct journal_load *load = calloc(1, sizeof(*load));

    CHECK(load != NULL);
    *load = (struct journal_load){
        .journal = journal,
        .index = index,
        .partition = own->partition,
        .leader_epoch = own->leader_epoch,
        .offset = log_start_offset(partition_log(own->partition)),
        .end_offset = log_end_offset(partition_log(own->partition)),
        .chunk_bytes = journal->config.load_bytes,
        .begun_ms = clock_monotonic_ms(journal->config.clock),
        .read = {.run = read_in_background},
        .arrived = {.run = on_arrived},
    };
    partition_ref(load->partition);
    own->load = load;
    own->loaded_end = load->end_offset;
    executor_post(journal->config.background, &load->read);
}
