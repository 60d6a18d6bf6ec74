/*
 * One transactional id over failovers of its coordinator: producers come, crash and go on as
 * zombies, writes into __transaction_state fail or only their answer is lost, markers reach some
 * partitions only and are written again by the next coordinator while the last one goes on, too.
 * The decisions are the broker's own (broker/transaction: transaction, transaction_record);
 * partitions keep Kafka's rules of producer epochs, coordinator epochs and verification (KIP-890,
 * part 1). A verification takes its time: the coordinator that is asked, which may be a deposed
 * one, answers later, and the answer arrives later still; meanwhile the transaction may have ended,
 * its marker may be there, another one may have begun.
 *
 * INVARIANT: what was written in a transaction has one outcome, the same in all partitions, and the
 * one that was answered. When faults have stopped, no transaction is open.
 *
 * With an argument, runs that seed alone.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "broker/transaction/transaction_record.h"
#include "client/base/rng.h"

#define PARTITIONS  3
#define PRODUCERS   2
#define TXNS_MAX    256
#define RECORDS_MAX 2048
#define CHAOS_STEPS 1000
#define REST_STEPS  20000
#define PRODUCER_ID 7
#define TIMEOUT_MS  1000

enum outcome { NOTHING, COMMITTED, ABORTED };

struct partition {
    int16_t producer_epoch;
    int32_t coordinator_epoch;
    int32_t open;          /* number of the transaction; -1: none */
    uint64_t guard;        /* of the verification; 0: none */
    int16_t guarded_epoch; /* of its producer */
    int32_t newest;        /* transaction with a record here; -1: none */
};

/* A record that waits for its verification. */
struct question {
    bool exists, is_answered, is_known;
    int32_t partition, txn;
    int16_t epoch;
    uint64_t guard;
    int32_t coordinator_epoch; /* of the last marker in the partition: no older one is asked */
};

enum store_kind { STORE_INIT, STORE_ADD, STORE_END, STORE_FENCE, STORE_COMPLETE };

/* Of one leader epoch; an older one does not know that it is deposed. */
struct coordinator {
    int32_t epoch;
    struct transaction *transaction;
    bool is_storing;
    enum store_kind stored;
    const struct transaction_values *next; /* being stored */
    int32_t asker, asker_incarnation;      /* to be answered when it is stored */
    bool is_marking;
    bool written[PARTITIONS];
};

enum producer_phase { INITIALIZING, ADDING, PRODUCING, VERIFYING, ENDING };

struct producer {
    int32_t incarnation;
    enum producer_phase phase;
    bool waits; /* for an answer of the coordinator */
    bool is_fenced;
    int16_t epoch;
    int32_t txn;
    bool commits;
    bool uses[PARTITIONS];
    int32_t current; /* partition that is being added or produced to */
    struct question question;
};

/* A batch that its producer did not wait for when it aborted. */
struct late_record {
    bool exists;
    int32_t producer, incarnation, partition, txn;
    int16_t epoch;
    struct question question;
};

struct world {
    struct rng rng;
    uint64_t seed;
    int64_t now_ms;
    bool is_quiet;
    struct wire_writer log[RECORDS_MAX];
    int32_t record_count;
    struct coordinator coordinator, zombie;
    struct partition partitions[PARTITIONS];
    struct producer producers[PRODUCERS];
    struct late_record late;
    uint64_t guard_count;
    int32_t txn_count;
    enum outcome outcomes[TXNS_MAX], answered[TXNS_MAX];
    uint64_t commits, aborts, asked_of_the_past, outrun;
};

static bool chance(struct world *world, uint64_t n) {
    return rng_below(&world->rng, n) == 0;
}

static void require(const struct world *world, bool holds, const char *what) {
    if (holds)
        return;
    fprintf(stderr, "seed %" PRIu64 ": %s\n", world->seed, what);
    exit(1);
}

static struct bytes topic(void) {
    return bytes_of_text("orders");
}

/* ---- Outcomes ---- */

