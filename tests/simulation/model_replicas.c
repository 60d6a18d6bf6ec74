#include "tests/simulation/model_replicas_internal.h"

#include <inttypes.h>
#include <stdlib.h>

#include "broker/replica/truncation_plan.h"
#include "tests/simulation/committed.h"
#include "zk-schema/broker_registration.h"
#include "zk-schema/paths.h"

#define RECORDS_OF_FETCH 8
#define LAG_MS_MAX       1500

static struct simulator *simulator_of(struct model_replicas *replicas) {
    return &replicas->cluster->simulator;
}

struct replica *model_replica_find(struct model_replicas *replicas, const struct uuid *topic_id,
                                   int32_t partition, int32_t broker_id) {
    struct replica_key key;
    struct replica *found;

    memset(&key, 0, sizeof(key));
    key.topic_id = *topic_id;
    key.partition = partition;
    key.broker_id = broker_id;
    HASH_FIND(hh, replicas->all, &key, sizeof(key), found);
    return found;
}

static struct replica *ensure(struct model_replicas *replicas, const struct uuid *topic_id,
                              int32_t partition, int32_t broker_id) {
    struct replica *replica = model_replica_find(replicas, topic_id, partition, broker_id);

    if (replica != NULL)
        return replica;
    replica = calloc(1, sizeof(*replica));
    CHECK(replica != NULL);
    replica->key.topic_id = *topic_id;
    replica->key.partition = partition;
    replica->key.broker_id = broker_id;
    HASH_ADD(hh, replicas->all, key, sizeof(replica->key), replica);
    TAILQ_INSERT_TAIL(&replicas->of_broker[broker_id], replica, of_broker);
    return replica;
}

static struct rng *rng_of(struct model_replicas *replicas, int32_t broker_id) {
    return &replicas->cluster->brokers[broker_id].rng;
}

struct travel model_replicas_travel(struct model_replicas *replicas, int32_t broker_id) {
    struct rng *rng = rng_of(replicas, broker_id);
    struct travel travel = {simulator_message_delay(simulator_of(replicas), rng), -1};

    if (replicas->unreliable == 0 || !simulator_chance(rng, (uint64_t)replicas->unreliable))
        return travel;
    travel.broken_ms = simulator_below(rng, 200);
    travel.delay_ms = simulator_chance(rng, 3) ? -1 : simulator_below(rng, 1500);
    return travel;
}

static bool is_registered(void *context, int32_t broker_id) {
    struct model_replicas *replicas = context;
    struct simulated_broker *broker = &replicas->cluster->brokers[broker_id];
    int64_t session = checker_registration(replicas->cluster->checker, broker_id, NULL);

    return broker->runs && session != 0 &&
           session == zk_session_id(model_client_zk(broker->client));
}

/* ---- What the check sees ---- */

static const struct model_log *log_of(void *context, const struct uuid *topic_id, int32_t partition,
                                      int32_t broker_id) {
    const struct replica *replica = model_replica_find(context, topic_id, partition, broker_id);

    return replica == NULL ? NULL : &replica->log;
}

static int64_t unclean_since(const struct simulated_broker *broker) {
    return broker_registration_unclean_since(broker->registration);
}

static bool is_unclean_since(void *context, int32_t broker_id, int64_t zxid) {
    const struct model_replicas *replicas = context;

    return checker_unclean_zxid(replicas->cluster->checker, broker_id) > zxid;
}

const struct metadata *model_replica_metadata(struct model_replicas *replicas, int32_t broker_id) {
    return metadata_cache_get(&replicas->cluster->brokers[broker_id].metadata);
}

/* ---- Leading ---- */

