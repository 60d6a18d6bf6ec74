/* One partition's log from outside: what goes in comes out, across segments, restarts and
 * truncations. */
#include "tests/unit/broker/log/log_fixture.h"

#include "client/wire/big_endian.h"

static void an_empty_log_has_no_files_and_nothing_to_read(void **state) {
    struct file_range range;
    struct fixture f;
    struct log *log;
    (void)state;

    fixture_init(&f);
    log = fixture_load(&f, true, 0);
    assert_int_equal(log_end_offset(log), 0);
    assert_int_equal(log_start_offset(log), 0);
    assert_int_equal(log_read(log, 0, 100, 1000, true, &range), ERR_NONE);
    assert_int_equal(range.size, 0);
    assert_null(range.owner);
    assert_int_equal(log_read(log, 1, 100, 1000, true, &range), ERR_OFFSET_OUT_OF_RANGE);
    assert_int_equal(log_read(log, -1, 100, 1000, true, &range), ERR_OFFSET_OUT_OF_RANGE);
    assert_false(file_exists(f.log_path, "00000000000000000000.log"));
    fixture_close(&f, log);
    fixture_done(&f);
}

static void appended_batches_are_stamped_and_read_back(void **state) {
    struct batch_spec spec = {
        .records = 3, .value_bytes = 10, .timestamp = FIXTURE_NOW_MS, .leader_epoch = 5};
    struct log_append_result result;
    struct record_batch batch;
    struct fixture f;
    struct log *log;
    uint8_t *data;
    size_t size;
    (void)state;

    fixture_init(&f);
    log = fixture_load(&f, true, 0);
    for (int i = 0; i < 10; i++) {
        assert_int_equal(append_batch(&f, log, &spec, &result), ERR_NONE);
        assert_int_equal(result.base_offset, 3 * i);
        assert_int_equal(result.last_offset, 3 * i + 2);
        assert_int_equal(result.log_end_offset, 3 * i + 3);
        assert_int_equal(result.log_append_time, -1);
        assert_int_equal(result.max_timestamp, FIXTURE_NOW_MS + 2);
    }
    for (int64_t offset = 0; offset < 30; offset++) {
        data = read_bytes(log, offset, 1, &size);
        assert_int_equal(record_batch_decode(bytes_of(data, size), &batch), ERR_NONE);
        assert_int_equal(batch.base_offset, offset / 3 * 3);
        assert_int_equal(batch.partition_leader_epoch, 5);
        assert_true(record_batch_crc_is_valid(&batch));
        assert_int_equal(batch.whole.size, size);
        free(data);
    }
    assert_int_equal(log_latest_leader_epoch(log), 5);
    fixture_close(&f, log);
    fixture_done(&f);
}

static void a_limit_hides_the_batches_at_and_behind_it(void **state) {
    struct file_range range;
    struct fixture f;
    struct log *log;
    int64_t batch_size;
    (void)state;

    fixture_init(&f);
    log = fixture_load(&f, true, 0);
    for (int i = 0; i < 200; i++)
        append_records(&f, log, 2);
    batch_size = log_size(log) / 200;
    for (int64_t limit = 0; limit <= 400; limit++) {
        for (int64_t offset = 0; offset <= 400; offset += 37) {
            int64_t first = offset / 2;
            int64_t end = limit / 2;
            assert_int_equal(log_read(log, offset, limit, 1 << 20, true, &range), ERR_NONE);
            if (offset >= limit || first >= end) {
                assert_int_equal(range.size, 0);
            } else {
                assert_int_equal(range.position, first * batch_size);
                assert_int_equal(range.size, (end - first) * batch_size);
            }
            log_range_release(&range);
        }
    }
    fixture_close(&f, log);
    fixture_done(&f);
}