static void take_outcome(struct world *world, int32_t txn, enum outcome outcome) {
    require(world, world->outcomes[txn] == NOTHING || world->outcomes[txn] == outcome,
            "a transaction is committed in one partition and aborted in another");
    require(world, world->answered[txn] == NOTHING || world->answered[txn] == outcome,
            "a transaction ends otherwise than its producer was told");
    if (world->outcomes[txn] == NOTHING && outcome == COMMITTED)
        world->commits++;
    if (world->outcomes[txn] == NOTHING && outcome == ABORTED)
        world->aborts++;
    world->outcomes[txn] = outcome;
}

static void begin_transaction(struct world *world, struct producer *producer);
static void go_to(struct producer *producer, int32_t partition);

static void answer_end(struct world *world, const struct producer *producer) {
    enum outcome outcome = producer->commits ? COMMITTED : ABORTED;

    require(world,
            world->outcomes[producer->txn] == NOTHING || world->outcomes[producer->txn] == outcome,
            "a producer is told another end than its transaction had");
    world->answered[producer->txn] = outcome;
}

/* ---- Coordinators ---- */

static void store(struct world *world, struct coordinator *coordinator, enum store_kind kind,
                  const struct transaction_values *next, int32_t asker) {
    coordinator->is_storing = true;
    coordinator->next = next;
    coordinator->stored = kind;
    coordinator->asker = asker;
    coordinator->asker_incarnation = asker >= 0 ? world->producers[asker].incarnation : 0;
}

static void begin_marking(struct coordinator *coordinator) {
    coordinator->is_marking = true;
    for (int32_t p = 0; p < PARTITIONS; p++)
        coordinator->written[p] = !transaction_has_partition(coordinator->transaction, topic(), p);
}

/* What `transaction` prepared, as a record at the end of the log. */
static void append(struct world *world, const struct transaction_values *next) {
    struct wire_writer *record = &world->log[world->record_count++];

    require(world, world->record_count < RECORDS_MAX, "too many records");
    wire_writer_init(record, 1 << 16);
    transaction_value_encode(record, next);
    CHECK(record->error == ERR_NONE);
}

static struct transaction_values nobody_yet(void) {
    return (struct transaction_values){
        .producer_id = PRODUCER_ID,
        .last_producer_id = NO_PRODUCER_ID,
        .producer_epoch = NO_PRODUCER_EPOCH,
        .last_producer_epoch = NO_PRODUCER_EPOCH,
        .timeout_ms = TIMEOUT_MS,
        .start_ms = NO_TRANSACTION_START,
    };
}

static void load(struct world *world, struct coordinator *coordinator, int32_t epoch) {
    struct transaction_values values = nobody_yet();
    enum transaction_state state;

    *coordinator = (struct coordinator){.epoch = epoch};
    coordinator->transaction = transaction_new(bytes_of_text("id"), &values);
    for (int32_t i = 0; i < world->record_count; i++) {
        const struct wire_writer *record = &world->log[i];
        require(world,
                transaction_value_decode(bytes_of(record->data, record->size), &values) == ERR_NONE,
                "a record cannot be read");
        transaction_replace(coordinator->transaction, &values);
    }
    state = transaction_values(coordinator->transaction)->state;
    if (state == TRANSACTION_PREPARE_COMMIT || state == TRANSACTION_PREPARE_ABORT)
        begin_marking(coordinator);
}

static void fail_over(struct world *world) {
    int32_t epoch = world->coordinator.epoch + 1;

    transaction_free(world->zombie.transaction);
    world->zombie = world->coordinator;
    for (int i = 0; i < PRODUCERS; i++)
        world->producers[i].waits = false; /* its connection broke; it asks the next */
    load(world, &world->coordinator, epoch);
}

static void on_stored(struct world *world, struct coordinator *coordinator) {
    struct producer *asker = coordinator->asker < 0 ? NULL : &world->producers[coordinator->asker];
    bool is_there = asker != NULL && asker->waits &&
                    asker->incarnation == coordinator->asker_incarnation &&
                    coordinator == &world->coordinator;

    if (coordinator->stored == STORE_END || coordinator->stored == STORE_FENCE)
        begin_marking(coordinator);
    if (coordinator->stored == STORE_COMPLETE)
        coordinator->is_marking = false;
    if (!is_there)
        return;
    asker->waits = false;
    if (coordinator->stored == STORE_INIT) {
        asker->epoch = transaction_values(coordinator->transaction)->producer_epoch;
        go_to(asker, 0);
    } else if (coordinator->stored == STORE_ADD) {
        asker->phase = PRODUCING;
    } else if (coordinator->stored == STORE_END) {
        answer_end(world, asker);
        begin_transaction(world, asker);
    }
}