static struct leader_view view_of(struct model_replicas *replicas, const struct replica *replica,
                                  int32_t maximal[2 * MEMBERS_MAX]) {
    int32_t count = replica->isr_count;

    memcpy(maximal, replica->isr, (size_t)count * sizeof(*maximal));
    for (int32_t i = 0; replica->is_proposing && i < replica->proposed_count; i++)
        if (!broker_ids_contain(maximal, count, replica->proposed[i]))
            maximal[count++] = replica->proposed[i];
    return (struct leader_view){
        .broker_id = replica->key.broker_id,
        .log_end_offset = replica->log.end,
        .high_watermark = replica->high_watermark,
        .leader_epoch_start_offset = replica->epoch_start,
        .followers = replica->followers,
        .follower_count = replica->follower_count,
        .isr = replica->isr,
        .isr_count = replica->isr_count,
        .maximal_isr = maximal,
        .maximal_isr_count = count,
        .min_isr = 1,
        .now_ms = simulator_of(replicas)->now_ms,
        .lag_ms_max = LAG_MS_MAX,
    };
}

static bool is_alive(void *context, int32_t broker_id) {
    const struct metadata *metadata = context;

    return metadata_find_broker(metadata, broker_id) != NULL;
}

void model_replica_advance(struct model_replicas *replicas, struct replica *replica,
                           const struct metadata *metadata) {
    int32_t maximal[2 * MEMBERS_MAX];
    struct leader_view view = view_of(replicas, replica, maximal);
    int64_t next = leader_view_high_watermark(&view, is_alive, (void *)(uintptr_t)metadata);

    if (next == replica->high_watermark)
        return;
    replica->high_watermark = next;
    committed_advance(replicas->committed, &replica->key.topic_id, replica->key.partition,
                      replica->leader_epoch, &replica->log, next);
}

static void propose(struct replica *replica, const int32_t *isr, int32_t count) {
    replica->is_proposing = true;
    replica->is_sent = false;
    replica->proposed_count = count;
    for (int32_t i = 0; i < count; i++) {
        replica->proposed[i] = isr[i];
        replica->proposed_epochs[i] = BROKER_EPOCH_UNKNOWN;
        for (int32_t f = 0; f < replica->follower_count; f++)
            if (replica->followers[f].broker_id == isr[i])
                replica->proposed_epochs[i] = replica->followers[f].broker_epoch;
    }
}

static void consider_joining(struct model_replicas *replicas, struct replica *replica,
                             const struct replica_progress *follower,
                             const struct metadata *metadata) {
    int32_t maximal[2 * MEMBERS_MAX];
    struct leader_view view = view_of(replicas, replica, maximal);
    int32_t isr[MEMBERS_MAX];

    if (replica->is_proposing || !leader_view_may_join(&view, follower) ||
        metadata_find_broker(metadata, follower->broker_id) == NULL)
        return;
    memcpy(isr, replica->isr, (size_t)replica->isr_count * sizeof(*isr));
    isr[replica->isr_count] = follower->broker_id;
    propose(replica, isr, replica->isr_count + 1);
}

static void check_lag(struct model_replicas *replicas, struct replica *replica) {
    int32_t maximal[2 * MEMBERS_MAX], lagging[REPLICAS_MAX], isr[MEMBERS_MAX];
    struct leader_view view = view_of(replicas, replica, maximal);
    int32_t count = 0, lagging_count;

    if (replica->is_proposing)
        return;
    lagging_count = leader_view_lagging(&view, lagging);
    for (int32_t i = 0; i < replica->isr_count; i++)
        if (!broker_ids_contain(lagging, lagging_count, replica->isr[i]))
            isr[count++] = replica->isr[i];
    if (lagging_count > 0)
        propose(replica, isr, count);
}

/* ---- Fetching ---- */

struct fetch {
    struct model_replicas *replicas;
    struct replica_key key; /* of the follower */
    uint64_t start, number;
    int32_t leader, leader_epoch;
    int holders; /* events of the simulator */
    int64_t broker_epoch, offset;
    int32_t last_epoch;
    /* The answer. */
    enum error error;
    bool diverged;
    int32_t diverging_epoch;
    int64_t end; /* of the diverging epoch, or of the leader's log */
    int64_t high_watermark;
    struct model_record records[RECORDS_OF_FETCH];
    int32_t count;
};

static void truncate(struct model_replicas *replicas, struct replica *replica, int64_t end) {
    model_log_truncate(&replica->log, end);
    if (replica->high_watermark > replica->log.end)
        replica->high_watermark = replica->log.end;
    committed_on_truncated(replicas->committed, &replica->key.topic_id, replica->key.partition,
                           replica->key.broker_id);
}

