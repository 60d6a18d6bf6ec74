#include "client/consumer/reader.h"

#include <string.h>

void reader_init(struct reader *reader) {
    memset(reader, 0, sizeof(*reader));
    reader->state = READER_IDLE;
    reader->log_start_offset = -1;
    reader->high_watermark = -1;
    reader->last_stable_offset = -1;
    reader->end_epoch = NO_END_EPOCH;
}

static void settle(struct reader *reader) {
    reader->asking = false;
    reader->failures = 0;
    reader->retry_at_ms = 0;
}

static void look_up(struct reader *reader, int64_t timestamp, enum error reason) {
    reader->state = READER_LOOKUP;
    reader->timestamp = timestamp;
    reader->reset_reason = reason;
}

static void read_from(struct reader *reader, int64_t offset, int32_t epoch) {
    reader->state = READER_READING;
    reader->fetch_offset = offset;
    reader->fetch_epoch = epoch;
    reader->end_reported_at = -1;
}

void reader_assign(struct reader *reader, struct barnabas_position position, int64_t known_by_ms) {
    uint64_t generation = reader->generation + 1;

    reader_init(reader);
    reader->generation = generation;
    reader->known_by_ms = known_by_ms;
    reader->leader_epoch = -1;
    switch (position.kind) {
    case BARNABAS_FROM_BEGINNING:
        look_up(reader, TIMESTAMP_EARLIEST, ERR_NONE);
        break;
    case BARNABAS_FROM_END:
        look_up(reader, TIMESTAMP_LATEST, ERR_NONE);
        break;
    case BARNABAS_FROM_TIME:
        look_up(reader, position.value, ERR_NONE);
        break;
    case BARNABAS_FROM_OFFSET:
        read_from(reader, position.value, -1);
        break;
    }
}

void reader_unassign(struct reader *reader) {
    uint64_t generation = reader->generation + 1;

    reader_init(reader);
    reader->generation = generation;
}

void reader_fail(struct reader *reader, enum error error, struct reader_outcome *outcome) {
    reader->state = READER_FAILED;
    reader->asking = false;
    outcome->tell = true;
    outcome->kind = BARNABAS_PARTITION_FAILED;
    outcome->offset = reader->fetch_offset;
    outcome->error = error;
}

static void again(struct reader *reader, int64_t retry_at_ms, struct reader_outcome *outcome) {
    reader->asking = false;
    reader->failures++;
    reader->retry_at_ms = retry_at_ms;
    outcome->refresh = true;
}

static void lower(int64_t *at_ms, int64_t to_ms) {
    if (to_ms < *at_ms)
        *at_ms = to_ms;
}

/* The view does not know the partition: it may be young, or misspelt. */
static enum reader_need next_of_unknown(struct reader *reader, enum error topic_error,
                                        int64_t now_ms, int64_t *at_ms,
                                        struct reader_outcome *outcome) {
    enum error error = topic_error == ERR_NONE ? ERR_UNKNOWN_TOPIC_OR_PARTITION : topic_error;

    if (!error_is_retriable(error) || now_ms >= reader->known_by_ms) {
        reader_fail(reader, error, outcome);
        return NEED_NOTHING;
    }
    lower(at_ms, reader->known_by_ms);
    return NEED_LEADER;
}

enum reader_need reader_next(struct reader *reader, const struct view_partition *partition,
                             enum error topic_error, int64_t now_ms, int64_t *at_ms,
                             struct reader_outcome *outcome) {
    *outcome = (struct reader_outcome){0};
    if (reader->state == READER_IDLE || reader->state == READER_FAILED || reader->asking)
        return NEED_NOTHING;
    if (partition == NULL)
        return next_of_unknown(reader, topic_error, now_ms, at_ms, outcome);
    /* Should it vanish later, that is for the broker to say. */
    reader->known_by_ms = INT64_MAX;
    if (now_ms < reader->retry_at_ms) {
        lower(at_ms, reader->retry_at_ms);
        return NEED_NOTHING;
    }
    if (partition->leader_id == VIEW_NO_LEADER)
        return NEED_LEADER;
    if (reader->state == READER_LOOKUP)
        return NEED_OFFSET;
    if (reader->fetch_epoch >= 0 && partition->leader_epoch > reader->leader_epoch &&
        reader->leader_epoch >= 0)
        reader->state = READER_VALIDATING;
    if (reader->state == READER_VALIDATING)
        return NEED_VALIDATION;
    if (reader->state == READER_CONFIRMING)
        return NEED_OFFSET;
    return reader->paused ? NEED_NOTHING : NEED_RECORDS;
}

static void tell_end(struct reader *reader, struct reader_outcome *outcome) {
    reader->end_reported_at = reader->fetch_offset;
    outcome->tell = true;
    outcome->kind = BARNABAS_END_REACHED;
    outcome->offset = reader->fetch_offset;
}

