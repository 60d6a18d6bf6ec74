/* A good log passes; a flipped bit in any file is found or does no harm: the log opens, what is
 * read is what was written or an error, and after a repair all is good again. */
#include "tests/unit/broker/log/log_fixture.h"

#include "broker/log/log_repair.h"
#include "broker/log/log_verify.h"
#include "broker/log/partition_metadata.h"
#include "client/wire/big_endian.h"
#include "client/wire/end_transaction_marker.h"

#define FLIPS_PER_FILE 40
#define OFFSETS_MAX    200 /* more than there are */

struct report {
    struct log_verify verify;
    char last[512];
};

static void on_finding(void *context, const struct log_finding *finding) {
    struct report *report = context;

    snprintf(report->last, sizeof(report->last), "%s:%lld: %s", finding->path,
             (long long)finding->position, finding->problem);
}

static int64_t findings(const char *path, struct report *report) {
    *report = (struct report){
        .verify = {.disk = disk_system(), .on_finding = on_finding, .context = report}};
    assert_int_equal(log_verify_path(&report->verify, path), ERR_NONE);
    return report->verify.findings;
}

static void append_from(struct fixture *f, struct log *log, int64_t producer_id, int32_t sequence,
                        enum compression codec, int32_t leader_epoch) {
    struct batch_spec spec = {.records = 3,
                              .value_bytes = 40,
                              .timestamp = FIXTURE_NOW_MS + log_end_offset(log),
                              .leader_epoch = leader_epoch,
                              .producer_id = producer_id,
                              .base_sequence = sequence,
                              .is_transactional = producer_id == 2000,
                              .codec = codec};
    struct log_append_result result;

    assert_int_equal(append_batch(f, log, &spec, &result), ERR_NONE);
}

static void abort_transaction(struct fixture *f, struct log *log) {
    struct log_append_options options = {.origin = LOG_APPEND_COORDINATOR};
    struct end_transaction_marker one = {2000, 0, 5, false, FIXTURE_NOW_MS};
    uint8_t batch[END_TRANSACTION_MARKER_BYTES];
    struct log_append_result result;

    end_transaction_marker_encode(&one, batch);
    assert_int_equal(log_append_as_leader(log, batch, sizeof(batch), 1, FIXTURE_NOW_MS, &options,
                                          &f->arena, &result),
                     ERR_NONE);
}

/* A log with a file of every kind, closed. */
static int64_t make_log(struct fixture *f) {
    struct uuid topic_id;
    struct log *log;
    struct rng rng;
    int64_t end;

    rng_seed(&rng, 1);
    topic_id = uuid_random(&rng);
    fixture_init(f);
    f->config.segment_bytes = 1500;
    f->config.index_interval_bytes = 150;
    assert_int_equal(partition_metadata_write(&f->disk.disk, f->log_path, &topic_id, true),
                     ERR_NONE);
    log = fixture_load(f, true, 0);
    for (int32_t i = 0; i < 24; i++) {
        bool is_first = i % 3 == 0;
        append_from(f, log, is_first ? 2000 : 1000, is_first ? i : (i - i / 3 - 1) * 3,
                    COMPRESSION_NONE, i / 9);
        if (i % 6 == 5)
            abort_transaction(f, log);
    }
    append_from(f, log, 0, 0, COMPRESSION_GZIP, 3);
    end = log_end_offset(log);
    fixture_close(f, log);
    return end;
}

static void a_good_log_passes(void **state) {
    struct report report;
    struct fixture f;
    (void)state;

    make_log(&f);
    if (findings(f.log_path, &report) > 0)
        fail_msg("%s", report.last);
    assert_int_equal(report.verify.partitions, 1);
    assert_true(report.verify.segments > 1);
    assert_int_equal(report.verify.batches, 29);
    assert_int_equal(report.verify.records, 25 * 3 + 4);
    assert_int_equal(findings(f.root, &report), 0);
    assert_int_equal(report.verify.partitions, 1);
    fixture_done(&f);
}