/* Batches that the index knows, each of them. */
static void who_copies_a_log_gets_whole_batches(void **state) {
    struct file_range range;
    struct fixture f;
    struct log *log;
    size_t batch_size;
    (void)state;

    fixture_init(&f);
    f.config.index_interval_bytes = 1;
    log = fixture_load(&f, true, 0);
    for (int i = 0; i < 4; i++)
        append_records(&f, log, 1);
    batch_size = (size_t)log_size(log) / 4;
    for (size_t max = 1; max <= 4 * batch_size + 1; max++) {
        size_t batches = max / batch_size;

        assert_int_equal(log_read_whole(log, 0, 4, max, true, &range), ERR_NONE);
        assert_int_equal(range.position, 0);
        assert_int_equal(range.size, (batches < 1 ? 1 : batches > 4 ? 4 : batches) * batch_size);
        log_range_release(&range);
    }
    assert_int_equal(log_read_whole(log, 2, 4, 2 * batch_size - 1, true, &range), ERR_NONE);
    assert_int_equal(range.size, batch_size);
    log_range_release(&range);
    fixture_close(&f, log);
    fixture_done(&f);
}

static void bytes_max_bounds_a_read_but_for_the_first_batch(void **state) {
    struct file_range range;
    struct fixture f;
    struct log *log;
    size_t batch_size;
    (void)state;

    fixture_init(&f);
    log = fixture_load(&f, true, 0);
    for (int i = 0; i < 3; i++)
        append_records(&f, log, 1);
    batch_size = (size_t)log_size(log) / 3;
    assert_int_equal(log_read(log, 1, 3, batch_size + 5, false, &range), ERR_NONE);
    assert_int_equal(range.size, batch_size + 5);
    log_range_release(&range);
    assert_int_equal(log_read(log, 1, 3, 5, true, &range), ERR_NONE);
    assert_int_equal(range.size, batch_size);
    log_range_release(&range);
    assert_int_equal(log_read(log, 1, 3, 5, false, &range), ERR_NONE);
    assert_int_equal(range.size, 5);
    log_range_release(&range);
    assert_int_equal(log_read(log, 1, 3, 0, false, &range), ERR_NONE);
    assert_int_equal(range.size, 0);
    fixture_close(&f, log);
    fixture_done(&f);
}

static void segments_roll_by_size_and_reads_go_across_them(void **state) {
    struct fixture f;
    struct log *log;
    int64_t offset = 0;
    size_t size;
    (void)state;

    fixture_init(&f);
    f.config.segment_bytes = 1000;
    f.config.index_interval_bytes = 200;
    log = fixture_load(&f, true, 0);
    for (int i = 0; i < 100; i++)
        append_records(&f, log, 1 + i % 3);
    assert_true(log->segment_count > 8);
    while (offset < log_end_offset(log)) {
        uint8_t *data = read_bytes(log, offset, 1 << 20, &size);
        struct bytes rest = bytes_of(data, size);
        assert_true(size > 0);
        while (rest.size > 0) {
            struct record_batch batch;
            assert_int_equal(record_batch_decode(rest, &batch), ERR_NONE);
            assert_int_equal(batch.base_offset, offset);
            offset = record_batch_last_offset(&batch) + 1;
            rest = bytes_of(rest.data + batch.whole.size, rest.size - batch.whole.size);
        }
        free(data);
    }
    fixture_close(&f, log);
    fixture_done(&f);
}

/* Bytes that are reserved behind its end. */
static int64_t blocks_behind(const struct fixture *f, const struct segment *segment) {
    struct stat found;
    char name[64];

    snprintf(name, sizeof(name), "%020" PRId64 ".log", segment->base_offset);
    assert_int_equal(stat(path_in(f->log_path, name), &found), 0);
    return (int64_t)found.st_blocks * 512 - found.st_size;
}

/* Freeing blocks waits for the disk, and it is the network thread that rolls. */
static void a_full_segment_is_rolled_without_waiting_for_the_disk_to_free_blocks(void **state) {
    struct batch_spec spec = {.records = 4, .value_bytes = 4000, .timestamp = FIXTURE_NOW_MS};
    const int64_t block = 4096;
    struct log_append_result result;
    const struct segment *last;
    struct fixture f;
    struct log *log;
    (void)state;

    fixture_init(&f);
    f.config.segment_bytes = 2 << 20;
    log = fixture_load(&f, true, 0);
    f.disk.only_one_kind = true;
    f.disk.only = DISK_TRUNCATE;
    f.disk.calls = 0;
    while (log->segment_count < 3)
        assert_int_equal(append_batch(&f, log, &spec, &result), ERR_NONE);
    assert_int_equal(f.disk.calls, 0);
    assert_true(blocks_behind(&f, log->segments[0]) <= (2 << 20) / 64 + block);
    /* One that ends early gives back what was reserved for the rest. */
    last = log->segments[2];
    while (last->size < 5 << 18)
        assert_int_equal(append_batch(&f, log, &spec, &result), ERR_NONE);
    assert_true(blocks_behind(&f, last) > block);
    assert_int_equal(log_roll(log, FIXTURE_NOW_MS), ERR_NONE);
    assert_true(f.disk.calls > 0);
    assert_true(blocks_behind(&f, last) <= block);
    fixture_close(&f, log);
    fixture_done(&f);
}