/* Written and answered, or not written, or written with the answer lost; a deposed coordinator
 * writes nothing. */
static void complete_store(struct world *world, struct coordinator *coordinator) {
    bool is_leader = coordinator == &world->coordinator;
    bool is_written = is_leader && (world->is_quiet || !chance(world, 8));
    bool is_answered = is_written && (world->is_quiet || !chance(world, 8));

    if (is_written)
        append(world, coordinator->next);
    if (!is_answered) {
        transaction_not_written(coordinator->transaction);
        if (coordinator->asker >= 0)
            world->producers[coordinator->asker].waits = false;
        coordinator->is_storing = false;
        return;
    }
    transaction_written(coordinator->transaction);
    coordinator->is_storing = false;
    on_stored(world, coordinator);
}

/* ---- Partitions ---- */

/* As WriteTxnMarkers. */
static enum error take_marker(struct world *world, int32_t index, int16_t producer_epoch,
                              int32_t coordinator_epoch, bool commit) {
    struct partition *partition = &world->partitions[index];

    if (coordinator_epoch < partition->coordinator_epoch)
        return ERR_TRANSACTION_COORDINATOR_FENCED;
    if (producer_epoch < partition->producer_epoch)
        return ERR_INVALID_PRODUCER_EPOCH;
    partition->coordinator_epoch = coordinator_epoch;
    partition->producer_epoch = producer_epoch;
    partition->guard = 0;
    if (partition->open >= 0)
        take_outcome(world, partition->open, commit ? COMMITTED : ABORTED);
    partition->open = -1;
    return ERR_NONE;
}

/* ---- Verification, as Produce has it ---- */

static bool must_be_verified(const struct partition *partition, int16_t producer_epoch) {
    return partition->open < 0 || producer_epoch > partition->producer_epoch;
}

static void ask_question(struct world *world, struct question *question, int32_t index,
                         int16_t producer_epoch, int32_t txn) {
    struct partition *partition = &world->partitions[index];

    if (partition->guard == 0 || producer_epoch > partition->guarded_epoch) {
        partition->guard = ++world->guard_count;
        partition->guarded_epoch = producer_epoch;
    }
    *question = (struct question){.exists = true,
                                  .partition = index,
                                  .txn = txn,
                                  .epoch = producer_epoch,
                                  .guard = partition->guard,
                                  .coordinator_epoch = partition->coordinator_epoch};
}

/* Whoever the partition's leader takes for the coordinator, which may have been deposed, unless a
 * newer one has written here. */
static void answer_question(struct world *world, struct question *question) {
    const struct coordinator *zombie = &world->zombie;
    bool asks_zombie = zombie->transaction != NULL &&
                       zombie->epoch >= question->coordinator_epoch && chance(world, 2);
    const struct transaction *transaction =
        asks_zombie ? zombie->transaction : world->coordinator.transaction;

    question->is_answered = true;
    question->is_known =
        transaction_verify(transaction, PRODUCER_ID, question->epoch) == ERR_NONE &&
        transaction_has_partition(transaction, topic(), question->partition);
    world->asked_of_the_past += asks_zombie && question->is_known;
}

static void append_record(struct world *world, struct partition *partition, int16_t producer_epoch,
                          int32_t txn) {
    if (must_be_verified(partition, producer_epoch)) {
        require(world, partition->open < 0,
                "a producer begins while a transaction of the one before is open");
        partition->open = txn;
        partition->guard = 0;
    }
    partition->producer_epoch = producer_epoch;
    partition->newest = txn;
    require(world, partition->open == txn, "records of two transactions get one marker");
}

