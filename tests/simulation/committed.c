#include "tests/simulation/committed.h"

#include <inttypes.h>
#include <stdlib.h>
#include <uthash.h>

#include "tests/simulation/checker.h"

#define MEMBERS_MAX 16

struct committed_key {
    struct uuid topic_id;
    int32_t partition;
};

struct committed_partition {
    struct committed_key key;
    struct model_log log;
    int32_t since_epoch; /* leaders of earlier epochs commit nothing any more */
    int32_t elected_epoch;
    int32_t better; /* who was there and had all when that was elected; -1: nobody had to be */
    /* The state as it stands. */
    int32_t isr[MEMBERS_MAX];
    size_t isr_count;
    int64_t zxid;
    bool is_compared; /* the log is what the leader of elected_epoch has, and maybe more */
    int32_t *led_by;  /* by leader epoch: who acted; -1: nobody yet. Owned */
    int32_t led_count;
    UT_hash_handle hh;
};

struct committed {
    struct simulator *simulator;
    struct checker *checker;
    struct committed_view view;
    struct committed_partition *partitions;
    int64_t records, lost;
};

struct committed *committed_new(struct simulator *simulator, struct checker *checker,
                                const struct committed_view *view) {
    struct committed *committed = calloc(1, sizeof(*committed));

    CHECK(committed != NULL);
    committed->simulator = simulator;
    committed->checker = checker;
    committed->view = *view;
    return committed;
}

void committed_free(struct committed *committed) {
    struct committed_partition *partition, *next;

    HASH_ITER (hh, committed->partitions, partition, next) {
        HASH_DEL(committed->partitions, partition);
        model_log_done(&partition->log);
        free(partition->led_by);
        free(partition);
    }
    free(committed);
}

static struct committed_partition *find(struct committed *committed, const struct uuid *topic_id,
                                        int32_t partition) {
    struct committed_partition *found;
    struct committed_key key;

    memset(&key, 0, sizeof(key));
    key.topic_id = *topic_id;
    key.partition = partition;
    HASH_FIND(hh, committed->partitions, &key, sizeof(key), found);
    if (found != NULL)
        return found;
    found = calloc(1, sizeof(*found));
    CHECK(found != NULL);
    found->key = key;
    HASH_ADD(hh, committed->partitions, key, sizeof(found->key), found);
    return found;
}

/* How much of what was committed the broker has. */
static int64_t kept_by(struct committed *committed, const struct committed_partition *p,
                       int32_t broker_id) {
    const struct model_log *log =
        committed->view.log(committed->view.context, &p->key.topic_id, p->key.partition, broker_id);

    return log == NULL ? 0 : model_log_common(&p->log, log);
}

/* The last record tells, since a number stands for all that lies before it, too. */
static bool holds_all(struct committed *committed, const struct committed_partition *p,
                      int32_t broker_id) {
    const struct model_log *log =
        committed->view.log(committed->view.context, &p->key.topic_id, p->key.partition, broker_id);
    int64_t end = p->log.end;

    return end == 0 || (log != NULL && log->end >= end &&
                        log->records[end - 1].number == p->log.records[end - 1].number);
}

/* Whoever is there, with a log that is whole. Who is no replica any more, because its reassignment
 * was given up, has deleted its log, and leaves the ISR with the next state. */
static void check_member(struct committed *committed, const struct committed_partition *p,
                         int32_t broker_id) {
    const struct committed_view *view = &committed->view;

    if (holds_all(committed, p, broker_id) || !view->is_registered(view->context, broker_id) ||
        view->is_unclean_since(view->context, broker_id, p->zxid) ||
        !checker_is_replica(committed->checker, &p->key.topic_id, p->key.partition, broker_id))
        return;
    checker_broken(committed->checker,
                   "partition %d: broker %d of the isr has %" PRId64 " of %" PRId64
                   " committed records",
                   p->key.partition, broker_id, kept_by(committed, p, broker_id), p->log.end);
}

static void check_members(struct committed *committed, const struct committed_partition *p) {
    for (size_t i = 0; p->is_compared && i < p->isr_count; i++)
        check_member(committed, p, p->isr[i]);
}

void committed_on_truncated(struct committed *committed, const struct uuid *topic_id,
                            int32_t partition, int32_t broker_id) {
    struct committed_partition *p = find(committed, topic_id, partition);

    for (size_t i = 0; p->is_compared && i < p->isr_count; i++)
        if (p->isr[i] == broker_id)
            check_member(committed, p, broker_id);
}

void committed_advance(struct committed *committed, const struct uuid *topic_id, int32_t partition,
                       int32_t leader_epoch, const struct model_log *log, int64_t high_watermark) {
    struct committed_partition *p = find(committed, topic_id, partition);
    int64_t common;

    if (leader_epoch < p->since_epoch)
        return; /* what this leader does was given up by an unclean election */
    common = model_log_common(&p->log, log);
    if (common < p->log.end && common < high_watermark)
        checker_broken(committed->checker,
                       "partition %d: leader epoch %d commits another record at offset %" PRId64,
                       partition, leader_epoch, common);
    for (int64_t i = p->log.end; i < high_watermark; i++) {
        struct model_record record = log->records[i];
        record.leader_epoch = 0; /* only the numbers count here */
        model_log_append(&p->log, record);
        committed->records++;
    }
    check_members(committed, p);
}

