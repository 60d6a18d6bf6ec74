/* What opening makes of a folder that a crash, a bad disk or Kafka left. */
#include "tests/unit/broker/log/log_fixture.h"

#define LOG_FILE   "00000000000000000000.log"
#define INDEX_FILE "00000000000000000000.index"
#define TIME_FILE  "00000000000000000000.timeindex"

/* Sizes and ends of the batches in a segment file. */
struct layout {
    int64_t position[64];    /* where the i-th batch begins; [count] is the end of the file */
    int64_t next_offset[64]; /* behind the i-th batch */
    int count;
};

static struct layout layout_of(const uint8_t *data, size_t size) {
    struct bytes rest = bytes_of(data, size);
    struct layout layout = {0};
    struct stored_batch batch;

    while (rest.size > 0) {
        assert_int_equal(stored_batch_decode(rest, &batch), ERR_NONE);
        layout.next_offset[layout.count] = batch.last_offset + 1;
        layout.position[++layout.count] = (int64_t)(size - rest.size + batch.size);
        rest = bytes_of(rest.data + batch.size, rest.size - batch.size);
    }
    return layout;
}

/* A folder with one segment, as a crash left it; its .log is `*data` (from malloc). */
static struct layout crashed_segment(struct fixture *f, uint8_t **data, size_t *size) {
    struct log *log = fixture_load(f, true, 0);

    for (int i = 0; i < 12; i++)
        append_records(f, log, 1 + i % 3);
    fixture_crash(f, log);
    *data = slurp(path_in(f->log_path, LOG_FILE), size);
    return layout_of(*data, *size);
}

static int64_t offset_of_cut(const struct layout *layout, int64_t cut) {
    int64_t offset = 0;

    for (int i = 0; i < layout->count && layout->position[i + 1] <= cut; i++)
        offset = layout->next_offset[i];
    return offset;
}

static void a_torn_tail_is_cut_wherever_it_was_torn(void **state) {
    struct fixture f;
    struct layout layout;
    uint8_t *data;
    size_t size;
    (void)state;

    fixture_init(&f);
    f.config.index_interval_bytes = 100;
    layout = crashed_segment(&f, &data, &size);
    for (size_t cut = 0; cut <= size; cut++) {
        int64_t expected = offset_of_cut(&layout, (int64_t)cut);
        struct log *log;
        spit(path_in(f.log_path, LOG_FILE), data, cut);
        log = fixture_load(&f, false, 0);
        assert_int_equal(log_end_offset(log), expected);
        assert_int_equal(append_records(&f, log, 2), expected);
        fixture_crash(&f, log);
    }
    free(data);
    fixture_done(&f);
}

static void zeros_and_garbage_behind_the_end_are_cut(void **state) {
    struct fixture f;
    struct layout layout;
    uint8_t *data;
    size_t size;
    (void)state;

    fixture_init(&f);
    layout = crashed_segment(&f, &data, &size);
    for (int garbage = 0; garbage < 2; garbage++) {
        struct log *log;
        memset(data + size, garbage ? 0xa5 : 0, 5000);
        spit(path_in(f.log_path, LOG_FILE), data, size + 5000);
        log = fixture_load(&f, false, 0);
        assert_int_equal(log_end_offset(log), layout.next_offset[layout.count - 1]);
        assert_int_equal(log_size(log), size);
        fixture_crash(&f, log);
    }
    free(data);
    fixture_done(&f);
}

/* What stands in the way of a recovery. */
enum index_damage {
    INDEX_AS_IT_WAS,
    INDEX_MISSING,
    INDEX_TORN,
    INDEX_WITH_ZEROS_BEHIND,
    TIME_INDEX_OF_OTHERS, /* an offset beyond the end */
    INDEX_DAMAGES_THAT_SHOW,
    INDEX_OF_OTHERS = INDEX_DAMAGES_THAT_SHOW, /* a clean start has no reason not to believe it */
    INDEX_TWICE_AS_LONG,
    INDEX_DAMAGES
};

