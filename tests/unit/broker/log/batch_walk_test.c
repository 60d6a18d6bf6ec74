/* Walking a file that may hold anything. */
#include "tests/unit/broker/log/log_fixture.h"

#include "broker/log/batch_walk.h"
#include "client/wire/big_endian.h"

#define BATCHES 5

struct sample {
    struct fixture f;
    uint8_t data[8192];
    size_t size;
    size_t ends[BATCHES];
    int fd;
};

/* Batches of 1, 2 ... records, one of them larger than the buffer of a header walk. */
static void set_up(struct sample *sample) {
    int64_t offset = 100;

    fixture_init(&sample->f);
    sample->size = 0;
    for (int i = 0; i < BATCHES; i++) {
        struct batch_spec spec = {.records = i + 1,
                                  .value_bytes = i == 2 ? 1500 : 10,
                                  .timestamp = FIXTURE_NOW_MS + i,
                                  .base_offset = offset,
                                  .leader_epoch = i,
                                  .producer_id = 70 + i};
        size_t size;
        uint8_t *batch = make_batch(&spec, &size);
        memcpy(sample->data + sample->size, batch, size);
        free(batch);
        sample->size += size;
        sample->ends[i] = sample->size;
        offset += i + 1;
    }
    spit(path_in(sample->f.root, "log"), sample->data, sample->size);
    sample->fd = open(path_in(sample->f.root, "log"), O_RDWR);
    assert_true(sample->fd >= 0);
}

static void tear_down(struct sample *sample) {
    close(sample->fd);
    fixture_done(&sample->f);
}

/* Walks up to `end`; returns how many batches there were and where it stopped. */
static int walk_to(struct sample *sample, enum batch_walk_depth depth, int64_t end,
                   int64_t *stopped) {
    struct stored_batch batch;
    struct batch_walk walk;
    int64_t offset = 100;
    int count = 0;
    bool found;

    batch_walk_init(&walk, &sample->f.disk.disk, sample->fd, depth, 0, end);
    for (;;) {
        assert_int_equal(batch_walk_next(&walk, &batch, &found), ERR_NONE);
        if (!found)
            break;
        assert_int_equal(batch.base_offset, offset);
        assert_int_equal(batch.last_offset, offset + count);
        assert_int_equal(batch.leader_epoch, count);
        assert_int_equal(batch.position + (int64_t)batch.size, sample->ends[count]);
        assert_int_equal(batch.max_timestamp, FIXTURE_NOW_MS + 2 * count);
        if (depth == BATCH_WALK_WHOLE)
            assert_memory_equal(batch.whole.data, sample->data + batch.position, batch.size);
        offset = batch.last_offset + 1;
        count++;
    }
    *stopped = walk.position;
    batch_walk_done(&walk);
    return count;
}

static void a_walk_stops_before_what_is_not_whole(void **state) {
    struct sample sample;
    (void)state;

    set_up(&sample);
    for (int depth = BATCH_WALK_HEADERS; depth <= BATCH_WALK_WHOLE; depth++) {
        for (size_t end = 0; end <= sample.size; end++) {
            int expected = 0;
            int64_t stopped;
            while (expected < BATCHES && sample.ends[expected] <= end)
                expected++;
            assert_int_equal(walk_to(&sample, (enum batch_walk_depth)depth, (int64_t)end, &stopped),
                             expected);
            assert_int_equal(stopped, expected == 0 ? 0 : sample.ends[expected - 1]);
        }
    }
    tear_down(&sample);
}