static void segments_roll_by_the_age_of_their_records(void **state) {
    struct batch_spec spec = {.records = 1, .timestamp = 1000};
    struct log_append_result result;
    struct fixture f;
    struct log *log;
    (void)state;

    fixture_init(&f);
    f.config.segment_ms = 500;
    log = fixture_load(&f, true, 0);
    assert_int_equal(append_batch(&f, log, &spec, &result), ERR_NONE);
    spec.timestamp = 1500;
    assert_int_equal(append_batch(&f, log, &spec, &result), ERR_NONE);
    assert_int_equal(log->segment_count, 1);
    spec.timestamp = 1501;
    assert_int_equal(append_batch(&f, log, &spec, &result), ERR_NONE);
    assert_int_equal(log->segment_count, 2);
    assert_int_equal(log->segments[1]->base_offset, 2);
    assert_true(file_exists(f.log_path, "00000000000000000002.snapshot"));
    fixture_close(&f, log);
    fixture_done(&f);
}

/* Two records per batch; the entry of the batch at position p is due when more than the interval
 * lies between p and the batch of the entry before. */
static void index_files_hold_kafkas_entries(void **state) {
    struct batch_spec spec = {.records = 2, .value_bytes = 39};
    struct log_append_result result;
    struct fixture f;
    struct log *log;
    uint8_t *index;
    uint8_t *times;
    size_t index_size;
    size_t times_size;
    size_t batch_size;
    (void)state;

    fixture_init(&f);
    f.config.index_interval_bytes = 350;
    log = fixture_load(&f, true, 0);
    for (int i = 0; i < 8; i++) {
        spec.timestamp = 5000 + i * 10 - (i == 3 ? 1000 : 0);
        assert_int_equal(append_batch(&f, log, &spec, &result), ERR_NONE);
    }
    batch_size = (size_t)log_size(log) / 8;
    assert_in_range(batch_size, 117, 174); /* so that every third batch is indexed */
    fixture_close(&f, log);
    index = slurp(path_in(f.log_path, "00000000000000000000.index"), &index_size);
    times = slurp(path_in(f.log_path, "00000000000000000000.timeindex"), &times_size);
    assert_int_equal(index_size, 2 * 8);
    assert_int_equal(big_endian_load_u32(index), 7);
    assert_int_equal(big_endian_load_u32(index + 4), 3 * batch_size);
    assert_int_equal(big_endian_load_u32(index + 8), 13);
    assert_int_equal(big_endian_load_u32(index + 12), 6 * batch_size);
    /* Batch 3 is older than batch 2: the entry names batch 2, whose last offset is 5. */
    assert_int_equal(times_size, 3 * 12);
    assert_int_equal(big_endian_load_u64(times), 5021);
    assert_int_equal(big_endian_load_u32(times + 8), 5);
    assert_int_equal(big_endian_load_u64(times + 12), 5061);
    assert_int_equal(big_endian_load_u32(times + 20), 13);
    assert_int_equal(big_endian_load_u64(times + 24), 5071);
    assert_int_equal(big_endian_load_u32(times + 32), 15);
    free(index);
    free(times);
    fixture_done(&f);
}

