/*
 * One of log.dirs: what all logs in a data directory share, and whether it still works.
 *
 * The first I/O error takes the directory offline until the process restarts, as in Kafka: its
 * logs answer KAFKA_STORAGE_ERROR, its checkpoints are not written any more, other directories
 * go on.
 * Threads: any, unless said.
 */
#ifndef BROKER_LOG_LOG_DIR_H
#define BROKER_LOG_LOG_DIR_H

#include <stdbool.h>

#include "client/base/error.h"

struct log_dir;

const char *log_dir_path(const struct log_dir *dir);
bool log_dir_is_offline(const struct log_dir *dir);

/* Takes it offline; the first call reports it to the manager's owner. Returns `error`. */
enum error log_dir_fail(struct log_dir *dir, enum error error, const char *what);

#endif