/* Somebody of the ISR before who was there with a log that is whole. */
static int32_t survivor(struct committed *committed, const struct committed_partition *p,
                        const struct committed_state *before) {
    const struct committed_view *view = &committed->view;

    for (size_t i = 0; i < before->isr_count; i++)
        if (view->is_registered(view->context, before->isr[i]) &&
            !view->is_unclean_since(view->context, before->isr[i], before->zxid) &&
            kept_by(committed, p, before->isr[i]) == p->log.end)
            return before->isr[i];
    return -1;
}

/* The leader of the epoch that was elected last has this log. */
static void check_leader(struct committed *committed, struct committed_partition *p, int32_t leader,
                         const struct model_log *log) {
    int64_t kept = log == NULL ? 0 : model_log_common(&p->log, log);

    p->is_compared = true;
    if (kept == p->log.end)
        return;
    if (p->better >= 0 && p->better != leader)
        checker_broken(committed->checker,
                       "partition %d: leader %d of epoch %d has %" PRId64 " of %" PRId64
                       " committed records, broker %d had all",
                       p->key.partition, leader, p->elected_epoch, kept, p->log.end, p->better);
    committed->lost += p->log.end - kept;
    model_log_truncate(&p->log, kept);
    p->since_epoch = p->elected_epoch;
}

/* INVARIANT: in a leader epoch, one broker acts as the leader. */
static void note_acting(struct committed *committed, struct committed_partition *p, int32_t leader,
                        int32_t leader_epoch) {
    if (leader_epoch >= p->led_count) {
        p->led_by = realloc(p->led_by, (size_t)(leader_epoch + 1) * sizeof(*p->led_by));
        CHECK(p->led_by != NULL);
        while (p->led_count <= leader_epoch)
            p->led_by[p->led_count++] = -1;
    }
    if (p->led_by[leader_epoch] != -1 && p->led_by[leader_epoch] != leader)
        checker_broken(committed->checker,
                       "partition %d: brokers %d and %d both lead in leader epoch %d",
                       p->key.partition, p->led_by[leader_epoch], leader, leader_epoch);
    p->led_by[leader_epoch] = leader;
}

void committed_lead(struct committed *committed, const struct uuid *topic_id, int32_t partition,
                    int32_t leader, int32_t leader_epoch, const struct model_log *log) {
    struct committed_partition *p = find(committed, topic_id, partition);

    note_acting(committed, p, leader, leader_epoch);
    if (leader_epoch == p->elected_epoch)
        check_leader(committed, p, leader, log);
}

static void note_election(struct committed *committed, struct committed_partition *p,
                          const struct committed_state *before, const struct committed_state *now) {
    const struct committed_view *view = &committed->view;
    bool is_clean = now->recovery_state == 0;

    p->elected_epoch = now->leader_epoch;
    p->is_compared = false;
    p->better = is_clean ? survivor(committed, p, before) : -1;
    /* A leader before may go on alone, unheard, and what it commits counts no more: the new one has
     * given it up, or may have lost it though it said once that it had it. */
    if (!is_clean ||
        (now->leader >= 0 && view->is_unclean_since(view->context, now->leader, before->zxid)))
        p->since_epoch = now->leader_epoch;
    /* Nobody can know of a death before the session ends: who is elected and dead does not lead
     * before it has come back, and is looked at then. */
    if (now->leader >= 0 && view->is_registered(view->context, now->leader))
        check_leader(committed, p, now->leader,
                     view->log(view->context, &p->key.topic_id, p->key.partition, now->leader));
}

static bool was_member(const struct committed_state *state, int32_t broker_id) {
    for (size_t i = 0; i < state->isr_count; i++)
        if (state->isr[i] == broker_id)
            return true;
    return false;
}

void committed_on_state(struct committed *committed, const struct uuid *topic_id, int32_t partition,
                        const struct committed_state *before, const struct committed_state *now) {
    const struct committed_view *view = &committed->view;
    struct committed_partition *p = find(committed, topic_id, partition);

    if (now->leader_epoch != before->leader_epoch)
        note_election(committed, p, before, now);
    for (size_t i = 0; i < now->isr_count; i++)
        if (!was_member(before, now->isr[i]) && view->is_registered(view->context, now->isr[i]) &&
            !holds_all(committed, p, now->isr[i]))
            checker_broken(committed->checker,
                           "partition %d: broker %d joins the isr with %" PRId64 " of %" PRId64
                           " committed records",
                           partition, now->isr[i], kept_by(committed, p, now->isr[i]), p->log.end);
    CHECK(now->isr_count <= MEMBERS_MAX);
    memcpy(p->isr, now->isr, now->isr_count * sizeof(*now->isr));
    p->isr_count = now->isr_count;
    p->zxid = now->zxid;
    check_members(committed, p);
}

void committed_check_end(struct committed *committed, const struct uuid *topic_id,
                         int32_t partition, const struct committed_state *state) {
    struct committed_partition *p = find(committed, topic_id, partition);

    for (size_t i = 0; i < state->isr_count; i++)
        if (committed->view.is_registered(committed->view.context, state->isr[i]) &&
            kept_by(committed, p, state->isr[i]) < p->log.end)
            checker_broken(committed->checker,
                           "partition %d: member %d of the isr has %" PRId64 " of %" PRId64
                           " committed records in the end",
                           partition, state->isr[i], kept_by(committed, p, state->isr[i]),
                           p->log.end);
}

int64_t committed_records(const struct committed *committed) {
    return committed->records;
}

int64_t committed_lost(const struct committed *committed) {
    return committed->lost;
}