static void truncate_by_epoch(struct model_replicas *replicas, struct replica *replica,
                              const struct fetch *fetch) {
    struct truncation_input input = {
        .leader_epoch = fetch->diverging_epoch,
        .leader_end_offset = fetch->end,
        .log_end_offset = replica->log.end,
        .high_watermark = replica->high_watermark,
    };

    input.own_epoch =
        model_log_epoch_end(&replica->log, fetch->diverging_epoch, &input.own_end_offset);
    truncate(replicas, replica, truncation_plan(&input).offset);
}

static void take_records(struct model_replicas *replicas, struct replica *replica,
                         const struct fetch *fetch) {
    if (fetch->error == ERR_OFFSET_OUT_OF_RANGE) {
        truncate(replicas, replica, fetch->end);
        return;
    }
    if (fetch->error != ERR_NONE)
        return;
    if (fetch->diverged) {
        truncate_by_epoch(replicas, replica, fetch);
        return;
    }
    if (replica->log.end != fetch->offset)
        return;
    for (int32_t i = 0; i < fetch->count; i++)
        model_log_append(&replica->log, fetch->records[i]);
    replica->high_watermark =
        fetch->high_watermark < replica->log.end ? fetch->high_watermark : replica->log.end;
    if (simulator_chance(rng_of(replicas, replica->key.broker_id), 8))
        replica->checkpoint = replica->high_watermark;
}

static void fetch_release(struct fetch *fetch) {
    if (--fetch->holders == 0)
        free(fetch);
}

/* The follower that still waits for this fetch; NULL if there is none. */
static struct replica *waiting_for(const struct fetch *fetch) {
    const struct replica_key *key = &fetch->key;
    const struct simulated_broker *broker = &fetch->replicas->cluster->brokers[key->broker_id];
    struct replica *replica =
        model_replica_find(fetch->replicas, &key->topic_id, key->partition, key->broker_id);

    return broker->runs && broker->starts == fetch->start && replica != NULL &&
                   replica->is_fetching && replica->fetch_number == fetch->number
               ? replica
               : NULL;
}

static void fetch_broken(void *context) {
    struct fetch *fetch = context;
    struct replica *replica = waiting_for(fetch);

    if (replica != NULL)
        replica->is_fetching = false;
    fetch_release(fetch);
}

static void fetch_returns(void *context) {
    struct fetch *fetch = context;
    struct replica *replica = waiting_for(fetch);

    if (replica != NULL) {
        replica->is_fetching = false;
        if (replica->role == FOLLOWER && replica->leader_epoch == fetch->leader_epoch)
            take_records(fetch->replicas, replica, fetch);
    }
    fetch_release(fetch);
}

/* As partition_read: where the logs part, or what the follower lacks. */
static void answer_fetch(struct model_replicas *replicas, struct replica *leader,
                         struct fetch *fetch, const struct metadata *metadata) {
    int64_t end;
    int32_t epoch;

    if (fetch->last_epoch >= 0 &&
        !(fetch->last_epoch == leader->leader_epoch && fetch->offset <= leader->log.end)) {
        epoch = model_log_epoch_end(&leader->log, fetch->last_epoch, &end);
        if (epoch < 0)
            epoch = fetch->last_epoch; /* older than all known: it ends where the log begins */
        if (epoch < fetch->last_epoch || end < fetch->offset) {
            fetch->diverged = true;
            fetch->diverging_epoch = epoch;
            fetch->end = end;
            return;
        }
    }
    if (fetch->offset > leader->log.end) {
        fetch->error = ERR_OFFSET_OUT_OF_RANGE;
        fetch->end = leader->log.end;
        return;
    }
    for (int32_t i = 0; i < leader->follower_count; i++) {
        struct replica_progress *follower = &leader->followers[i];
        if (follower->broker_id != fetch->key.broker_id)
            continue;
        follower->broker_epoch = fetch->broker_epoch;
        replica_progress_on_fetch(follower, fetch->offset, 0, leader->log.end,
                                  simulator_of(replicas)->now_ms);
        consider_joining(replicas, leader, follower, metadata);
        model_replica_advance(replicas, leader, metadata);
    }
    fetch->high_watermark = leader->high_watermark;
    for (int64_t o = fetch->offset; o < leader->log.end && fetch->count < RECORDS_OF_FETCH; o++)
        fetch->records[fetch->count++] = leader->log.records[o];
}

