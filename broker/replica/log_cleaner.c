#include "broker/replica/log_cleaner.h"

#include <stdlib.h>

#include "broker/replica/io_throttle.h"
#include "client/base/logger.h"
#include "client/base/sync.h"

#define THREADS_MAX 64

struct cleaner_thread {
    struct log_cleaner *cleaner;
    int index;
    pthread_t thread;
    bool is_started; /* lock; and not joined yet */
    bool has_ended;  /* lock */
};

struct log_cleaner {
    struct replica_manager *replicas;
    struct mutex lock;
    struct condition changed;             /* settings, or the end */
    struct log_cleaner_settings settings; /* lock */
    struct io_throttle throttle;          /* lock */
    uint64_t version;                     /* lock; of the settings */
    bool is_closing;                      /* lock */
    struct cleaner_thread threads[THREADS_MAX];
};

static int64_t now_ms(void) {
    return clock_monotonic_ms(clock_system());
}

/* ---- pace ---- */

/* Waits as long as the rate wants; new settings end the wait. */
static enum error pace(void *context, size_t bytes) {
    struct log_cleaner *cleaner = context;
    int64_t now = now_ms();
    enum error error;
    int64_t until_ms;
    uint64_t version;

    mutex_lock(&cleaner->lock);
    version = cleaner->version;
    until_ms = now + io_throttle_use(&cleaner->throttle, bytes, now);
    while (!cleaner->is_closing && version == cleaner->version && now_ms() < until_ms)
        (void)condition_wait(&cleaner->changed, &cleaner->lock, until_ms);
    error = cleaner->is_closing ? ERR_CANCELLED : ERR_NONE;
    mutex_unlock(&cleaner->lock);
    return error;
}

/* ---- choosing ---- */

struct candidate {
    struct partition *partition; /* a reference, or NULL */
    struct log_compaction *compaction;
    struct compaction_choice choice;
    double dirty_ratio_max; /* of all that were looked at, due or not */
};

static void drop(struct candidate *candidate) {
    log_compaction_end(candidate->compaction);
    partition_unref(candidate->partition);
    candidate->compaction = NULL;
    candidate->partition = NULL;
}

static void note_failure(struct partition *partition, enum error error) {
    /* A cut log is looked at again, a disk that fails has told of it already. */
    if (error == ERR_CANCELLED || error == ERR_KAFKA_STORAGE_ERROR || error == ERR_DISK_FAILED ||
        error == ERR_DISK_FULL)
        return;
    if (error == ERR_OUT_OF_MEMORY) {
        LOG_WARN("compaction_postponed", "topic=%s partition=%d error=%s",
                 partition_topic(partition), partition_index(partition), error_name(error));
        return;
    }
    log_compaction_failed(partition_log(partition));
    LOG_ERROR("compaction_failed",
              "topic=%s partition=%d error=%s "
              "action=\"the partition is not compacted until the next start\"",
              partition_topic(partition), partition_index(partition), error_name(error));
}

static void consider(void *context, struct partition *partition) {
    struct candidate *best = context;
    struct candidate candidate = {.partition = partition};
    enum error error;

    error = partition_begin_compaction(partition, &candidate.compaction);
    if (error == ERR_NONE && candidate.compaction == NULL)
        return;
    if (error == ERR_NONE)
        error = log_compaction_examine(candidate.compaction, &candidate.choice);
    if (error != ERR_NONE)
        note_failure(partition, error);
    else if (candidate.choice.dirty_ratio > best->dirty_ratio_max)
        best->dirty_ratio_max = candidate.choice.dirty_ratio;
    partition_ref(partition);
    if (error != ERR_NONE || !candidate.choice.is_due ||
        (best->partition != NULL && candidate.choice.dirty_ratio <= best->choice.dirty_ratio)) {
        drop(&candidate);
        return;
    }
    if (candidate.choice.checkpoint_is_wrong)
        LOG_WARN("compaction_checkpoint_wrong",
                 "topic=%s partition=%d action=\"compaction begins at the log start\"",
                 partition_topic(partition), partition_index(partition));
    drop(best);
    candidate.dirty_ratio_max = best->dirty_ratio_max;
    *best = candidate;
}

/* ---- working ---- */

static void report(const struct partition *partition, const struct compaction_result *result,
                   int64_t duration_ms) {
    LOG_INFO("log_compacted",
             "topic=%s partition=%d compacted_offset=%" PRId64 " segments_before=%zu "
             "segments_after=%zu bytes_before=%" PRId64 " bytes_after=%" PRId64
             " records_before=%" PRId64 " records_after=%" PRId64 " duration_ms=%" PRId64,
             partition_topic(partition), partition_index(partition), result->compacted_offset,
             result->segments_before, result->segments_after, result->bytes_before,
             result->bytes_after, result->records_read, result->records_kept, duration_ms);
}

static struct compaction_means means_of(struct log_cleaner *cleaner) {
    struct compaction_means means = {.pace = pace, .context = cleaner};
    size_t threads;

    mutex_lock(&cleaner->lock);
    threads = (size_t)cleaner->settings.threads;
    means.map_bytes = (size_t)cleaner->settings.dedupe_buffer_bytes / threads;
    means.load_factor = cleaner->settings.load_factor;
    means.buffer_bytes = (size_t)cleaner->settings.io_buffer_bytes / threads / 2;
    mutex_unlock(&cleaner->lock);
    return means;
}