/* False: it is refused. */
static bool append_verified(struct world *world, const struct question *question) {
    struct partition *partition = &world->partitions[question->partition];
    bool is_outrun = question->guard != partition->guard;

    world->outrun += question->is_known && is_outrun;
    if (!question->is_known || question->epoch < partition->producer_epoch ||
        (must_be_verified(partition, question->epoch) && is_outrun))
        return false;
    append_record(world, partition, question->epoch, question->txn);
    return true;
}

/* ---- Steps ---- */

/* One partition's marker, if one is due: it may not get there, or its answer may be lost. */
static void step_markers(struct world *world, struct coordinator *coordinator) {
    const struct transaction_values *values;
    bool is_commit, all = true;

    if (coordinator->transaction == NULL || !coordinator->is_marking || coordinator->is_storing)
        return;
    values = transaction_values(coordinator->transaction);
    is_commit = values->state == TRANSACTION_PREPARE_COMMIT;
    for (int32_t p = 0; p < PARTITIONS; p++) {
        enum error error;
        if (coordinator->written[p] || (!world->is_quiet && chance(world, 2))) {
            all = all && coordinator->written[p];
            continue;
        }
        error = take_marker(world, p, values->producer_epoch, coordinator->epoch, is_commit);
        if (error == ERR_NONE && !world->is_quiet && chance(world, 4))
            error = ERR_REQUEST_TIMED_OUT;
        if (error == ERR_TRANSACTION_COORDINATOR_FENCED || error == ERR_INVALID_PRODUCER_EPOCH) {
            require(world, coordinator != &world->coordinator, "the coordinator is fenced");
            coordinator->is_marking = false;
            return;
        }
        coordinator->written[p] = error == ERR_NONE;
        all = all && coordinator->written[p];
    }
    if (!all)
        return;
    store(world, coordinator, STORE_COMPLETE,
          transaction_complete(coordinator->transaction, world->now_ms), -1);
}

static void step_coordinator(struct world *world, struct coordinator *coordinator) {
    if (coordinator->transaction == NULL)
        return;
    if (coordinator->is_storing)
        complete_store(world, coordinator);
    else if (transaction_is_timed_out(coordinator->transaction, world->now_ms))
        store(world, coordinator, STORE_FENCE,
              transaction_fence(coordinator->transaction, world->now_ms), -1);
    else
        step_markers(world, coordinator);
}

static void ask_init(struct world *world, int32_t number) {
    struct coordinator *coordinator = &world->coordinator;
    struct transaction_init init = {TIMEOUT_MS, NO_PRODUCER_ID, NO_PRODUCER_EPOCH, PRODUCER_ID,
                                    world->now_ms};
    const struct transaction_values *next;
    bool is_open;
    enum error error = transaction_init_producer(coordinator->transaction, &init, &next, &is_open);

    if (is_open)
        store(world, coordinator, STORE_FENCE,
              transaction_fence(coordinator->transaction, world->now_ms), -1);
    else if (error == ERR_NONE) {
        world->producers[number].waits = true;
        store(world, coordinator, STORE_INIT, next, number);
    }
}

static void take_refusal(struct producer *producer, enum error error) {
    producer->is_fenced = error != ERR_NONE && error != ERR_CONCURRENT_TRANSACTIONS;
}

/* To the next partition that the transaction uses, or to its end. */
static void go_to(struct producer *producer, int32_t partition) {
    while (partition < PARTITIONS && !producer->uses[partition])
        partition++;
    producer->current = partition;
    producer->phase = partition < PARTITIONS ? ADDING : ENDING;
}

static void ask_add(struct world *world, int32_t number) {
    struct producer *producer = &world->producers[number];
    struct transaction_partition partition = {topic(), producer->current};
    const struct transaction_values *next;
    enum error error =
        transaction_add_partitions(world->coordinator.transaction, PRODUCER_ID, producer->epoch,
                                   &partition, 1, world->now_ms, &next);

    take_refusal(producer, error);
    if (error != ERR_NONE)
        return;
    if (next == NULL) {
        producer->phase = PRODUCING;
        return;
    }
    producer->waits = true;
    store(world, &world->coordinator, STORE_ADD, next, number);
}

