#include "broker/log/compaction_transactions.h"

#include <stdlib.h>
#include <uthash.h>

#include "client/wire/big_endian.h"

/* A transaction that is open at the batch that is looked at. */
struct open_transaction {
    int64_t producer_id;
    const struct aborted_transaction *abort; /* NULL: it will be committed */
    bool has_data;                           /* some of it was met */
    UT_hash_handle by_producer;
};

struct compaction_transactions {
    struct aborted_transaction *aborts; /* by first_offset */
    size_t count;
    size_t next; /* the first that has not begun yet */
    struct open_transaction *open;
};

static int by_first_offset(const void *a, const void *b) {
    const struct aborted_transaction *left = a;
    const struct aborted_transaction *right = b;

    return left->first_offset < right->first_offset ? -1 : left->first_offset > right->first_offset;
}

enum error compaction_transactions_new(const struct aborted_transaction *aborts, size_t count,
                                       struct compaction_transactions **created) {
    struct compaction_transactions *transactions = calloc(1, sizeof(*transactions));

    if (transactions == NULL)
        return ERR_OUT_OF_MEMORY;
    transactions->aborts = malloc((count + 1) * sizeof(*aborts));
    if (transactions->aborts == NULL) {
        free(transactions);
        return ERR_OUT_OF_MEMORY;
    }
    if (count > 0) {
        memcpy(transactions->aborts, aborts, count * sizeof(*aborts));
        qsort(transactions->aborts, count, sizeof(*aborts), by_first_offset);
    }
    transactions->count = count;
    *created = transactions;
    return ERR_NONE;
}

void compaction_transactions_free(struct compaction_transactions *transactions) {
    struct open_transaction *open;
    struct open_transaction *next;

    if (transactions == NULL)
        return;
    HASH_ITER (by_producer, transactions->open, open, next) {
        HASH_DELETE(by_producer, transactions->open, open);
        free(open);
    }
    free(transactions->aborts);
    free(transactions);
}

static struct open_transaction *find(struct compaction_transactions *transactions,
                                     int64_t producer_id) {
    struct open_transaction *open;

    HASH_FIND(by_producer, transactions->open, &producer_id, sizeof(producer_id), open);
    return open;
}

static struct open_transaction *find_or_add(struct compaction_transactions *transactions,
                                            int64_t producer_id) {
    struct open_transaction *open = find(transactions, producer_id);

    if (open != NULL)
        return open;
    open = calloc(1, sizeof(*open));
    CHECK(open != NULL);
    open->producer_id = producer_id;
    HASH_ADD(by_producer, transactions->open, producer_id, sizeof(producer_id), open);
    return open;
}

/* Those that are aborted in the end begin where the index says. */
static void begin_up_to(struct compaction_transactions *transactions, int64_t offset) {
    while (transactions->next < transactions->count &&
           transactions->aborts[transactions->next].first_offset <= offset) {
        const struct aborted_transaction *abort = &transactions->aborts[transactions->next++];
        struct open_transaction *open = find_or_add(transactions, abort->producer_id);
        if (open->abort == NULL)
            open->abort = abort;
    }
}

enum marker { MARKER_ABORT, MARKER_COMMIT, MARKER_OTHER, MARKER_EMPTY };

static enum marker marker_of(const struct stored_batch *batch) {
    struct record_iterator iterator;
    enum marker marker = MARKER_EMPTY;
    struct record_batch decoded;
    struct record record;
    enum error error;

    if (record_batch_decode(batch->whole, &decoded) != ERR_NONE ||
        record_iterator_init(&iterator, &decoded, 0) != ERR_NONE)
        return MARKER_OTHER;
    if (record_iterator_next(&iterator, &record, &error)) {
        int type = bytes_is_null(record.key) || record.key.size < 4
                       ? -1
                       : big_endian_load_u16(record.key.data + 2);
        marker = type == 0 ? MARKER_ABORT : type == 1 ? MARKER_COMMIT : MARKER_OTHER;
    } else if (error != ERR_NONE) {
        marker = MARKER_OTHER;
    }
    record_iterator_done(&iterator);
    return marker;
}

/* Without data before it a marker says nothing any more. One whose kind contradicts the index
 * stays: what it ended must not change its meaning. */
static bool end(struct compaction_transactions *transactions, const struct stored_batch *batch,
                enum marker marker, const struct aborted_transaction **abort) {
    struct open_transaction *open = find(transactions, batch->header.producer_id);
    bool discard;

    if (open == NULL)
        return true;
    discard = !open->has_data;
    if (marker == MARKER_ABORT && !discard)
        *abort = open->abort;
    HASH_DELETE(by_producer, transactions->open, open);
    free(open);
    return discard;
}

bool compaction_transactions_discard(struct compaction_transactions *transactions,
                                     const struct stored_batch *batch,
                                     const struct aborted_transaction **abort) {
    struct open_transaction *open;
    enum marker marker;

    *abort = NULL;
    if (batch->magic < 2)
        return false;
    begin_up_to(transactions, batch->last_offset);
    if ((batch->header.attributes & RECORD_BATCH_CONTROL) != 0) {
        marker = marker_of(batch);
        if (marker == MARKER_OTHER)
            return false;
        return marker == MARKER_EMPTY || end(transactions, batch, marker, abort);
    }
    if ((batch->header.attributes & RECORD_BATCH_TRANSACTIONAL) == 0)
        return false;
    open = find_or_add(transactions, batch->header.producer_id);
    open->has_data = true;
    return open->abort != NULL;
}