static void count_pass(struct cleaner_counters *counters, const struct compaction_result *result,
                       int64_t duration_ms) {
    counters->duration_ms = duration_ms;
    counters->kept_permille =
        result->bytes_before > 0 ? result->bytes_after * 1000 / result->bytes_before : 0;
    counters->passes++;
}

/* True if there may be more to do at once. */
static bool compact_dirtiest(struct log_cleaner *cleaner) {
    struct compaction_means means = means_of(cleaner);
    struct compaction_result result;
    struct cleaner_counters *counters = replica_manager_cleaner_counters(cleaner->replicas);
    struct candidate best = {0};
    int64_t began_ms = now_ms();
    enum error error;

    replica_manager_for_each(cleaner->replicas, consider, &best);
    counters->looked_ms = began_ms;
    counters->dirty_permille = (int64_t)(best.dirty_ratio_max * 1000);
    if (best.partition == NULL)
        return false;
    error = partition_compact(best.partition, best.compaction, &means, &result);
    if (error == ERR_NONE) {
        report(best.partition, &result, now_ms() - began_ms);
        count_pass(counters, &result, now_ms() - began_ms);
    } else
        note_failure(best.partition, error);
    drop(&best);
    return error == ERR_NONE;
}

/* False: the thread is to end. */
static bool pause_for(struct cleaner_thread *thread, bool pause) {
    struct log_cleaner *cleaner = thread->cleaner;
    int64_t began_ms = now_ms();
    uint64_t version;
    bool goes_on;

    mutex_lock(&cleaner->lock);
    version = cleaner->version;
    while (pause && !cleaner->is_closing && version == cleaner->version &&
           now_ms() < began_ms + cleaner->settings.backoff_ms)
        (void)condition_wait(&cleaner->changed, &cleaner->lock,
                             began_ms + cleaner->settings.backoff_ms);
    goes_on = !cleaner->is_closing && thread->index < cleaner->settings.threads;
    thread->has_ended = !goes_on;
    mutex_unlock(&cleaner->lock);
    return goes_on;
}

static void *run(void *context) {
    struct cleaner_thread *thread = context;

    while (pause_for(thread, !compact_dirtiest(thread->cleaner)))
        continue;
    return NULL;
}

/* ---- threads ---- */

static void join(struct cleaner_thread *thread) {
    CHECK(pthread_join(thread->thread, NULL) == 0);
    thread->is_started = false;
}

/* Starts those that are wanted and not there; false if there is not even one. */
static bool start_threads(struct log_cleaner *cleaner) {
    bool has_any = false;

    for (int i = 0; i < cleaner->settings.threads; i++) {
        struct cleaner_thread *thread = &cleaner->threads[i];
        bool has_ended;
        mutex_lock(&cleaner->lock);
        has_ended = thread->has_ended;
        mutex_unlock(&cleaner->lock);
        if (thread->is_started && has_ended)
            join(thread);
        if (!thread->is_started) {
            *thread = (struct cleaner_thread){.cleaner = cleaner, .index = i};
            thread->is_started = pthread_create(&thread->thread, NULL, run, thread) == 0;
        }
        if (!thread->is_started)
            LOG_WARN("cleaner_thread_not_started", "index=%d", i);
        has_any = has_any || thread->is_started;
    }
    return has_any;
}

static void take_settings(struct log_cleaner *cleaner,
                          const struct log_cleaner_settings *settings) {
    mutex_lock(&cleaner->lock);
    cleaner->settings = *settings;
    if (cleaner->settings.threads > THREADS_MAX)
        cleaner->settings.threads = THREADS_MAX;
    if (cleaner->throttle.bytes_per_second != settings->io_bytes_per_second)
        cleaner->throttle = (struct io_throttle){settings->io_bytes_per_second, 0};
    cleaner->version++;
    condition_broadcast(&cleaner->changed);
    mutex_unlock(&cleaner->lock);
}

enum error log_cleaner_new(struct replica_manager *replicas,
                           const struct log_cleaner_settings *settings,
                           struct log_cleaner **created) {
    struct log_cleaner *cleaner = calloc(1, sizeof(*cleaner));

    CHECK(settings->threads > 0);
    if (cleaner == NULL)
        return ERR_OUT_OF_MEMORY;
    cleaner->replicas = replicas;
    mutex_init(&cleaner->lock);
    condition_init(&cleaner->changed);
    take_settings(cleaner, settings);
    if (!start_threads(cleaner)) {
        log_cleaner_free(cleaner);
        return ERR_OUT_OF_MEMORY;
    }
    *created = cleaner;
    return ERR_NONE;
}

void log_cleaner_set(struct log_cleaner *cleaner, const struct log_cleaner_settings *settings) {
    take_settings(cleaner, settings);
    (void)start_threads(cleaner);
}

void log_cleaner_free(struct log_cleaner *cleaner) {
    if (cleaner == NULL)
        return;
    mutex_lock(&cleaner->lock);
    cleaner->is_closing = true;
    condition_broadcast(&cleaner->changed);
    mutex_unlock(&cleaner->lock);
    for (int i = 0; i < THREADS_MAX; i++) {
        if (cleaner->threads[i].is_started)
            join(&cleaner->threads[i]);
    }
    condition_done(&cleaner->changed);
    mutex_done(&cleaner->lock);
    free(cleaner);
}