static void a_time_index_tells_the_times_of_its_batches(void **state) {
    static const int off[] = {-1, 1};
    struct report report;
    struct fixture f;
    char path[PATH_MAX];
    char *data;
    size_t size;
    (void)state;

    make_log(&f);
    snprintf(path, sizeof(path), "%s/%020d.timeindex", f.log_path, 0);
    assert_int_equal(disk_read_file(disk_system(), path, 1 << 20, &data, &size), ERR_NONE);
    assert_true(size >= 24);
    for (size_t at = 0; at < size; at += 12) {
        for (size_t i = 0; i < 2; i++) {
            uint64_t right = big_endian_load_u64((const uint8_t *)data + at);
            big_endian_store_u64((uint8_t *)data + at, right + (uint64_t)off[i]);
            spit(path, data, size);
            assert_int_equal(findings(f.log_path, &report), 1);
            assert_non_null(strstr(report.last, "contradicts the batches"));
            big_endian_store_u64((uint8_t *)data + at, right);
        }
    }
    free(data);
    fixture_done(&f);
}

/* ---- flipped bits ---- */

/* The files of a good log, in memory. */
struct kept_file {
    char name[64];
    uint8_t *data;
    size_t size;
};

struct kept_log {
    const char *dir;
    struct kept_file files[32];
    size_t count;
};

static enum error keep_file(void *context, const struct disk_entry *entry) {
    struct kept_log *kept = context;
    struct kept_file *file = &kept->files[kept->count++];
    char *data;

    assert_false(entry->is_dir);
    assert_true(kept->count <= 32);
    snprintf(file->name, sizeof(file->name), "%s", entry->name);
    assert_int_equal(
        disk_read_file(disk_system(), path_in(kept->dir, entry->name), 1 << 20, &data, &file->size),
        ERR_NONE);
    file->data = (uint8_t *)data;
    return ERR_NONE;
}

static void put_back(const struct kept_log *kept) {
    remove_tree(kept->dir);
    assert_int_equal(mkdir(kept->dir, 0755), 0);
    for (size_t i = 0; i < kept->count; i++)
        spit(path_in(kept->dir, kept->files[i].name), kept->files[i].data, kept->files[i].size);
}

static bool ends_in(const char *name, const char *suffix) {
    return strlen(name) >= strlen(suffix) &&
           strcmp(name + strlen(name) - strlen(suffix), suffix) == 0;
}

/* What is read from each offset on begins with a batch that holds it, or with an error. */
static void read_everything(struct log *log, bool check_crc) {
    int64_t end = log_end_offset(log) < OFFSETS_MAX ? log_end_offset(log) : OFFSETS_MAX;

    /* A flipped base offset may put the log end anywhere. */
    for (int64_t offset = log_start_offset(log); offset < end; offset++) {
        struct file_range range;
        struct record_batch batch;
        enum error error = log_read(log, offset, log_end_offset(log), 1, true, &range);
        uint8_t *data;
        size_t size;
        if (error != ERR_NONE) {
            assert_int_equal(error, ERR_CORRUPT_MESSAGE);
            assert_false(check_crc);
            continue;
        }
        data = malloc(range.size + 1);
        assert_non_null(data);
        assert_int_equal(log_range_copy(log, &range, data, &size), ERR_NONE);
        log_range_release(&range);
        if (size > 0 && record_batch_decode(bytes_of(data, size), &batch) == ERR_NONE) {
            /* After a clean stop nothing is read whole, and a base offset has no checksum: what
             * it says may be wrong then. */
            if (check_crc) {
                assert_true(record_batch_last_offset(&batch) >= offset);
                assert_true(record_batch_crc_is_valid(&batch));
            }
        } else {
            assert_false(check_crc && size > 0);
        }
        free(data);
    }
}

static void open_and_read(struct fixture *f, bool clean) {
    struct log *log = NULL;

    assert_int_equal(fixture_try_load(f, clean, 0, 0, &log), ERR_NONE);
    read_everything(log, !clean);
    fixture_crash(f, log);
    assert_int_equal(f->failures, 0);
}