static void fetch_arrives(void *context) {
    struct fetch *fetch = context;
    struct model_replicas *replicas = fetch->replicas;
    const struct replica_key *key = &fetch->key;
    struct replica *leader =
        model_replica_find(replicas, &key->topic_id, key->partition, fetch->leader);

    fetch->error = ERR_NOT_LEADER_OR_FOLLOWER;
    if (replicas->cluster->brokers[fetch->leader].runs && leader != NULL &&
        leader->role == LEADER && leader->leader_epoch == fetch->leader_epoch) {
        const struct metadata *metadata = model_replica_metadata(replicas, fetch->leader);
        fetch->error = ERR_NONE;
        answer_fetch(replicas, leader, fetch, metadata);
        metadata_unref(metadata);
    }
    simulator_schedule(
        simulator_of(replicas),
        simulator_message_delay(simulator_of(replicas), rng_of(replicas, key->broker_id)),
        fetch_returns, fetch);
}

static void send_fetch(struct model_replicas *replicas, struct replica *replica) {
    const struct simulated_broker *broker = &replicas->cluster->brokers[replica->key.broker_id];
    struct travel travel = model_replicas_travel(replicas, broker->id);
    struct fetch *fetch = calloc(1, sizeof(*fetch));

    CHECK(fetch != NULL);
    fetch->replicas = replicas;
    fetch->key = replica->key;
    fetch->start = broker->starts;
    fetch->leader = replica->leader;
    fetch->leader_epoch = replica->leader_epoch;
    fetch->broker_epoch = broker->broker_epoch;
    fetch->offset = replica->log.end;
    fetch->last_epoch = model_log_last_epoch(&replica->log);
    fetch->number = ++replica->fetch_number;
    replica->is_fetching = true;
    fetch->holders = (travel.delay_ms >= 0) + (travel.broken_ms >= 0);
    if (travel.delay_ms >= 0)
        simulator_schedule(simulator_of(replicas), travel.delay_ms, fetch_arrives, fetch);
    if (travel.broken_ms >= 0)
        simulator_schedule(simulator_of(replicas), travel.broken_ms, fetch_broken, fetch);
}

/* ---- A process ---- */

struct tick {
    struct model_replicas *replicas;
    int32_t broker_id;
    uint64_t start;
};

static void act(struct model_replicas *replicas, struct replica *replica,
                const struct metadata *metadata) {
    struct rng *rng = rng_of(replicas, replica->key.broker_id);

    if (simulator_chance(rng, 10))
        replica->log.flushed = replica->log.end;
    if (replica->role == LEADER) {
        if (!replicas->is_quiet && simulator_chance(rng, 2))
            model_log_append(&replica->log,
                             (struct model_record){++replicas->last_number, replica->leader_epoch});
        check_lag(replicas, replica);
        model_replica_advance(replicas, replica, metadata);
        if (replica->is_proposing && !replica->is_sent)
            model_replica_send_proposal(replicas, replica, metadata);
    } else if (replica->role == FOLLOWER && replica->leader > 0 && !replica->is_fetching) {
        send_fetch(replicas, replica);
    }
}

static void tick(void *context) {
    struct tick *ticking = context;
    struct model_replicas *replicas = ticking->replicas;
    struct simulated_broker *broker = &replicas->cluster->brokers[ticking->broker_id];
    const struct metadata *metadata;
    struct replica *replica;

    if (!broker->runs || broker->starts != ticking->start) {
        free(ticking);
        return;
    }
    metadata = model_replica_metadata(replicas, broker->id);
    TAILQ_FOREACH (replica, &replicas->of_broker[broker->id], of_broker)
        if (replica->role != NONE)
            act(replicas, replica, metadata);
    metadata_unref(metadata);
    simulator_schedule(simulator_of(replicas), 20 + simulator_below(&broker->rng, 150), tick,
                       ticking);
}