static void begin_transaction(struct world *world, struct producer *producer) {
    producer->txn = world->txn_count++;
    producer->commits = chance(world, 2);
    for (int32_t p = 0; p < PARTITIONS; p++)
        producer->uses[p] = chance(world, 2) || p == producer->txn % PARTITIONS;
    if (producer->phase != INITIALIZING)
        go_to(producer, 0);
}

static void produce(struct world *world, int32_t number) {
    struct producer *producer = &world->producers[number];
    struct partition *partition;

    if (!producer->commits && chance(world, 4)) {
        world->late = (struct late_record){.exists = true,
                                           .producer = number,
                                           .incarnation = producer->incarnation,
                                           .partition = producer->current,
                                           .txn = producer->txn,
                                           .epoch = producer->epoch};
        producer->phase = ENDING;
        return;
    }
    partition = &world->partitions[producer->current];
    if (producer->epoch < partition->producer_epoch) {
        producer->is_fenced = true;
    } else if (must_be_verified(partition, producer->epoch)) {
        ask_question(world, &producer->question, producer->current, producer->epoch, producer->txn);
        producer->phase = VERIFYING;
    } else {
        append_record(world, partition, producer->epoch, producer->txn);
        go_to(producer, producer->current + 1);
    }
}

/* Who is refused because a deposed coordinator was asked, or was outrun, comes again. */
static void verify(struct world *world, struct producer *producer) {
    struct question *question = &producer->question;

    if (!question->is_answered) {
        answer_question(world, question);
        return;
    }
    question->exists = false;
    producer->phase = PRODUCING;
    if (append_verified(world, question))
        go_to(producer, producer->current + 1);
    else
        producer->is_fenced =
            transaction_values(world->coordinator.transaction)->producer_epoch != producer->epoch;
}

/* Once its producer has written to the partition again, its sequence is out of order. That it may
 * join the producer's next transaction, once the partition has been added to that, is what KIP-890
 * has only transactions of version 2 exclude. */
static bool is_in_order(const struct world *world, const struct late_record *late) {
    const struct producer *producer = &world->producers[late->producer];
    const struct transaction *transaction = world->coordinator.transaction;

    if (producer->incarnation != late->incarnation ||
        world->partitions[late->partition].newest > late->txn)
        return false;
    return producer->txn == late->txn ||
           transaction_values(transaction)->state != TRANSACTION_ONGOING ||
           !transaction_has_partition(transaction, topic(), late->partition);
}

static void deliver_late_record(struct world *world) {
    struct late_record *late = &world->late;

    if (!late->exists)
        return;
    if (!late->question.exists) {
        ask_question(world, &late->question, late->partition, late->epoch, late->txn);
    } else if (!late->question.is_answered) {
        answer_question(world, &late->question);
    } else {
        if (is_in_order(world, late))
            (void)append_verified(world, &late->question);
        late->question.exists = false;
        late->exists = !chance(world, 3); /* it may come twice */
    }
}

static void ask_end(struct world *world, int32_t number) {
    struct producer *producer = &world->producers[number];
    const struct transaction_values *next;
    enum error error = transaction_end(world->coordinator.transaction, PRODUCER_ID, producer->epoch,
                                       producer->commits, world->now_ms, &next);

    take_refusal(producer, error);
    if (error != ERR_NONE)
        return;
    if (next == NULL) {
        /* It had been ended so, and the answer was lost. */
        answer_end(world, producer);
        begin_transaction(world, producer);
        return;
    }
    producer->waits = true;
    store(world, &world->coordinator, STORE_END, next, number);
}

static void step_producer(struct world *world, int32_t number) {
    struct producer *producer = &world->producers[number];
    bool is_busy = world->coordinator.is_storing;

    /* Who is shut out gives up, and comes back some time. */
    if (producer->is_fenced && !world->is_quiet && chance(world, 40)) {
        *producer = (struct producer){.incarnation = producer->incarnation + 1};
        begin_transaction(world, producer);
    }
    if (producer->waits || producer->is_fenced)
        return;
    if (producer->phase == PRODUCING)
        produce(world, number);
    else if (producer->phase == VERIFYING)
        verify(world, producer);
    else if (producer->phase == INITIALIZING && !is_busy)
        ask_init(world, number);
    else if (producer->phase == ADDING && !is_busy)
        ask_add(world, number);
    else if (producer->phase == ENDING && !is_busy)
        ask_end(world, number);
}

