#include "ops/log/mending.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "broker/log/disk.h"
#include "broker/log/log_repair.h"

/* What log_repair's callback works on. */
struct telling {
    struct mending *mending;
    const char *path;
};

static void on_progress(void *context, const struct log_repair *repair, int64_t bytes_read) {
    struct telling *telling = context;
    char note[PATH_MAX + 64];

    snprintf(note, sizeof(note), "%.1f of %.1f MB  %s", (double)bytes_read / 1e6,
             (double)repair->bytes_before / 1e6, telling->path);
    progress_tell(&telling->mending->progress, (uint64_t)bytes_read, (uint64_t)repair->bytes_before,
                  note);
}

void mending_begin(struct mending *mending, bool is_json) {
    *mending = (struct mending){.items = is_json ? json_array() : NULL};
    progress_begin(&mending->progress);
}

void mending_refuse(struct mending *mending, const char *path, const char *reason) {
    progress_clear(&mending->progress);
    fprintf(stderr, "barnabas log: %s: %s\n", path, reason);
    if (mending->items != NULL)
        json_array_append_new(mending->items,
                              json_pack("{s:s, s:s}", "path", path, "error", reason));
}

static void tell(struct mending *mending, const char *path, const struct log_repair *repair) {
    const int64_t cut_off = repair->bytes_before - repair->bytes_after;

    progress_clear(&mending->progress);
    if (mending->items == NULL)
        printf("%s: offsets %" PRId64 " to %" PRId64 ", %" PRId64 " of %" PRId64
               " bytes were cut off\n",
               path, repair->log_start_offset, repair->log_end_offset, cut_off,
               repair->bytes_before);
    else
        json_array_append_new(mending->items,
                              json_pack("{s:s, s:I, s:I, s:I, s:I, s:n}", "path", path,
                                        "logStartOffset", (json_int_t)repair->log_start_offset,
                                        "logEndOffset", (json_int_t)repair->log_end_offset,
                                        "bytesBefore", (json_int_t)repair->bytes_before,
                                        "bytesCutOff", (json_int_t)cut_off, "error"));
}

bool mending_repair(struct mending *mending, const char *path) {
    struct telling telling = {mending, path};
    struct log_repair repair = {.on_progress = on_progress, .context = &telling};
    char absolute[PATH_MAX];
    enum error error;

    if (realpath(path, absolute) == NULL) {
        mending_refuse(mending, path, strerror(errno));
        return false;
    }
    if ((error = log_repair_partition(disk_system(), absolute, &repair)) != ERR_NONE) {
        mending_refuse(mending, path,
                       error == ERR_INVALID_TOPIC_EXCEPTION
                           ? "the folder is no partition's, by its name"
                           : error_text(error));
        return false;
    }
    tell(mending, path, &repair);
    return true;
}

void mending_end(struct mending *mending, int status) {
    json_t *document;

    progress_end(&mending->progress);
    if (mending->items == NULL)
        return;
    document = json_pack("{s:s, s:s, s:i, s:o}", "kind", "LogRepair", "apiVersion", "barnabas/v1",
                         "status", status, "items", mending->items);
    json_dumpf(document, stdout, JSON_INDENT(2));
    putchar('\n');
    json_decref(document);
}