void model_replicas_on_start(struct model_replicas *replicas, struct simulated_broker *broker) {
    struct tick *ticking = calloc(1, sizeof(*ticking));

    CHECK(ticking != NULL);
    *ticking = (struct tick){replicas, broker->id, broker->starts};
    simulator_schedule(simulator_of(replicas), 20, tick, ticking);
}

void model_replicas_on_stop(struct model_replicas *replicas, struct simulated_broker *broker,
                            bool is_clean) {
    /* Mostly only the process was killed; then the power failed; then the disk was replaced. */
    bool loses_ends = !is_clean && simulator_chance(&broker->rng, 2);
    bool loses_all = !is_clean && simulator_chance(&broker->rng, 12);
    struct replica *replica;

    if (loses_ends || loses_all)
        simulator_tell(simulator_of(replicas), "broker %d loses %s", broker->id,
                       loses_all ? "all records" : "records that were not flushed");
    TAILQ_FOREACH (replica, &replicas->of_broker[broker->id], of_broker) {
        int64_t unflushed = replica->log.end - replica->log.flushed;
        if (loses_ends && unflushed > 0)
            model_log_truncate(&replica->log,
                               replica->log.end - simulator_below(&broker->rng, unflushed + 1));
        if (loses_all)
            model_log_truncate(&replica->log, 0);
        replica->log.flushed = replica->log.end;
        if (replica->checkpoint > replica->log.end)
            replica->checkpoint = replica->log.end;
        replica->role = NONE;
        replica->is_proposing = false;
        replica->is_fetching = false;
    }
}

/* ---- Roles ---- */

static struct replica_progress *find_follower(struct replica *replica, int32_t broker_id) {
    for (int32_t i = 0; i < replica->follower_count; i++)
        if (replica->followers[i].broker_id == broker_id)
            return &replica->followers[i];
    return NULL;
}

static void take_followers(struct model_replicas *replicas, struct replica *replica,
                           const struct metadata_partition *state, bool is_new_epoch) {
    struct replica_progress next[MEMBERS_MAX];
    int32_t count = 0;

    for (int32_t i = 0; i < state->replica_count; i++) {
        struct replica_progress *known =
            is_new_epoch ? NULL : find_follower(replica, state->replicas[i]);
        if (state->replicas[i] == replica->key.broker_id)
            continue;
        if (known != NULL)
            next[count++] = *known;
        else
            replica_progress_reset(
                &next[count++], state->replicas[i],
                broker_ids_contain(state->isr, state->isr_count, state->replicas[i]),
                simulator_of(replicas)->now_ms);
    }
    memcpy(replica->followers, next, (size_t)count * sizeof(*next));
    replica->follower_count = count;
}

/* As replica_manager's apply_partition and partition_apply. */
static void take_state(struct model_replicas *replicas, struct replica *replica,
                       const struct metadata_partition *state, int32_t leader,
                       const struct metadata *metadata) {
    bool is_new_epoch = replica->role == NONE || state->leader_epoch > replica->leader_epoch;

    if (!is_new_epoch && state->leader_epoch == replica->leader_epoch && replica->role == LEADER) {
        take_followers(replicas, replica, state, false);
        model_replica_advance(replicas, replica, metadata);
    }
    if (!is_new_epoch && (state->leader_epoch != replica->leader_epoch ||
                          state->partition_epoch <= replica->partition_epoch))
        return;
    CHECK(state->isr_count <= MEMBERS_MAX && state->replica_count <= MEMBERS_MAX);
    if (replica->role == NONE)
        replica->high_watermark = replica->checkpoint;
    replica->leader = leader;
    replica->leader_epoch = state->leader_epoch;
    replica->partition_epoch = state->partition_epoch;
    replica->isr_count = state->isr_count;
    memcpy(replica->isr, state->isr, (size_t)state->isr_count * sizeof(*state->isr));
    replica->is_proposing = false;
    replica->follower_count = leader == replica->key.broker_id ? replica->follower_count : 0;
    replica->role = leader == replica->key.broker_id ? LEADER : FOLLOWER;
    if (replica->role != LEADER)
        return;
    if (is_new_epoch) {
        replica->epoch_start = replica->log.end;
        committed_lead(replicas->committed, &replica->key.topic_id, replica->key.partition, leader,
                       state->leader_epoch, &replica->log);
    }
    take_followers(replicas, replica, state, is_new_epoch);
    model_replica_advance(replicas, replica, metadata);
}