static void damage_index(struct fixture *f, enum index_damage damage, const uint8_t *index,
                         size_t size) {
    uint8_t *damaged = calloc(2, size);

    assert_non_null(damaged);
    memcpy(damaged, index, size);
    switch (damage) {
    case INDEX_AS_IT_WAS:
        break;
    case INDEX_MISSING:
        assert_int_equal(unlink(path_in(f->log_path, INDEX_FILE)), 0);
        break;
    case INDEX_TORN:
        spit(path_in(f->log_path, INDEX_FILE), damaged, size - 3);
        break;
    case INDEX_WITH_ZEROS_BEHIND:
        spit(path_in(f->log_path, INDEX_FILE), damaged, size + 8);
        break;
    case TIME_INDEX_OF_OTHERS:
        memset(damaged, 0x11, TIME_INDEX_ENTRY_BYTES);
        spit(path_in(f->log_path, TIME_FILE), damaged, TIME_INDEX_ENTRY_BYTES);
        break;
    case INDEX_OF_OTHERS:
        memset(damaged + size / 3, 0x11, size / 3);
        spit(path_in(f->log_path, INDEX_FILE), damaged, size);
        break;
    case INDEX_TWICE_AS_LONG:
        memcpy(damaged + size, index, size);
        spit(path_in(f->log_path, INDEX_FILE), damaged, 2 * size);
        break;
    case INDEX_DAMAGES:
        break;
    }
    free(damaged);
}

static void check_file(struct fixture *f, const char *name, const uint8_t *expected, size_t size) {
    size_t found_size;
    uint8_t *found = slurp(path_in(f->log_path, name), &found_size);

    assert_int_equal(found_size, size);
    assert_memory_equal(found, expected, size);
    free(found);
}

/* The indexes after recovery are those that appending made. */
static void recovery_rebuilds_the_same_index(void **state) {
    struct fixture f;
    struct log *log;
    uint8_t *index;
    uint8_t *times;
    size_t index_size;
    size_t times_size;
    (void)state;

    fixture_init(&f);
    f.config.index_interval_bytes = 150;
    log = fixture_load(&f, true, 0);
    for (int i = 0; i < 500; i++)
        append_records(&f, log, 1 + i % 5);
    fixture_close(&f, log);
    index = slurp(path_in(f.log_path, INDEX_FILE), &index_size);
    times = slurp(path_in(f.log_path, TIME_FILE), &times_size);
    assert_true(index_size > 2 * INDEX_TAIL_ENTRIES * OFFSET_INDEX_ENTRY_BYTES);
    for (int clean = 0; clean < 2; clean++) {
        for (int damage = 0; damage < (clean ? INDEX_DAMAGES_THAT_SHOW : INDEX_DAMAGES); damage++) {
            damage_index(&f, (enum index_damage)damage, index, index_size);
            log = fixture_load(&f, clean, 0);
            assert_int_equal(log_end_offset(log), 1500);
            fixture_close(&f, log);
            check_file(&f, INDEX_FILE, index, index_size);
            check_file(&f, TIME_FILE, times, times_size);
        }
    }
    free(index);
    free(times);
    fixture_done(&f);
}

/* ---- what is whole is left alone ---- */

static int64_t changes; /* of anything on disk */

static enum error count_changes(struct disk *disk, enum disk_operation operation, const char *path,
                                size_t *size) {
    (void)disk;
    (void)path;
    (void)size;
    changes += operation != DISK_OPEN && operation != DISK_READ && operation != DISK_LIST &&
               operation != DISK_STAT;
    return ERR_NONE;
}

static void append_with_producers(struct fixture *f, struct log *log, int count) {
    struct batch_spec spec = {.records = 2, .timestamp = FIXTURE_NOW_MS, .value_bytes = 30};
    struct log_append_result result;

    for (int i = 0; i < count; i++) {
        spec.producer_id = 1 + i % 3;
        spec.base_sequence = i / 3 * 2;
        assert_int_equal(append_batch(f, log, &spec, &result), ERR_NONE);
    }
}

/* After a crash of a broker most of thousands of logs are as they should be. Each change of a file
 * would wait for the journal of the file system, and the next start for all of them. */
static void a_log_that_is_whole_is_recovered_without_a_change(void **state) {
    (void)state;

    for (int was_closed = 0; was_closed < 2; was_closed++) {
        struct fixture f;
        struct log *log;
        int64_t end;
        fixture_init(&f);
        f.config.segment_bytes = 1000;
        log = fixture_load(&f, true, 0);
        append_with_producers(&f, log, 20);
        assert_true(log->segment_count > 2);
        end = log_end_offset(log);
        if (was_closed)
            fixture_close(&f, log);
        else
            fixture_crash(&f, log);
        changes = 0;
        f.disk.disk.before = count_changes;
        log = fixture_load(&f, false, end);
        assert_int_equal(changes, 0);
        assert_int_equal(log_end_offset(log), end);
        f.disk.disk.before = faulty_before;
        assert_int_equal(append_records(&f, log, 1), end);
        fixture_close(&f, log);
        fixture_done(&f);
    }
}