/* Base offset and leader epoch lie outside the CRC. */
static void a_whole_walk_notices_every_changed_byte(void **state) {
    struct sample sample;
    int64_t stopped;
    (void)state;

    set_up(&sample);
    for (size_t at = sample.ends[0]; at < sample.ends[1]; at++) {
        size_t field = at - sample.ends[0];
        uint8_t changed = sample.data[at] ^ 0x20;
        if (field < 8 || (field >= 12 && field < 16))
            continue;
        assert_int_equal(pwrite(sample.fd, &changed, 1, (off_t)at), 1);
        assert_int_equal(walk_to(&sample, BATCH_WALK_WHOLE, (int64_t)sample.size, &stopped), 1);
        assert_int_equal(pwrite(sample.fd, &sample.data[at], 1, (off_t)at), 1);
    }
    assert_int_equal(walk_to(&sample, BATCH_WALK_WHOLE, (int64_t)sample.size, &stopped), BATCHES);
    tear_down(&sample);
}

static void impossible_headers_are_refused(void **state) {
    static const struct {
        size_t at;
        uint32_t value;
    } cases[] = {
        {0, 0x80000000},                    /* negative offset */
        {8, 0xffffffff},                    /* negative length */
        {8, 48},                            /* shorter than a header */
        {16, 0x03000000},                   /* magic 3 */
        {16, 0xff000000}, {23, 0xffffffff}, /* negative last offset delta */
        {0, 0x7fffffff}, /* together with a large low word: the next offset would wrap */
    };
    struct stored_batch batch;
    struct sample sample;
    (void)state;

    set_up(&sample);
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        uint8_t header[RECORD_BATCH_HEADER_BYTES];
        memcpy(header, sample.data, sizeof(header));
        if (i == ARRAY_COUNT(cases) - 1)
            memset(header + 4, 0xff, 4);
        big_endian_store_u32(header + cases[i].at, cases[i].value);
        assert_int_equal(stored_batch_decode(bytes_of(header, sizeof(header)), &batch),
                         ERR_CORRUPT_MESSAGE);
    }
    for (size_t size = 0; size < RECORD_BATCH_HEADER_BYTES; size++)
        assert_int_equal(stored_batch_decode(bytes_of(sample.data, size), &batch),
                         ERR_CORRUPT_MESSAGE);
    tear_down(&sample);
}

/* The marker of producer 1000 as Kafka writes it, with coordinator epoch 4. */
static void a_marker_tells_its_coordinator_epoch(void **state) {
    static const uint8_t marker[] = {
        0,    0,    0,    0,    0,    0,    0,    7,    0,    0,    0, 0x42, 0, 0,    0,    3,
        2,    0xb4, 0x7b, 0x20, 0x5d, 0,    0x30, 0,    0,    0,    0, 0,    0, 1,    0x8b, 0xcf,
        0xe5, 0x68, 0,    0,    0,    1,    0x8b, 0xcf, 0xe5, 0x68, 0, 0,    0, 0,    0,    0,
        0,    3,    0xe8, 0,    2,    0xff, 0xff, 0xff, 0xff, 0,    0, 0,    1, 0x20, 0,    0,
        0,    8,    0,    0,    0,    1,    0x0c, 0,    0,    0,    0, 0,    4, 0};
    struct producer_batch producer;
    struct stored_batch batch;
    (void)state;

    assert_int_equal(stored_batch_decode(bytes_of(marker, sizeof(marker)), &batch), ERR_NONE);
    assert_true(stored_batch_crc_is_valid(&batch, bytes_of(marker, sizeof(marker))));
    assert_true(stored_batch_producer(&batch, &producer));
    assert_int_equal(producer.coordinator_epoch, -1);
    batch.whole = bytes_of(marker, sizeof(marker));
    assert_true(stored_batch_producer(&batch, &producer));
    assert_int_equal(producer.producer_id, 1000);
    assert_int_equal(producer.producer_epoch, 2);
    assert_true(producer.is_control && producer.is_transactional);
    assert_int_equal(producer.last_sequence, -1);
    assert_int_equal(producer.coordinator_epoch, 4);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_walk_stops_before_what_is_not_whole),
        cmocka_unit_test(a_whole_walk_notices_every_changed_byte),
        cmocka_unit_test(impossible_headers_are_refused),
        cmocka_unit_test(a_marker_tells_its_coordinator_epoch),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
