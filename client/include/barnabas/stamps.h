/*
 * Stamps: a producer numbers its records per partition, and whoever reads them is told what was
 * lost, came twice, or came late: an end-to-end check that needs no second channel.
 *
 *     struct barnabas_producer_interceptor stamps = barnabas_stamper_interceptor(stamper);
 *     barnabas_config_add_producer_interceptor(config, &stamps);     before the producer is opened
 *     ...
 *     barnabas_stamp_checker_take(checker, &polled.messages[i], &verdict);
 *
 * A stamp is a header, barnabas-stamp: eight bytes of sequence, big endian, from 0 in each
 * partition, and the stamper's name. The name has a random part, so that a producer that is
 * started again counts anew under another name.
 *
 * What the numbers can tell: whatever the producer was asked to send and the reader did not see,
 * up to the last that was seen. So a record whose delivery was reported as failed counts as lost,
 * unless it was stored nevertheless. What is missing at the end of a partition shows by comparing
 * barnabas_stamper_count with what was received and lost. Compaction and transactions that are
 * aborted look like loss.
 *
 * Threads: a stamper serves one producer; barnabas_stamper_count may be called when nobody sends.
 * A checker is used by one thread at a time.
 */
#ifndef BARNABAS_STAMPS_H
#define BARNABAS_STAMPS_H

#include <barnabas/interceptor.h>

#ifdef __cplusplus
extern "C" {
#endif

#define BARNABAS_STAMP_HEADER   "barnabas-stamp"
#define BARNABAS_STAMP_NAME_MAX 128

struct barnabas_stamper;

/* `name` is for the reports, up to 100 bytes. Errors: OUT_OF_MEMORY, INVALID_REQUEST (longer). */
BARNABAS_API int barnabas_stamper_new(const char *name, struct barnabas_stamper **created);
BARNABAS_API struct barnabas_producer_interceptor
barnabas_stamper_interceptor(struct barnabas_stamper *stamper);
/* With the random part; valid as long as the stamper. */
BARNABAS_API const char *barnabas_stamper_name(const struct barnabas_stamper *stamper);
/* How many records of the partition it has stamped: the last of them has the number below. */
BARNABAS_API uint64_t barnabas_stamper_count(const struct barnabas_stamper *stamper,
                                             const char *topic, int32_t partition);
/* Records that could not be stamped because memory was out. */
BARNABAS_API uint64_t barnabas_stamper_unstamped(const struct barnabas_stamper *stamper);
/* The producer must be closed. Accepts NULL. */
BARNABAS_API void barnabas_stamper_free(struct barnabas_stamper *stamper);

struct barnabas_stamp_checker;

enum barnabas_stamp_verdict {
    BARNABAS_STAMP_ABSENT,    /* it has no stamp */
    BARNABAS_STAMP_NEXT,      /* the one that was due */
    BARNABAS_STAMP_GAP,       /* later than the one that was due: those between are missing */
    BARNABAS_STAMP_LATE,      /* one of the missing, after later ones: reordered, not lost */
    BARNABAS_STAMP_DUPLICATE, /* seen before */
};

/* What was seen of one producer in one partition. */
struct barnabas_stamp_count {
    const char *producer;
    const char *topic;
    int32_t partition;
    uint64_t received;   /* different ones */
    uint64_t lost;       /* missing now, below the highest received */
    uint64_t duplicated; /* further copies */
    uint64_t reordered;  /* that came after a later one */
};

/* `from_beginning`: reading begins where the producers began, so that 0 is due first. Otherwise
 * with whatever comes first. OUT_OF_MEMORY. */
BARNABAS_API int barnabas_stamp_checker_new(bool from_beginning,
                                            struct barnabas_stamp_checker **created);
/* Messages of a partition, as they are polled. At most 1,000 gaps of a producer in a partition are
 * remembered: what fills an older one counts as a duplicate, and stays lost. `verdict` may be NULL.
 * OUT_OF_MEMORY: the message was not counted. */
BARNABAS_API int barnabas_stamp_checker_take(struct barnabas_stamp_checker *checker,
                                             const struct barnabas_message *message,
                                             enum barnabas_stamp_verdict *verdict);
/* In the order in which they were first seen. False past the last. The strings are valid as long as
 * the checker. */
BARNABAS_API bool barnabas_stamp_checker_at(const struct barnabas_stamp_checker *checker,
                                            size_t index, struct barnabas_stamp_count *count);
BARNABAS_API void barnabas_stamp_checker_free(struct barnabas_stamp_checker *checker);

#ifdef __cplusplus
}
#endif

#endif