/* Headers that are looked for again once the page cache has dropped them took most of a start. */
static void recovery_reads_each_segment_once(void **state) {
    struct batch_spec spec = {
        .records = 4, .timestamp = FIXTURE_NOW_MS, .value_bytes = 4096, .producer_id = 7};
    struct log_append_result result;
    struct fixture f;
    struct log *log;
    (void)state;

    fixture_init(&f);
    f.config.segment_bytes = 1 << 20;
    log = fixture_load(&f, true, 0);
    for (int i = 0; i < 100; i++, spec.base_sequence += 4)
        assert_int_equal(append_batch(&f, log, &spec, &result), ERR_NONE);
    assert_int_equal(log->segment_count, 2);
    fixture_crash(&f, log);
    f.disk.only = DISK_READ;
    f.disk.only_one_kind = true;
    f.disk.calls = 0;
    log = fixture_load(&f, false, 0);
    assert_in_range(f.disk.calls, 2, 10);
    spec.base_sequence -= 4;
    assert_int_equal(append_batch(&f, log, &spec, &result), ERR_DUPLICATE_BATCH);
    fixture_close(&f, log);
    fixture_done(&f);
}

/* It was written before the crash, and says something else than the batches. */
static void a_snapshot_at_the_end_that_is_wrong_is_not_kept(void **state) {
    struct batch_spec spec = {.records = 2, .timestamp = FIXTURE_NOW_MS, .value_bytes = 30};
    struct log_append_result result;
    struct fixture f;
    struct log *log;
    uint8_t *other;
    size_t size;
    char name[64];
    (void)state;

    fixture_init(&f);
    log = fixture_load(&f, true, 0);
    append_with_producers(&f, log, 3);
    fixture_close(&f, log);
    other = slurp(path_in(f.log_path, "00000000000000000006.snapshot"), &size);
    log = fixture_load(&f, true, 0);
    append_records(&f, log, 2); /* of no producer */
    spec.producer_id = 9;
    assert_int_equal(append_batch(&f, log, &spec, &result), ERR_NONE);
    snprintf(name, sizeof(name), "%020lld.snapshot", (long long)log_end_offset(log));
    fixture_close(&f, log);
    spit(path_in(f.log_path, name), other, size);
    free(other);
    log = fixture_load(&f, false, 0);
    assert_false(file_exists(f.log_path, name));
    assert_int_equal(append_batch(&f, log, &spec, &result), ERR_DUPLICATE_BATCH);
    fixture_close(&f, log);
    fixture_done(&f);
}

static void a_cut_takes_all_later_segments_with_it(void **state) {
    struct fixture f;
    struct log *log;
    uint8_t *data;
    size_t size;
    int64_t base;
    char name[64];
    (void)state;

    fixture_init(&f);
    f.config.segment_bytes = 500;
    log = fixture_load(&f, true, 0);
    for (int i = 0; i < 40; i++)
        append_records(&f, log, 1);
    assert_true(log->segment_count > 5);
    base = log->segments[2]->base_offset;
    fixture_crash(&f, log);
    snprintf(name, sizeof(name), "%020lld.log", (long long)base);
    data = slurp(path_in(f.log_path, name), &size);
    data[size / 2] ^= 0x10;
    spit(path_in(f.log_path, name), data, size);
    /* Below the recovery point nothing is read. */
    log = fixture_load(&f, false, base + 10);
    assert_int_equal(log_end_offset(log), 40);
    fixture_crash(&f, log);
    log = fixture_load(&f, false, base);
    assert_in_range(log_end_offset(log), base, base + 10);
    assert_int_equal(log->segment_count, 3);
    fixture_close(&f, log);
    log = fixture_load(&f, true, 0);
    assert_int_equal(log->segment_count, 3);
    fixture_close(&f, log);
    free(data);
    fixture_done(&f);
}