static void a_clean_restart_finds_everything(void **state) {
    struct fixture f;
    struct log *log;
    (void)state;

    fixture_init(&f);
    f.config.segment_bytes = 2000;
    f.config.index_interval_bytes = 300;
    log = fixture_load(&f, true, 0);
    for (int restart = 0; restart < 5; restart++) {
        int64_t end = log_end_offset(log);
        int64_t size = log_size(log);
        fixture_close(&f, log);
        log = fixture_load(&f, true, 0);
        assert_int_equal(log_end_offset(log), end);
        assert_int_equal(log_size(log), size);
        assert_int_equal(log_flushed_offset(log), end);
        for (int i = 0; i < 15; i++)
            assert_int_equal(append_records(&f, log, 2), end + 2 * i);
    }
    fixture_close(&f, log);
    fixture_done(&f);
}

static void the_duplicate_of_a_batch_is_known_by_its_sequence(void **state) {
    struct batch_spec spec = {.records = 2,
                              .timestamp = FIXTURE_NOW_MS,
                              .producer_id = 7,
                              .producer_epoch = 0,
                              .base_sequence = 0};
    struct log_append_result result;
    struct fixture f;
    struct log *log;
    (void)state;

    fixture_init(&f);
    log = fixture_load(&f, true, 0);
    for (int i = 0; i < 7; i++) {
        spec.base_sequence = 2 * i;
        assert_int_equal(append_batch(&f, log, &spec, &result), ERR_NONE);
    }
    for (int i = 2; i < 7; i++) {
        spec.base_sequence = 2 * i;
        assert_int_equal(append_batch(&f, log, &spec, &result), ERR_DUPLICATE_BATCH);
        assert_int_equal(result.base_offset, 2 * i);
        assert_int_equal(result.last_offset, 2 * i + 1);
        assert_int_equal(result.log_end_offset, 14);
    }
    spec.base_sequence = 2; /* outside the window of five */
    assert_int_equal(append_batch(&f, log, &spec, &result), ERR_OUT_OF_ORDER_SEQUENCE_NUMBER);
    spec.base_sequence = 16;
    assert_int_equal(append_batch(&f, log, &spec, &result), ERR_OUT_OF_ORDER_SEQUENCE_NUMBER);
    for (int clean = 0; clean < 2; clean++) {
        if (clean)
            fixture_close(&f, log);
        else
            fixture_crash(&f, log);
        log = fixture_load(&f, clean, 0);
        spec.base_sequence = 12;
        assert_int_equal(append_batch(&f, log, &spec, &result), ERR_DUPLICATE_BATCH);
        assert_int_equal(result.base_offset, 12);
        spec.base_sequence = 16;
        assert_int_equal(append_batch(&f, log, &spec, &result), ERR_OUT_OF_ORDER_SEQUENCE_NUMBER);
    }
    spec.base_sequence = 14;
    assert_int_equal(append_batch(&f, log, &spec, &result), ERR_NONE);
    fixture_close(&f, log);
    fixture_done(&f);
}

/* A follower keeps the leader's bytes, and indexes them as the leader does. */
static void a_follower_holds_the_leaders_bytes(void **state) {
    struct log_append_result result;
    struct fixture leader_fixture;
    struct fixture follower_fixture;
    struct log *leader;
    struct log *follower;
    (void)state;

    fixture_init(&leader_fixture);
    fixture_init(&follower_fixture);
    leader_fixture.config.segment_bytes = follower_fixture.config.segment_bytes = 3000;
    leader_fixture.config.index_interval_bytes = follower_fixture.config.index_interval_bytes = 256;
    leader = fixture_load(&leader_fixture, true, 0);
    follower = fixture_load(&follower_fixture, true, 0);
    for (int i = 0; i < 100; i++)
        append_records(&leader_fixture, leader, 1 + i % 4);
    while (log_end_offset(follower) < log_end_offset(leader)) {
        size_t size;
        uint8_t *data = read_bytes(leader, log_end_offset(follower), 700, &size);
        assert_int_equal(
            log_append_as_follower(follower, data, size, INT32_MAX, FIXTURE_NOW_MS, &result),
            ERR_NONE);
        assert_true(result.base_offset >= 0);
        free(data);
    }
    assert_int_equal(log_size(follower), log_size(leader));
    for (int64_t offset = 0; offset < log_end_offset(leader); offset += 10) {
        size_t size;
        size_t copy_size;
        uint8_t *data = read_bytes(leader, offset, 100000, &size);
        uint8_t *copy = read_bytes(follower, offset, 100000, &copy_size);
        if (copy_size < size)
            size = copy_size;
        assert_memory_equal(data, copy, size);
        free(data);
        free(copy);
    }
    fixture_close(&leader_fixture, leader);
    fixture_close(&follower_fixture, follower);
    fixture_done(&leader_fixture);
    fixture_done(&follower_fixture);
}

