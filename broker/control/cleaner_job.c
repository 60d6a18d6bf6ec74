#include "broker/control/cleaner_job.h"

static struct log_cleaner_settings settings_of(const struct config *config) {
    return (struct log_cleaner_settings){
        .threads = config->log_cleaner_threads,
        .dedupe_buffer_bytes = config->log_cleaner_dedupe_buffer_size,
        .io_buffer_bytes = config->log_cleaner_io_buffer_size,
        .load_factor = config->log_cleaner_io_buffer_load_factor,
        .io_bytes_per_second = config->log_cleaner_io_max_bytes_per_second,
        .backoff_ms = config->log_cleaner_backoff_ms,
    };
}

enum error cleaner_job_start(struct cleaner_job *job, const struct config *config,
                             struct replica_manager *replicas) {
    struct log_cleaner_settings settings = settings_of(config);

    return config->log_cleaner_enable ? log_cleaner_new(replicas, &settings, &job->cleaner)
                                      : ERR_NONE;
}

void cleaner_job_on_settings(struct cleaner_job *job, const struct config *now) {
    struct log_cleaner_settings settings = settings_of(now);

    if (job->cleaner != NULL)
        log_cleaner_set(job->cleaner, &settings);
}

void cleaner_job_stop(struct cleaner_job *job) {
    log_cleaner_free(job->cleaner);
    job->cleaner = NULL;
}