/* It has no checksum; and a disk may lose what it said was synced. */
static void a_recovery_point_behind_the_end_is_not_believed(void **state) {
    struct fixture f;
    struct log *log;
    char path[4096];
    uint8_t *data;
    size_t size;
    (void)state;

    fixture_init(&f);
    f.config.segment_bytes = 300;
    logger_set_level(LOG_LEVEL_ERROR + 1);
    log = fixture_load(&f, true, 0);
    for (int i = 0; i < 10; i++)
        append_records(&f, log, 2);
    assert_true(log->segment_count > 2);
    segment_path(&log->home, 0, SEGMENT_SUFFIX_LOG, path);
    fixture_close(&f, log);
    data = slurp(path, &size);
    data[size - 1] ^= 1;
    spit(path, data, size);
    free(data);
    log = fixture_load(&f, false, 20);
    assert_int_equal(log_end_offset(log), 20); /* what is on disk is not read */
    fixture_crash(&f, log);
    log = fixture_load(&f, false, 21);
    assert_true(log_end_offset(log) < 10);
    fixture_crash(&f, log);
    fixture_done(&f);
}

static void a_log_that_ends_below_its_start_begins_anew_there(void **state) {
    struct fixture f;
    struct log *log;
    (void)state;

    fixture_init(&f);
    log = fixture_load(&f, true, 0);
    append_with_producers(&f, log, 5);
    fixture_close(&f, log);
    assert_int_equal(fixture_try_load(&f, false, 0, 50, &log), ERR_NONE);
    assert_int_equal(log_start_offset(log), 50);
    assert_int_equal(log_end_offset(log), 50);
    assert_int_equal(log_producer_count(log), 0);
    fixture_close(&f, log);
    log = fixture_load(&f, true, 0);
    assert_int_equal(log_end_offset(log), 50);
    fixture_close(&f, log);
    fixture_done(&f);
}

static void leader_epochs_are_rebuilt_from_the_batches(void **state) {
    struct batch_spec spec = {.records = 2, .timestamp = FIXTURE_NOW_MS};
    struct log_append_result result;
    struct fixture f;
    struct log *log;
    (void)state;

    fixture_init(&f);
    log = fixture_load(&f, true, 0);
    for (int i = 0; i < 9; i++) {
        spec.leader_epoch = i / 3 * 2;
        assert_int_equal(append_batch(&f, log, &spec, &result), ERR_NONE);
    }
    fixture_crash(&f, log);
    for (int damage = 0; damage < 3; damage++) {
        bool clean = damage == 1;
        const struct leader_epochs *epochs;
        logger_set_level(LOG_LEVEL_ERROR + 1);
        if (damage == 0)
            assert_int_equal(unlink(path_in(f.log_path, "leader-epoch-checkpoint")), 0);
        if (damage == 1)
            spit(path_in(f.log_path, "leader-epoch-checkpoint"), "0\n7\n", 4);
        if (damage == 2)
            spit(path_in(f.log_path, "leader-epoch-checkpoint"), "0\n2\n0 0\n9 18\n", 13);
        log = fixture_load(&f, clean, 0);
        epochs = log_leader_epochs(log);
        assert_int_equal(leader_epochs_count(epochs), 3);
        for (size_t i = 0; i < 3; i++) {
            assert_int_equal(leader_epochs_get(epochs, i).leader_epoch, 2 * i);
            assert_int_equal(leader_epochs_get(epochs, i).start_offset, 6 * i);
        }
        fixture_close(&f, log);
    }
    fixture_done(&f);
}

static void touch(struct fixture *f, const char *name, const char *like) {
    size_t size = 0;
    uint8_t *data = slurp(path_in(f->log_path, like), &size);

    spit(path_in(f->log_path, name), data, size);
    free(data);
}