static void a_follower_refuses_what_does_not_fit(void **state) {
    struct batch_spec spec = {
        .records = 2, .timestamp = FIXTURE_NOW_MS, .base_offset = 10, .leader_epoch = 7};
    struct log_append_result result;
    struct fixture f;
    struct log *log;
    uint8_t *batch;
    size_t size;
    (void)state;

    fixture_init(&f);
    log = fixture_load(&f, true, 0);
    batch = make_batch(&spec, &size);
    assert_int_equal(log_append_as_follower(log, batch, size - 1, 7, 0, &result), ERR_NONE);
    assert_int_equal(result.base_offset, -1);
    batch[size - 1] ^= 1;
    assert_int_equal(log_append_as_follower(log, batch, size, 7, 0, &result), ERR_CORRUPT_MESSAGE);
    assert_int_equal(log_end_offset(log), 0);
    batch[size - 1] ^= 1;
    assert_int_equal(log_append_as_follower(log, batch, size, 6, 0, &result),
                     ERR_UNKNOWN_LEADER_EPOCH);
    assert_int_equal(log_end_offset(log), 0);
    assert_int_equal(log_append_as_follower(log, batch, size, 7, 0, &result), ERR_NONE);
    assert_int_equal(result.base_offset, 10);
    assert_int_equal(log_end_offset(log), 12);
    assert_int_equal(log_append_as_follower(log, batch, size, 7, 0, &result),
                     ERR_OFFSET_OUT_OF_RANGE);
    free(batch);
    fixture_close(&f, log);
    fixture_done(&f);
}

static void an_empty_follower_restarts_at_a_batch_that_spans_its_end(void **state) {
    struct batch_spec spec = {.records = 10, .timestamp = FIXTURE_NOW_MS, .base_offset = 95};
    struct log_append_result result;
    struct fixture f;
    struct log *log;
    uint8_t *batch;
    size_t size;
    (void)state;

    fixture_init(&f);
    log = fixture_load(&f, true, 0);
    assert_int_equal(log_truncate_fully_and_start_at(log, 100), ERR_NONE);
    assert_int_equal(log_end_offset(log), 100);
    batch = make_batch(&spec, &size);
    assert_int_equal(log_append_as_follower(log, batch, size, INT32_MAX, 0, &result), ERR_NONE);
    assert_int_equal(log_start_offset(log), 95);
    assert_int_equal(log_end_offset(log), 105);
    free(batch);
    fixture_close(&f, log);
    fixture_done(&f);
}

static void truncation_keeps_whole_batches_below_the_offset(void **state) {
    struct fixture f;
    struct log *log;
    (void)state;

    for (int64_t offset = 0; offset <= 120; offset++) {
        fixture_init(&f);
        f.config.segment_bytes = 700;
        f.config.index_interval_bytes = 100;
        log = fixture_load(&f, true, 0);
        for (int i = 0; i < 40; i++)
            append_records(&f, log, 3);
        assert_int_equal(log_truncate(log, offset), ERR_NONE);
        assert_int_equal(log_end_offset(log), offset / 3 * 3);
        assert_int_equal(append_records(&f, log, 3), offset / 3 * 3);
        fixture_crash(&f, log);
        log = fixture_load(&f, false, 0);
        assert_int_equal(log_end_offset(log), offset / 3 * 3 + 3);
        fixture_close(&f, log);
        fixture_done(&f);
    }
}