/* The base offset of a batch and its leader epoch lie outside of its checksum. */
static bool has_no_checksum(const char *name, const uint8_t *data, size_t size, size_t at) {
    struct bytes rest = bytes_of(data, size);
    struct stored_batch batch;

    if (!ends_in(name, ".log"))
        return true;
    while (stored_batch_decode(rest, &batch) == ERR_NONE) {
        size_t begin = (size_t)(rest.data - data);
        if (at < begin + batch.size)
            return at < begin + 8 || (at >= begin + 12 && at < begin + 16);
        rest = bytes_of(rest.data + batch.size, rest.size - batch.size);
    }
    return false;
}

static void flip_in(struct fixture *f, const struct kept_log *kept, struct kept_file *file,
                    struct rng *rng) {
    for (int i = 0; i < FLIPS_PER_FILE && file->size > 0; i++) {
        size_t at = (size_t)rng_below(rng, file->size);
        uint8_t bit = (uint8_t)(1 << rng_below(rng, 8));
        bool may_hide = has_no_checksum(file->name, file->data, file->size, at);
        struct log_repair repair = {0};
        struct report report;
        file->data[at] ^= bit;
        put_back(kept);
        if (findings(f->log_path, &report) == 0 && !may_hide)
            fail_msg("%s: a flip of %02x at %zu is not found", file->name, bit, at);
        open_and_read(f, true);
        put_back(kept);
        open_and_read(f, false);
        assert_int_equal(log_repair_partition(disk_system(), f->log_path, &repair), ERR_NONE);
        /* Only the controller knows the topic's id: it is adopted from there. */
        if (findings(f->log_path, &report) > 0 && strcmp(file->name, "partition.metadata") != 0)
            fail_msg("%s: after a flip of %02x at %zu and a repair: %s", file->name, bit, at,
                     report.last);
        file->data[at] ^= bit;
    }
}

static void a_flipped_bit_is_found_or_does_no_harm(void **state) {
    struct kept_log kept = {0};
    struct fixture f;
    struct rng rng;
    (void)state;

    make_log(&f);
    logger_set_level(LOG_LEVEL_ERROR + 1);
    kept.dir = f.log_path;
    assert_int_equal(disk_list(disk_system(), f.log_path, keep_file, &kept), ERR_NONE);
    assert_true(kept.count > 10);
    rng_seed_from_kernel(&rng);
    for (size_t i = 0; i < kept.count; i++)
        flip_in(&f, &kept, &kept.files[i], &rng);
    for (size_t i = 0; i < kept.count; i++)
        free(kept.files[i].data);
    fixture_done(&f);
}

/* ---- what is told ---- */

static void damage_is_told_with_file_and_position(void **state) {
    struct report report;
    struct fixture f;
    char *path;
    size_t size;
    uint8_t *data;
    (void)state;

    make_log(&f);
    path = path_in(f.log_path, "00000000000000000000.log");
    data = slurp(path, &size);
    data[size - 1] ^= 1;
    spit(path, data, size);
    assert_true(findings(f.log_path, &report) > 0);
    free(data);
    assert_non_null(strstr(report.last, "/topic-0/"));
    path = path_in(f.log_path, "leader-epoch-checkpoint");
    spit(path, "nonsense\n", 9);
    assert_true(findings(f.log_path, &report) > 0);
    assert_non_null(strstr(report.last, "leader-epoch-checkpoint:-1: it is no list"));
    spit(path_in(f.root, "recovery-point-offset-checkpoint"), "0\n7\n", 4);
    assert_true(findings(f.root, &report) > 0);
    fixture_done(&f);
}

static void repair_cuts_what_is_damaged_and_keeps_the_rest(void **state) {
    struct log_repair repair = {0};
    struct report report;
    struct fixture f;
    int64_t end = make_log(&f);
    char *path;
    size_t size;
    uint8_t *data;
    (void)state;

    assert_int_equal(log_repair_partition(disk_system(), f.log_path, &repair), ERR_NONE);
    assert_int_equal(repair.log_end_offset, end);
    assert_int_equal(repair.bytes_before, repair.bytes_after);
    path = path_in(f.log_path, "00000000000000000000.log");
    data = slurp(path, &size);
    data[size / 2] ^= 1;
    spit(path, data, size);
    free(data);
    logger_set_level(LOG_LEVEL_ERROR + 1);
    assert_int_equal(log_repair_partition(disk_system(), f.log_path, &repair), ERR_NONE);
    assert_in_range(repair.log_end_offset, 1, end / 2);
    assert_true(repair.bytes_after < repair.bytes_before);
    assert_int_equal(findings(f.log_path, &report), 0);
    assert_int_equal(log_repair_partition(disk_system(), f.root, &repair),
                     ERR_INVALID_TOPIC_EXCEPTION);
    fixture_done(&f);
}

