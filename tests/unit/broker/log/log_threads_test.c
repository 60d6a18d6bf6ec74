/* Readers and flushes beside an appender that also rolls and truncates; for the thread sanitizer,
 * and to see that a reader never gets anything but whole batches that were appended. */
#include "tests/unit/broker/log/log_fixture.h"

#include "client/wire/big_endian.h"

#define READERS 3
#define APPENDS 3000

struct shared {
    struct log *log;
    bool stop;            /* atomic */
    int64_t batches_read; /* atomic */
};

/* CHECK in the threads: cmocka can only fail a test from its own. */
static void check_range(struct shared *shared, int64_t offset) {
    static _Thread_local uint8_t data[1 << 16];
    struct record_batch batch;
    struct file_range range;
    struct bytes rest;
    enum error error;
    size_t size;

    error = log_read(shared->log, offset, log_end_offset(shared->log), sizeof(data), true, &range);
    if (error == ERR_OFFSET_OUT_OF_RANGE)
        return; /* truncated meanwhile */
    CHECK(error == ERR_NONE);
    CHECK(log_range_copy(shared->log, &range, data, &size) == ERR_NONE);
    log_range_release(&range);
    rest = bytes_of(data, size);
    while (record_batch_decode(rest, &batch) == ERR_NONE) {
        /* A truncation and a new append may have replaced the bytes while they were copied. */
        if (!record_batch_crc_is_valid(&batch))
            return;
        CHECK(record_batch_last_offset(&batch) >= offset);
        offset = record_batch_last_offset(&batch) + 1;
        rest = bytes_of(rest.data + batch.whole.size, rest.size - batch.whole.size);
        (void)__atomic_add_fetch(&shared->batches_read, 1, __ATOMIC_RELAXED);
    }
}

static void *reader(void *argument) {
    struct shared *shared = argument;
    struct log_timestamp_offset found;
    uint64_t turn = 0;

    while (!__atomic_load_n(&shared->stop, __ATOMIC_ACQUIRE)) {
        int64_t end = log_end_offset(shared->log);
        int64_t start = log_start_offset(shared->log);
        turn = turn * 6364136223846793005u + 1442695040888963407u;
        if (end > start)
            check_range(shared, start + (int64_t)(turn >> 33) % (end - start));
        CHECK(log_offset_for_timestamp(shared->log, FIXTURE_NOW_MS + (int64_t)(turn >> 40) % 5000,
                                       end, &found) == ERR_NONE);
        CHECK(log_size(shared->log) >= 0);
    }
    return NULL;
}

static void readers_see_whole_batches_while_the_log_changes(void **state) {
    pthread_t threads[READERS];
    struct shared shared = {0};
    struct fixture f;
    (void)state;

    fixture_init(&f);
    f.config.segment_bytes = 4000;
    f.config.index_interval_bytes = 200;
    f.config.flush_messages = 3;
    shared.log = fixture_load(&f, true, 0);
    for (int i = 0; i < READERS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, reader, &shared), 0);
    for (int i = 0; i < APPENDS; i++) {
        append_records(&f, shared.log, 1 + i % 3);
        if (i % 97 == 96)
            assert_int_equal(log_truncate(shared.log, log_end_offset(shared.log) - i % 60),
                             ERR_NONE);
        if (i % 1111 == 1110)
            assert_int_equal(
                log_truncate_fully_and_start_at(shared.log, log_end_offset(shared.log)), ERR_NONE);
        log_note_high_watermark(shared.log, log_end_offset(shared.log));
    }
    /* The readers must have met something. */
    while (__atomic_load_n(&shared.batches_read, __ATOMIC_RELAXED) < 100)
        sched_yield();
    __atomic_store_n(&shared.stop, true, __ATOMIC_RELEASE);
    for (int i = 0; i < READERS; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    fixture_close(&f, shared.log);
    fixture_done(&f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(readers_see_whole_batches_while_the_log_changes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