static void take_partition(struct model_replicas *replicas, struct simulated_broker *broker,
                           const struct metadata_topic *topic, int32_t index,
                           const struct metadata *metadata) {
    const struct metadata_partition *state = &topic->partitions[index];
    int32_t leader = state->leader;
    struct replica *replica;

    if (!broker_ids_contain(state->replicas, state->replica_count, broker->id)) {
        replica = model_replica_find(replicas, &topic->id, index, broker->id);
        if (replica == NULL)
            return;
        model_log_done(&replica->log);
        replica->checkpoint = 0;
        replica->role = NONE;
        replica->is_proposing = false;
        return;
    }
    if (state->partition_epoch < 0)
        return;
    if (leader == broker->id && !replicas->cluster->resume_old_leaderships &&
        state->state_zxid < unclean_since(broker))
        leader = METADATA_NO_BROKER;
    take_state(replicas, ensure(replicas, &topic->id, index, broker->id), state, leader, metadata);
}

void model_replicas_on_metadata(struct model_replicas *replicas, struct simulated_broker *broker,
                                const struct metadata *metadata) {
    for (int32_t t = 0; t < metadata->topic_count; t++) {
        const struct metadata_topic *topic = metadata->topics[t];
        for (int32_t p = 0; p < topic->partition_count && p < MODELLED_PARTITIONS; p++)
            if (!uuid_is_zero(&topic->id))
                take_partition(replicas, broker, topic, p, metadata);
    }
}

/* ---- All ---- */

struct model_replicas *model_replicas_new(struct simulated_cluster *cluster, int32_t unreliable) {
    struct model_replicas *replicas = calloc(1, sizeof(*replicas));
    struct committed_view view = {log_of, is_registered, is_unclean_since, replicas};

    CHECK(replicas != NULL);
    for (int32_t id = 0; id <= SIMULATED_BROKERS_MAX; id++)
        TAILQ_INIT(&replicas->of_broker[id]);
    replicas->cluster = cluster;
    replicas->unreliable = unreliable;
    replicas->committed = committed_new(&cluster->simulator, cluster->checker, &view);
    checker_set_committed(cluster->checker, replicas->committed);
    return replicas;
}

void model_replicas_free(struct model_replicas *replicas) {
    struct replica *replica, *next;

    if (replicas == NULL)
        return;
    HASH_ITER (hh, replicas->all, replica, next) {
        HASH_DEL(replicas->all, replica);
        model_log_done(&replica->log);
        free(replica);
    }
    committed_free(replicas->committed);
    free(replicas);
}

int64_t model_replicas_committed(const struct model_replicas *replicas, int64_t *lost) {
    *lost = committed_lost(replicas->committed);
    return committed_records(replicas->committed);
}

void model_replicas_be_reliable(struct model_replicas *replicas) {
    replicas->unreliable = 0;
}

void model_replicas_be_quiet(struct model_replicas *replicas) {
    replicas->is_quiet = true;
}

void model_replicas_check_end(struct model_replicas *replicas) {
    for (struct replica *replica = replicas->all; replica != NULL; replica = replica->hh.next) {
        const struct metadata *metadata = model_replica_metadata(replicas, replica->key.broker_id);
        if (replica->role == LEADER &&
            metadata_find_topic_by_id(metadata, &replica->key.topic_id) != NULL &&
            (replica->isr_count != replica->follower_count + 1 ||
             replica->high_watermark != replica->log.end))
            checker_broken(replicas->cluster->checker,
                           "partition %d: leader %d of epoch %d ends with %d of %d replicas in its "
                           "isr, high watermark %" PRId64 " of %" PRId64,
                           replica->key.partition, replica->key.broker_id, replica->leader_epoch,
                           replica->isr_count, replica->follower_count + 1, replica->high_watermark,
                           replica->log.end);
        metadata_unref(metadata);
    }
}