static void truncation_forgets_epochs_and_producers_behind_it(void **state) {
    struct batch_spec spec = {.records = 1, .timestamp = FIXTURE_NOW_MS, .producer_id = 9};
    struct log_append_result result;
    struct epoch_end end;
    struct fixture f;
    struct log *log;
    (void)state;

    fixture_init(&f);
    log = fixture_load(&f, true, 0);
    for (int i = 0; i < 6; i++) {
        spec.leader_epoch = i / 2;
        spec.base_sequence = i;
        assert_int_equal(append_batch(&f, log, &spec, &result), ERR_NONE);
    }
    end = log_epoch_end(log, 1);
    assert_int_equal(end.end_offset, 4);
    assert_int_equal(log_truncate(log, 3), ERR_NONE);
    assert_int_equal(log_latest_leader_epoch(log), 1);
    end = log_epoch_end(log, 1);
    assert_int_equal(end.end_offset, 3);
    spec.base_sequence = 5;
    assert_int_equal(append_batch(&f, log, &spec, &result), ERR_OUT_OF_ORDER_SEQUENCE_NUMBER);
    spec.base_sequence = 2;
    assert_int_equal(append_batch(&f, log, &spec, &result), ERR_DUPLICATE_BATCH);
    spec.base_sequence = 3;
    assert_int_equal(append_batch(&f, log, &spec, &result), ERR_NONE);
    fixture_close(&f, log);
    fixture_done(&f);
}

static void a_range_survives_deletion_of_its_segment(void **state) {
    struct file_range range;
    struct fixture f;
    struct log *log;
    uint8_t data[4096];
    size_t size;
    (void)state;

    fixture_init(&f);
    log = fixture_load(&f, true, 0);
    append_records(&f, log, 5);
    assert_int_equal(log_read(log, 0, 5, 4096, true, &range), ERR_NONE);
    assert_int_equal(log_truncate_fully_and_start_at(log, 77), ERR_NONE);
    assert_int_equal(log_range_copy(log, &range, data, &size), ERR_NONE);
    assert_int_equal(size, range.size);
    assert_int_equal(big_endian_load_u64(data), 0);
    log_range_release(&range);
    fixture_close(&f, log);
    log = fixture_load(&f, true, 0);
    assert_int_equal(log_start_offset(log), 77);
    assert_int_equal(log_end_offset(log), 77);
    fixture_close(&f, log);
    fixture_done(&f);
}

static void offsets_are_found_by_time(void **state) {
    static const int64_t timestamps[] = {100, 200, 150, 300, 300, 250, 400};
    struct batch_spec spec = {.records = 2, .value_bytes = 30};
    struct log_timestamp_offset found;
    struct log_append_result result;
    struct fixture f;
    struct log *log;
    (void)state;

    for (int round = 0; round < 4; round++) {
        bool small_segments = round & 1;
        fixture_init(&f);
        f.config.segment_bytes = small_segments ? 400 : 1 << 20;
        f.config.index_interval_bytes = 150;
        log = fixture_load(&f, true, 0);
        for (size_t i = 0; i < ARRAY_COUNT(timestamps); i++) {
            spec.timestamp = timestamps[i];
            spec.leader_epoch = (int32_t)i;
            spec.codec = round & 2 ? COMPRESSION_LZ4 : COMPRESSION_NONE;
            assert_int_equal(append_batch(&f, log, &spec, &result), ERR_NONE);
        }
        for (int64_t target = 0; target < 410; target++) {
            int64_t expected = -1;
            for (size_t i = 0; i < 2 * ARRAY_COUNT(timestamps) && expected < 0; i++) {
                if (timestamps[i / 2] + (int64_t)(i % 2) >= target)
                    expected = (int64_t)i;
            }
            assert_int_equal(log_offset_for_timestamp(log, target, 14, &found), ERR_NONE);
            assert_int_equal(found.offset, expected);
            if (expected >= 0) {
                assert_int_equal(found.timestamp, timestamps[expected / 2] + expected % 2);
                assert_int_equal(found.leader_epoch, expected / 2);
            }
        }
        assert_int_equal(log_offset_for_timestamp(log, 301, 6, &found), ERR_NONE);
        assert_int_equal(found.offset, -1);
        assert_int_equal(log_offset_of_max_timestamp(log, 14, &found), ERR_NONE);
        assert_int_equal(found.offset, 13);
        assert_int_equal(found.timestamp, 401);
        fixture_close(&f, log);
        fixture_done(&f);
    }
}