/* ---- Runs ---- */

static void step(struct world *world) {
    world->now_ms += (int64_t)rng_below(&world->rng, 20);
    switch (rng_below(&world->rng, 16)) {
    case 0:
        if (!world->is_quiet)
            fail_over(world);
        break;
    case 1:
        /* A crash: the next incarnation initializes anew. */
        if (!world->is_quiet)
            world->producers[rng_below(&world->rng, PRODUCERS)].is_fenced = true;
        break;
    case 2:
    case 3:
        step_coordinator(world, &world->zombie);
        break;
    case 4:
        deliver_late_record(world);
        break;
    case 5:
    case 6:
    case 7:
    case 8:
        step_coordinator(world, &world->coordinator);
        break;
    default:
        step_producer(world, (int32_t)rng_below(&world->rng, PRODUCERS));
        break;
    }
}

static bool is_at_rest(const struct world *world) {
    enum transaction_state state = transaction_values(world->coordinator.transaction)->state;

    for (int32_t p = 0; p < PARTITIONS; p++)
        if (world->partitions[p].open >= 0)
            return false;
    return !world->coordinator.is_storing &&
           (state == TRANSACTION_EMPTY || state == TRANSACTION_COMPLETE_COMMIT ||
            state == TRANSACTION_COMPLETE_ABORT);
}

static void begin(struct world *world, uint64_t seed) {
    rng_seed(&world->rng, seed);
    world->seed = seed;
    for (int32_t p = 0; p < PARTITIONS; p++)
        world->partitions[p] = (struct partition){.producer_epoch = -1,
                                                  .coordinator_epoch = -1,
                                                  .open = -1,
                                                  .guarded_epoch = -1,
                                                  .newest = -1};
    for (int i = 0; i < PRODUCERS; i++)
        begin_transaction(world, &world->producers[i]);
    load(world, &world->coordinator, 0);
}

static void end(struct world *world) {
    for (int32_t i = 0; i < world->record_count; i++)
        wire_writer_done(&world->log[i]);
    transaction_free(world->coordinator.transaction);
    transaction_free(world->zombie.transaction);
}

struct sums {
    uint64_t commits, aborts, asked_of_the_past, outrun;
};

static void run(uint64_t seed, struct sums *sums) {
    struct world *world = calloc(1, sizeof(*world));
    int32_t steps;

    CHECK(world != NULL);
    begin(world, seed);
    for (steps = 0; steps < CHAOS_STEPS && world->txn_count < TXNS_MAX - PRODUCERS; steps++)
        step(world);
    world->is_quiet = true;
    /* Nobody goes on: what is open times out. */
    for (int i = 0; i < PRODUCERS; i++)
        world->producers[i] = (struct producer){.is_fenced = true};
    for (steps = 0; steps < REST_STEPS && !is_at_rest(world); steps++)
        step(world);
    require(world, is_at_rest(world), "a transaction is open in the end");
    sums->commits += world->commits;
    sums->aborts += world->aborts;
    sums->asked_of_the_past += world->asked_of_the_past;
    sums->outrun += world->outrun;
    end(world);
    free(world);
}

int main(int argc, char **argv) {
    struct sums sums = {0};

    if (argc > 1) {
        run(strtoull(argv[1], NULL, 10), &sums);
        return 0;
    }
    for (uint64_t seed = 1; seed <= 1000; seed++)
        run(seed, &sums);
    printf("%" PRIu64 " transactions committed, %" PRIu64 " aborted; deposed coordinators vouched "
           "for %" PRIu64 " records, %" PRIu64 " that were vouched for came too late\n",
           sums.commits, sums.aborts, sums.asked_of_the_past, sums.outrun);
    CHECK(sums.commits > 0 && sums.aborts > 0);
    CHECK(sums.asked_of_the_past > 0 && sums.outrun > 0);
    return 0;
}