static void interrupted_compactions_are_finished_or_undone(void **state) {
    struct fixture f;
    struct log *log;
    (void)state;

    fixture_init(&f);
    f.config.segment_bytes = 500;
    log = fixture_load(&f, true, 0);
    for (int i = 0; i < 30; i++)
        append_records(&f, log, 1);
    fixture_close(&f, log);
    touch(&f, "00000000000000000000.log.cleaned", LOG_FILE);
    touch(&f, "00000000000000000005.log.swap", LOG_FILE);
    touch(&f, "00000000000000000002.timeindex.deleted", LOG_FILE);
    touch(&f, "00000000000000000001.index", INDEX_FILE);
    log = fixture_load(&f, true, 0);
    assert_int_equal(log_end_offset(log), 30);
    fixture_close(&f, log);
    assert_false(file_exists(f.log_path, "00000000000000000000.log.cleaned"));
    assert_false(file_exists(f.log_path, "00000000000000000005.log.swap"));
    assert_false(file_exists(f.log_path, "00000000000000000002.timeindex.deleted"));
    assert_false(file_exists(f.log_path, "00000000000000000001.index"));
    /* A complete swap of the first segment takes over. */
    touch(&f, "00000000000000000000.log.swap", LOG_FILE);
    touch(&f, "00000000000000000000.index.swap", INDEX_FILE);
    touch(&f, "00000000000000000000.timeindex.swap", TIME_FILE);
    log = fixture_load(&f, true, 0);
    assert_int_equal(log_end_offset(log), 30);
    assert_int_equal(log->segments[0]->base_offset, 0);
    fixture_close(&f, log);
    assert_false(file_exists(f.log_path, "00000000000000000000.log.swap"));
    assert_true(file_exists(f.log_path, INDEX_FILE));
    fixture_done(&f);
}

/* magic 0, 1 and 2 in one segment; bytes from Kafka's format description. */
static void old_message_formats_are_kept_and_walked(void **state) {
    static const uint8_t magic0[] = {0,    0, 0, 0, 0, 0, 0, 0,    0, 0, 0, 0x11, 0x61, 0x50, 0x54,
                                     0x27, 0, 0, 0, 0, 0, 1, 0x6b, 0, 0, 0, 2,    0x76, 0x31};
    static const uint8_t magic1[] = {
        0, 0, 0,    0,    0,    0,    0, 1, 0, 0, 0, 0x19, 0x3e, 0x73, 0x16, 0x74, 1,    0,   0,
        0, 1, 0x8b, 0xcf, 0xe5, 0x68, 0, 0, 0, 0, 1, 0x6b, 0,    0,    0,    2,    0x76, 0x31};
    struct batch_spec spec = {.records = 2, .timestamp = FIXTURE_NOW_MS + 10, .base_offset = 2};
    struct log_timestamp_offset found;
    uint8_t data[1000];
    struct fixture f;
    struct log *log;
    uint8_t *batch;
    size_t size;
    size_t got;
    (void)state;

    fixture_init(&f);
    batch = make_batch(&spec, &size);
    memcpy(data, magic0, sizeof(magic0));
    memcpy(data + sizeof(magic0), magic1, sizeof(magic1));
    memcpy(data + sizeof(magic0) + sizeof(magic1), batch, size);
    free(batch);
    size += sizeof(magic0) + sizeof(magic1);
    spit(path_in(f.log_path, LOG_FILE), data, size);
    for (int clean = 0; clean < 2; clean++) {
        log = fixture_load(&f, clean, 0);
        assert_int_equal(log_end_offset(log), 4);
        batch = read_bytes(log, 0, 10000, &got);
        assert_int_equal(got, size);
        assert_memory_equal(batch, data, size);
        free(batch);
        assert_int_equal(log_offset_for_timestamp(log, FIXTURE_NOW_MS, 4, &found), ERR_NONE);
        assert_int_equal(found.offset, 1);
        assert_int_equal(log_offset_for_timestamp(log, FIXTURE_NOW_MS + 1, 4, &found), ERR_NONE);
        assert_int_equal(found.offset, 2);
        fixture_close(&f, log);
    }
    fixture_done(&f);
}

/* The newest is damaged, or gone; or the only one is damaged; or all are gone, and that after a
 * crash: after a clean stop a log without any file has no producers, as in Kafka. */
