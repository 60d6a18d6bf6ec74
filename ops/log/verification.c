#include "ops/log/verification.h"

#include <inttypes.h>
#include <stdio.h>

#include "broker/log/disk.h"

static void on_finding(void *context, const struct log_finding *finding) {
    struct verification *verification = context;

    if (verification->items != NULL) {
        json_array_append_new(verification->items,
                              json_pack("{s:s, s:I, s:s}", "path", finding->path, "position",
                                        (json_int_t)finding->position, "problem",
                                        finding->problem));
        return;
    }
    progress_clear(&verification->progress);
    if (finding->position < 0)
        printf("%s: %s\n", finding->path, finding->problem);
    else
        printf("%s: position %" PRId64 ": %s\n", finding->path, finding->position,
               finding->problem);
}

static void on_segment(void *context) {
    struct verification *verification = context;
    const struct log_verify *verify = &verification->verify;
    char note[64];

    snprintf(note, sizeof(note), "partitions, %" PRId64 " segments, %.1f MB", verify->segments,
             (double)verify->bytes / 1e6);
    progress_tell(&verification->progress, (uint64_t)verify->partitions, 0, note);
}

void verification_begin(struct verification *verification, bool is_json) {
    *verification = (struct verification){
        .verify = {.disk = disk_system(), .on_finding = on_finding, .on_segment = on_segment},
        .items = is_json ? json_array() : NULL,
    };
    verification->verify.context = verification;
    progress_begin(&verification->progress);
}

void verification_end(struct verification *verification, int status) {
    const struct log_verify *verify = &verification->verify;
    json_t *document;

    progress_end(&verification->progress);
    if (verification->items == NULL) {
        printf("%" PRId64 " partitions, %" PRId64 " segments, %" PRId64 " batches, %" PRId64
               " records, %" PRId64 " bytes: %" PRId64 " findings\n",
               verify->partitions, verify->segments, verify->batches, verify->records,
               verify->bytes, verify->findings);
        return;
    }
    document =
        json_pack("{s:s, s:s, s:i, s:I, s:I, s:I, s:I, s:I, s:o}", "kind", "LogVerification",
                  "apiVersion", "barnabas/v1", "status", status, "partitions",
                  (json_int_t)verify->partitions, "segments", (json_int_t)verify->segments,
                  "batches", (json_int_t)verify->batches, "records", (json_int_t)verify->records,
                  "bytes", (json_int_t)verify->bytes, "items", verification->items);
    json_dumpf(document, stdout, JSON_INDENT(2));
    putchar('\n');
    json_decref(document);
}