static void the_start_offset_rises_and_takes_epochs_along(void **state) {
    struct batch_spec spec = {.records = 10, .timestamp = FIXTURE_NOW_MS};
    struct log_append_result result;
    struct file_range range;
    struct fixture f;
    struct log *log;
    (void)state;

    fixture_init(&f);
    log = fixture_load(&f, true, 0);
    for (int i = 0; i < 3; i++) {
        spec.leader_epoch = i;
        assert_int_equal(append_batch(&f, log, &spec, &result), ERR_NONE);
    }
    log_advance_start_offset(log, 15);
    log_advance_start_offset(log, 3);
    assert_int_equal(log_start_offset(log), 15);
    assert_int_equal(log_read(log, 14, 30, 1000, true, &range), ERR_OFFSET_OUT_OF_RANGE);
    assert_int_equal(leader_epochs_earliest(log_leader_epochs(log)).leader_epoch, 1);
    assert_int_equal(leader_epochs_earliest(log_leader_epochs(log)).start_offset, 15);
    log_advance_start_offset(log, 1000);
    assert_int_equal(log_start_offset(log), 30);
    fixture_close(&f, log);
    fixture_done(&f);
}

struct waiter {
    struct log_listener listener;
    struct mutex lock;
    pthread_cond_t changed;
    int64_t flushed;
};

static void waiter_on_flushed(struct log_listener *listener, struct log *log,
                              int64_t flushed_offset) {
    struct waiter *waiter = (struct waiter *)listener;
    (void)log;

    mutex_lock(&waiter->lock);
    waiter->flushed = flushed_offset;
    pthread_cond_signal(&waiter->changed);
    mutex_unlock(&waiter->lock);
}

static void flush_messages_puts_each_append_on_disk_and_says_so(void **state) {
    struct waiter waiter = {.listener.on_flushed = waiter_on_flushed};
    struct fixture f;
    struct log *log;
    (void)state;

    fixture_init(&f);
    f.config.flush_messages = 1;
    f.config.segment_bytes = 1000;
    mutex_init(&waiter.lock);
    pthread_cond_init(&waiter.changed, NULL);
    log = fixture_load(&f, true, 0);
    log_set_listener(log, &waiter.listener);
    for (int i = 0; i < 50; i++) {
        append_records(&f, log, 1);
        mutex_lock(&waiter.lock);
        while (waiter.flushed < i + 1)
            pthread_cond_wait(&waiter.changed, &waiter.lock.raw);
        mutex_unlock(&waiter.lock);
        assert_int_equal(log_flushed_offset(log), i + 1);
    }
    log_set_listener(log, NULL);
    worker_pool_drain(f.pool);
    assert_int_equal(log_recovery_point(log), 50);
    pthread_cond_destroy(&waiter.changed);
    mutex_done(&waiter.lock);
    fixture_close(&f, log);
    fixture_done(&f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_log_has_no_files_and_nothing_to_read),
        cmocka_unit_test(appended_batches_are_stamped_and_read_back),
        cmocka_unit_test(a_limit_hides_the_batches_at_and_behind_it),
        cmocka_unit_test(bytes_max_bounds_a_read_but_for_the_first_batch),
        cmocka_unit_test(who_copies_a_log_gets_whole_batches),
        cmocka_unit_test(segments_roll_by_size_and_reads_go_across_them),
        cmocka_unit_test(a_full_segment_is_rolled_without_waiting_for_the_disk_to_free_blocks),
        cmocka_unit_test(segments_roll_by_the_age_of_their_records),
        cmocka_unit_test(index_files_hold_kafkas_entries),
        cmocka_unit_test(a_clean_restart_finds_everything),
        cmocka_unit_test(the_duplicate_of_a_batch_is_known_by_its_sequence),
        cmocka_unit_test(a_follower_holds_the_leaders_bytes),
        cmocka_unit_test(a_follower_refuses_what_does_not_fit),
        cmocka_unit_test(an_empty_follower_restarts_at_a_batch_that_spans_its_end),
        cmocka_unit_test(truncation_keeps_whole_batches_below_the_offset),
        cmocka_unit_test(truncation_forgets_epochs_and_producers_behind_it),
        cmocka_unit_test(a_range_survives_deletion_of_its_segment),
        cmocka_unit_test(offsets_are_found_by_time),
        cmocka_unit_test(the_start_offset_rises_and_takes_epochs_along),
        cmocka_unit_test(flush_messages_puts_each_append_on_disk_and_says_so),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