/* Meanwhile records may have come, or come to light: then they are read first. */
static void on_end(struct reader *reader, enum error error, int64_t offset, int32_t leader_epoch,
                   int64_t retry_at_ms, struct reader_outcome *outcome) {
    reader->state = READER_READING;
    if (error != ERR_NONE && error_is_retriable(error)) {
        again(reader, retry_at_ms, outcome);
    } else if (error != ERR_NONE || offset < 0) {
        reader_fail(reader, error != ERR_NONE ? error : ERR_MALFORMED, outcome);
    } else {
        settle(reader);
        reader->end_offset = offset;
        reader->end_epoch = leader_epoch;
        if (reader->fetch_offset >= offset)
            tell_end(reader, outcome);
    }
}

void reader_on_offset(struct reader *reader, enum error error, int64_t offset, int32_t leader_epoch,
                      int64_t retry_at_ms, struct reader_outcome *outcome) {
    *outcome = (struct reader_outcome){0};
    if (reader->state == READER_CONFIRMING) {
        on_end(reader, error, offset, leader_epoch, retry_at_ms, outcome);
        return;
    }
    if (error != ERR_NONE) {
        if (error_is_retriable(error))
            again(reader, retry_at_ms, outcome);
        else
            reader_fail(reader, error, outcome);
        return;
    }
    settle(reader);
    if (offset < 0 && reader->timestamp >= 0) {
        reader->timestamp = TIMESTAMP_LATEST;
        return;
    }
    if (offset < 0) {
        reader_fail(reader, ERR_MALFORMED, outcome);
        return;
    }
    read_from(reader, offset, -1);
    if (leader_epoch > reader->leader_epoch)
        reader->leader_epoch = leader_epoch;
    if (reader->reset_reason != ERR_NONE) {
        outcome->tell = true;
        outcome->kind = BARNABAS_POSITION_RESET;
        outcome->offset = offset;
        outcome->error = reader->reset_reason;
    }
    reader->reset_reason = ERR_NONE;
}

static void reset(struct reader *reader, enum error reason, enum offset_reset policy,
                  struct reader_outcome *outcome) {
    switch (policy) {
    case OFFSET_RESET_EARLIEST:
        look_up(reader, TIMESTAMP_EARLIEST, reason);
        break;
    case OFFSET_RESET_LATEST:
        look_up(reader, TIMESTAMP_LATEST, reason);
        break;
    case OFFSET_RESET_NONE:
        reader_fail(reader, reason, outcome);
        break;
    }
}

void reader_on_epoch_end(struct reader *reader, enum error error, int32_t epoch, int64_t end_offset,
                         int32_t current_epoch, enum offset_reset policy, int64_t retry_at_ms,
                         struct reader_outcome *outcome) {
    *outcome = (struct reader_outcome){0};
    if (error != ERR_NONE) {
        if (error_is_retriable(error))
            again(reader, retry_at_ms, outcome);
        else
            reader_fail(reader, error, outcome);
        return;
    }
    settle(reader);
    reader->leader_epoch = current_epoch;
    if (end_offset < 0 || epoch < 0) {
        reset(reader, ERR_OFFSET_OUT_OF_RANGE, policy, outcome);
    } else if (end_offset < reader->fetch_offset && policy == OFFSET_RESET_NONE) {
        reader_fail(reader, ERR_OFFSET_OUT_OF_RANGE, outcome);
    } else if (end_offset < reader->fetch_offset) {
        /* The new leader never had what we read behind there. */
        read_from(reader, end_offset, epoch);
        outcome->tell = true;
        outcome->kind = BARNABAS_POSITION_RESET;
        outcome->offset = end_offset;
        outcome->error = ERR_OFFSET_OUT_OF_RANGE;
    } else {
        reader->state = READER_READING;
    }
}

void reader_on_fetch_error(struct reader *reader, enum error error, enum offset_reset policy,
                           int64_t retry_at_ms, struct reader_outcome *outcome) {
    *outcome = (struct reader_outcome){0};
    if (error == ERR_OFFSET_OUT_OF_RANGE) {
        settle(reader);
        reset(reader, error, policy, outcome);
    } else if (error_is_retriable(error)) {
        again(reader, retry_at_ms, outcome);
    } else {
        reader_fail(reader, error, outcome);
    }
}

void reader_on_records(struct reader *reader, int64_t next_offset, int32_t epoch,
                       int32_t current_epoch, int64_t end_offset, struct reader_outcome *outcome) {
    *outcome = (struct reader_outcome){0};
    settle(reader);
    if (next_offset > reader->fetch_offset)
        reader->fetch_offset = next_offset;
    if (epoch >= 0)
        reader->fetch_epoch = epoch;
    if (current_epoch > reader->leader_epoch)
        reader->leader_epoch = current_epoch;
    if (end_offset < 0 || reader->fetch_offset < end_offset ||
        reader->end_reported_at == reader->fetch_offset)
        return;
    if (reader->end_epoch != current_epoch) {
        reader->state = READER_CONFIRMING;
        reader->timestamp = TIMESTAMP_LATEST;
    } else if (reader->fetch_offset >= reader->end_offset) {
        tell_end(reader, outcome);
    }
}