static void producers_outlive_their_snapshots(void **state) {
    struct batch_spec spec = {.records = 1, .timestamp = FIXTURE_NOW_MS, .producer_id = 5};
    struct log_append_result result;
    struct fixture f;
    struct log *log;
    char name[40];
    (void)state;

    fixture_init(&f);
    f.config.segment_bytes = 300;
    log = fixture_load(&f, true, 0);
    for (int i = 0; i < 20; i++) {
        spec.base_sequence = i;
        assert_int_equal(append_batch(&f, log, &spec, &result), ERR_NONE);
    }
    for (int lost = 0; lost < 4; lost++) {
        fixture_close(&f, log);
        assert_true(file_exists(f.log_path, "00000000000000000020.snapshot"));
        for (int offset = lost == 1 ? 20 : 0; lost > 0 && offset <= 20; offset++) {
            snprintf(name, sizeof(name), "%020d.snapshot", offset);
            (void)unlink(path_in(f.log_path, name)); /* not every offset has one */
        }
        if (lost == 0 || lost == 2)
            spit(path_in(f.log_path, "00000000000000000020.snapshot"), "xx", 2);
        log = fixture_load(&f, lost < 3, 0);
        assert_int_equal(append_batch(&f, log, &spec, &result), ERR_DUPLICATE_BATCH);
        assert_int_equal(result.base_offset, 19);
    }
    fixture_close(&f, log);
    for (int offset = 0; offset <= 20; offset++) {
        snprintf(name, sizeof(name), "%020d.snapshot", offset);
        (void)unlink(path_in(f.log_path, name));
    }
    log = fixture_load(&f, true, 0);
    assert_int_equal(log_producer_count(log), 0);
    fixture_close(&f, log);
    fixture_done(&f);
}

/* A loss of power may take the end of a segment that was not flushed, and leave the next one, which
 * began meanwhile. What is there stays, since it may be the only copy; but it is told. */
static void a_hole_between_segments_is_told_after_a_crash(void **state) {
    static const struct {
        const char *what;
        bool was_clean;
        int64_t recovery_point;
        int64_t hole;
    } cases[] = {
        {"behind the recovery point", false, 3, 5},
        {"before it", false, 6, -1},
        {"just before it", false, 5, 5},
        {"after a clean stop", true, 0, -1},
    };
    char name[40];
    (void)state;

    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct fixture f;
        struct log *log;
        int64_t size;
        fixture_init(&f);
        log = fixture_load(&f, true, 0);
        for (int record = 0; record < 9; record++) {
            if (record % 3 == 0)
                assert_int_equal(log_roll(log, FIXTURE_NOW_MS), ERR_NONE);
            append_records(&f, log, 1);
        }
        assert_int_equal(log->segments[1]->base_offset, 3);
        size = log->segments[1]->size;
        fixture_close(&f, log);
        snprintf(name, sizeof(name), "%020d.log", 3);
        assert_int_equal(truncate(path_in(f.log_path, name), size / 3 * 2), 0);
        snprintf(name, sizeof(name), "%020d.timeindex", 3); /* as if it were made for that */
        (void)unlink(path_in(f.log_path, name));
        log = fixture_load(&f, cases[i].was_clean, cases[i].recovery_point);
        assert_int_equal(log_end_offset(log), 9);
        if (log_hole(log) != cases[i].hole)
            fail_msg("%s: %lld", cases[i].what, (long long)log_hole(log));
        if (cases[i].hole >= 0) {
            assert_int_equal(log_truncate(log, 7), ERR_NONE);
            assert_int_equal(log_hole(log), cases[i].hole);
            assert_int_equal(log_truncate(log, cases[i].hole), ERR_NONE);
            assert_int_equal(log_end_offset(log), cases[i].hole);
            assert_int_equal(log_hole(log), -1);
        }
        fixture_close(&f, log);
        fixture_done(&f);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_torn_tail_is_cut_wherever_it_was_torn),
        cmocka_unit_test(zeros_and_garbage_behind_the_end_are_cut),
        cmocka_unit_test(recovery_rebuilds_the_same_index),
        cmocka_unit_test(a_log_that_is_whole_is_recovered_without_a_change),
        cmocka_unit_test(recovery_reads_each_segment_once),
        cmocka_unit_test(a_snapshot_at_the_end_that_is_wrong_is_not_kept),
        cmocka_unit_test(a_cut_takes_all_later_segments_with_it),
        cmocka_unit_test(a_recovery_point_behind_the_end_is_not_believed),
        cmocka_unit_test(a_log_that_ends_below_its_start_begins_anew_there),
        cmocka_unit_test(leader_epochs_are_rebuilt_from_the_batches),
        cmocka_unit_test(interrupted_compactions_are_finished_or_undone),
        cmocka_unit_test(old_message_formats_are_kept_and_walked),
        cmocka_unit_test(producers_outlive_their_snapshots),
        cmocka_unit_test(a_hole_between_segments_is_told_after_a_crash),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