/* True if it was ended. */
static bool repair_with_fault(enum disk_operation kind, int64_t fail_at, bool is_damaged) {
    struct log_repair repair = {0};
    char *marker, *path;
    struct stat found;
    struct fixture f;
    enum error error;
    uint8_t *data;
    size_t size;
    bool is_marked;

    make_log(&f);
    logger_set_level(LOG_LEVEL_ERROR + 1);
    marker = path_in(f.root, ".kafka_cleanshutdown");
    spit(marker, "{}", 2);
    path = path_in(f.log_path, "00000000000000000000.log");
    data = slurp(path, &size);
    data[size / 2] ^= is_damaged;
    spit(path, data, size);
    free(data);
    f.disk.only_one_kind = true;
    f.disk.only = kind;
    f.disk.calls = 0;
    f.disk.fail_at = fail_at;
    f.disk.keeps_failing = true;
    f.disk.failed = false;
    error = log_repair_partition(&f.disk.disk, f.log_path, &repair);
    assert_int_equal(error != ERR_NONE, f.disk.failed);
    assert_int_equal(stat(path, &found), 0);
    is_marked = access(marker, F_OK) == 0;
    /* With the mark a broker would lead what it does not have. */
    assert_false(is_marked && found.st_size < (off_t)size);
    if (!f.disk.failed)
        assert_int_equal(is_marked, !is_damaged);
    fixture_done(&f);
    return f.disk.failed;
}

static void a_repair_leaves_no_mark_of_a_clean_stop_beside_a_log_that_it_cut(void **state) {
    static const enum disk_operation kinds[] = {DISK_UNLINK, DISK_RENAME, DISK_SYNC, DISK_TRUNCATE};
    (void)state;

    for (size_t i = 0; i < ARRAY_COUNT(kinds); i++)
        for (int64_t at = 0; repair_with_fault(kinds[i], at, true); at++)
            continue;
    assert_false(repair_with_fault(DISK_UNLINK, -1, false));
}

/* What tells of it is the next segment: the base offset is outside of the checksum. */
static void a_batch_that_claims_offsets_of_the_next_segment_is_cut(void **state) {
    struct stored_batch last = {0}, batch;
    struct log_repair repair = {0};
    struct report report;
    struct bytes rest;
    struct fixture f;
    int64_t end = make_log(&f);
    char *path = path_in(f.log_path, "00000000000000000000.log");
    size_t size;
    uint8_t *data = slurp(path, &size);
    (void)state;

    for (rest = bytes_of(data, size); stored_batch_decode(rest, &batch) == ERR_NONE;
         rest = bytes_of(rest.data + batch.size, rest.size - batch.size)) {
        last = batch;
        last.position = rest.data - data;
    }
    data[last.position + 6] ^= 0x80;
    spit(path, data, size);
    free(data);
    logger_set_level(LOG_LEVEL_ERROR + 1);
    assert_true(findings(f.log_path, &report) > 0);
    assert_int_equal(log_repair_partition(disk_system(), f.log_path, &repair), ERR_NONE);
    assert_int_equal(repair.log_end_offset, last.base_offset);
    assert_true(repair.log_end_offset < end);
    assert_int_equal(findings(f.log_path, &report), 0);
    fixture_done(&f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_good_log_passes),
        cmocka_unit_test(a_time_index_tells_the_times_of_its_batches),
        cmocka_unit_test(a_flipped_bit_is_found_or_does_no_harm),
        cmocka_unit_test(damage_is_told_with_file_and_position),
        cmocka_unit_test(a_batch_that_claims_offsets_of_the_next_segment_is_cut),
        cmocka_unit_test(repair_cuts_what_is_damaged_and_keeps_the_rest),
        cmocka_unit_test(a_repair_leaves_no_mark_of_a_clean_stop_beside_a_log_that_it_cut),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
