/*
 * A group under random clients, times, outcomes of stores and moves of its coordinator. Clients do
 * what clients do (join, sync, heartbeat), but crash, leave, repeat themselves, come back as static
 * members and come with old generations, too.
 *
 * What must hold in every run:
 *   - each request is answered, once, and in the end nobody waits;
 *   - an assignment that is told was stored, for that member and that generation or, with a static
 *     member that came back, for its instance; nobody is told two of one generation;
 *   - one generation has one leader, and generations only grow;
 *   - when all clients are gone the group becomes empty, without spinning.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "broker/group/group.h"
#include "client/base/rng.h"

#define CLIENTS      6
#define STATICS      3  /* the first ones */
#define MEMBERS_MAX  64 /* who died is one until its session ends */
#define SEEDS        400
#define STEPS        400
#define STORES_MAX   4096
#define REQUESTS_MAX 4096
#define SPIN_MAX     10000

enum phase { OUT, JOINING, JOINED, SYNCING, MEMBER };

struct request {
    struct world *world;
    int client;
    int life; /* of the client, when it asked: an older one's answer reaches nobody */
    int32_t generation;
    int answers;
};

struct client {
    enum phase phase;
    int life;
    char id[24];
    char metadata[8];
    int32_t generation;
    bool leads;
    char others[MEMBERS_MAX][24];
    int other_count;
    char assigned[48]; /* in assigned_generation */
    int32_t assigned_generation;
};

struct assigned {
    char member[24];
    char assignment[48];
};

struct record {
    int64_t ticket;
    struct group_record head; /* without views */
    int32_t generation;
    int count;
    struct assigned members[MEMBERS_MAX];
    bool is_stored;
    uint8_t *bytes;
    size_t size;
};

struct world {
    struct rng rng;
    struct group_settings settings;
    struct group_now now;
    struct group *group;
    enum group_state told_state;
    struct client clients[CLIENTS];
    struct record records[STORES_MAX];
    int record_count;
    int settled; /* records before this one have had their outcome */
    int stored;  /* the last that is in the journal; -1: none */
    struct request requests[REQUESTS_MAX];
    int request_count;
    int next_id;
    int32_t led_generation;
    int leader;       /* the client that was told to lead it */
    int move_count;   /* generations may be given again after a move, if they were not stored */
    int synced_count; /* to see that the test tests something */
};

static bool chance(struct world *world, unsigned percent) {
    return rng_below(&world->rng, 100) < percent;
}

static void take(char *to, size_t size, struct bytes from) {
    assert_true(from.size < size);
    if (from.size > 0)
        memcpy(to, from.data, from.size);
    to[from.size] = '\0';
}

/* ---- The journal ---- */

static void on_store(void *context, struct group *group, int64_t ticket) {
    struct world *world = context;
    struct record *record = &world->records[world->record_count++];
    struct group_record now;
    struct wire_writer writer;
    struct arena arena;

    assert_true(world->record_count < STORES_MAX);
    arena_init(&arena, 1 << 20);
    wire_writer_init(&writer, 1 << 20);
    assert_int_equal(group_record_of(group, &arena, &now), ERR_NONE);
    group_record_encode(&writer, &now);
    assert_int_equal(writer.error, ERR_NONE);
    record->ticket = ticket;
    record->generation = now.generation;
    record->count = now.member_count;
    assert_true(now.member_count <= MEMBERS_MAX);
    for (int i = 0; i < now.member_count; i++) {
        take(record->members[i].member, sizeof(record->members[i].member), now.members[i].id);
        take(record->members[i].assignment, sizeof(record->members[i].assignment),
             now.members[i].assignment);
    }
    record->size = writer.size;
    record->bytes = malloc(writer.size);
    memcpy(record->bytes, writer.data, writer.size);
    wire_writer_done(&writer);
    arena_done(&arena);
}

static void settle_store(struct world *world, unsigned failures_percent) {
    static const enum error errors[] = {ERR_COORDINATOR_NOT_AVAILABLE, ERR_NOT_COORDINATOR,
                                        ERR_REBALANCE_IN_PROGRESS};
    struct record *record = &world->records[world->settled];
    enum error error = ERR_NONE;

    if (world->settled == world->record_count)
        return;
    if (chance(world, failures_percent))
        error = errors[rng_below(&world->rng, ARRAY_COUNT(errors))];
    record->is_stored = error == ERR_NONE;
    if (record->is_stored)
        world->stored = world->settled;
    world->settled++;
    group_stored(world->group, record->ticket, error, world->now);
}

static bool was_stored(const struct world *world, int32_t generation, const char *member,
                       const char *assignment) {
    for (int i = world->settled - 1; i >= 0; i--) {
        const struct record *record = &world->records[i];
        for (int j = 0; record->is_stored && j < record->count; j++) {
            if (record->generation == generation &&
                strcmp(record->members[j].member, member) == 0 &&
                strcmp(record->members[j].assignment, assignment) == 0)
                return true;
        }
    }
    return false;
}

/* ---- Clients ---- */

static struct request *new_request(struct world *world, int client) {
    struct request *request = &world->requests[world->request_count++];

    assert_true(world->request_count < REQUESTS_MAX);
    *request = (struct request){world, client, world->clients[client].life,
                                world->clients[client].generation, 0};
    return request;
}

/* The client of this life reads the answer; NULL: nobody does. */
static struct client *reader_of(struct request *request) {
    struct client *client = &request->world->clients[request->client];

    assert_int_equal(++request->answers, 1);
    return request->life == client->life ? client : NULL;
}

static void begin_anew(struct client *client, bool keeps_id) {
    client->phase = OUT;
    client->life++;
    if (!keeps_id)
        client->id[0] = '\0';
}

static void check_leader(struct world *world, int client, int32_t generation) {
    if (world->led_generation == generation)
        assert_int_equal(world->leader, client);
    assert_true(generation >= world->led_generation);
    world->led_generation = generation;
    world->leader = client;
}

static void on_joined(void *context, const struct group_join_result *result) {
    struct request *request = context;
    struct world *world = request->world;
    struct client *client = reader_of(request);

    /* As in Kafka those that wait count: static members that are away come on top. */
    assert_true(result->member_count <= world->settings.size_max + STATICS);
    if (result->error != ERR_NONE)
        assert_int_equal(result->member_count, 0);
    if (result->error == ERR_NONE && result->member_count > 0)
        check_leader(world, request->client, result->generation);
    if (client == NULL)
        return;
    if (result->error == ERR_MEMBER_ID_REQUIRED || result->error == ERR_NONE)
        take(client->id, sizeof(client->id), result->member_id);
    if (result->error != ERR_NONE) {
        begin_anew(client, result->error != ERR_UNKNOWN_MEMBER_ID &&
                               result->error != ERR_FENCED_INSTANCE_ID);
        return;
    }
    assert_true(result->generation >= client->generation || result->generation > 0);
    client->phase = JOINED;
    client->generation = result->generation;
    client->leads = result->member_count > 0 && !result->skip_assignment;
    client->other_count = client->leads ? result->member_count : 0;
    for (int i = 0; i < client->other_count; i++)
        take(client->others[i], sizeof(client->others[i]), result->members[i].id);
}

static void join(struct world *world, int number) {
    struct client *client = &world->clients[number];
    static const char *const instances[] = {"i0", "i1", "i2"};
    const struct group_protocol protocols[] = {
        {bytes_of_text("x"), bytes_of_text(client->metadata)},
        {bytes_of_text("y"), bytes_of_text(client->metadata)},
    };
    bool is_static = number < STATICS;
    char new_id[24];
    struct group_join request = {
        .member_id = bytes_of_text(client->id),
        .instance_id = is_static ? bytes_of_text(instances[number]) : BYTES_NULL,
        .client_id = bytes_of_text("c"),
        .client_host = bytes_of_text("/h"),
        .rebalance_timeout_ms = 1000 * (int)rng_below(&world->rng, 20),
        .session_timeout_ms = 6000 + (int)rng_below(&world->rng, 10000),
        .protocol_type = bytes_of_text("consumer"),
        .protocols = protocols + (chance(world, 10) ? 1 : 0),
        .is_member_id_required = chance(world, 70),
        .can_skip_assignment = chance(world, 50),
        .joined = on_joined,
    };

    request.protocol_count = request.protocols == protocols && chance(world, 80) ? 2 : 1;
    snprintf(new_id, sizeof(new_id), "c%d-%d", number, world->next_id++);
    request.new_member_id = bytes_of_text(new_id);
    client->phase = JOINING;
    request.request = new_request(world, number);
    group_join(world->group, &request, world->now);
}

static void on_synced(void *context, const struct group_sync_result *result) {
    struct request *request = context;
    struct world *world = request->world;
    struct client *client = reader_of(request);
    char assignment[48];

    if (result->error != ERR_NONE) {
        assert_int_equal(result->assignment.size, 0);
        if (client != NULL)
            begin_anew(client, result->error != ERR_UNKNOWN_MEMBER_ID &&
                                   result->error != ERR_FENCED_INSTANCE_ID);
        return;
    }
    if (client == NULL)
        return;
    take(assignment, sizeof(assignment), result->assignment);
    assert_true(was_stored(world, request->generation, client->id, assignment));
    if (client->assigned_generation == request->generation)
        assert_string_equal(client->assigned, assignment);
    memcpy(client->assigned, assignment, sizeof(assignment));
    client->assigned_generation = request->generation;
    client->phase = MEMBER;
    world->synced_count++;
}

static void sync(struct world *world, int number) {
    struct client *client = &world->clients[number];
    struct group_assignment assignments[MEMBERS_MAX];
    char texts[MEMBERS_MAX][48];
    struct group_sync request = {
        .member_id = bytes_of_text(client->id),
        .generation = client->generation,
        .assignments = assignments,
        .synced = on_synced,
    };

    for (int i = 0; i < client->other_count; i++) {
        snprintf(texts[i], sizeof(texts[i]), "%d:%d:%s", client->generation, world->move_count,
                 client->others[i]);
        assignments[i] =
            (struct group_assignment){bytes_of_text(client->others[i]), bytes_of_text(texts[i])};
    }
    /* A leader may forget one. */
    request.assignment_count = client->other_count - (client->other_count > 1 && chance(world, 10));
    client->phase = SYNCING;
    request.request = new_request(world, number);
    group_sync(world->group, &request, world->now);
}

static void beat(struct world *world, int number) {
    struct client *client = &world->clients[number];
    enum error error = group_heartbeat(world->group, bytes_of_text(client->id), BYTES_NULL,
                                       client->generation, world->now);

    if (error == ERR_REBALANCE_IN_PROGRESS)
        join(world, number);
    else if (error != ERR_NONE)
        begin_anew(client, error == ERR_ILLEGAL_GENERATION);
}

static void act(struct world *world, int number) {
    struct client *client = &world->clients[number];

    if (chance(world, 3))
        snprintf(client->metadata, sizeof(client->metadata), "%u",
                 (unsigned)rng_below(&world->rng, 100));
    if (chance(world, 2)) { /* dies */
        begin_anew(client, false);
        return;
    }
    if (chance(world, 2)) {
        (void)!group_leave(world->group, bytes_of_text(client->id), BYTES_NULL, world->now);
        begin_anew(client, false);
        return;
    }
    switch (client->phase) {
    case OUT:
        join(world, number);
        break;
    case JOINING:
        if (chance(world, 5)) { /* its connection broke */
            client->life++;
            join(world, number);
        }
        break;
    case JOINED:
        sync(world, number);
        break;
    case SYNCING:
        if (chance(world, 5)) {
            client->life++;
            sync(world, number);
        }
        break;
    case MEMBER:
        if (chance(world, 3))
            join(world, number);
        else
            beat(world, number);
        break;
    }
}

/* ---- The coordinator ---- */

static void pass(struct world *world, int64_t ms) {
    int64_t until = world->now.ms + ms;
    int64_t next;
    int turns = 0;

    while ((next = group_next_deadline(world->group)) <= until) {
        assert_true(++turns < SPIN_MAX);
        if (next > world->now.ms)
            world->now.ms = next;
        group_expire(world->group, world->now);
    }
    world->now.ms = until;
    world->now.wall_ms += ms;
}

static void on_moved(void *context, enum group_state from, enum group_state to) {
    struct world *world = context;

    assert_int_equal(from, world->told_state);
    assert_int_not_equal(from, to);
    world->told_state = to;
}

static void new_group(struct world *world) {
    const struct group_port port = {on_store, world, on_moved, world};

    world->told_state = GROUP_EMPTY;
    world->group = group_new(bytes_of_text("g"), &world->settings, &port);
}

/* Some of what was under way is in the journal all the same. */
static void move(struct world *world) {
    struct group_record record;
    struct arena arena;

    group_unload(world->group, ERR_NOT_COORDINATOR);
    group_free(world->group);
    for (bool survives = true; world->settled < world->record_count; world->settled++) {
        survives = survives && chance(world, 50);
        world->records[world->settled].is_stored = survives;
        if (survives)
            world->stored = world->settled;
    }
    new_group(world);
    world->move_count++;
    world->led_generation = 0;
    if (world->stored < 0)
        return;
    arena_init(&arena, 1 << 20);
    assert_int_equal(group_record_decode(bytes_of(world->records[world->stored].bytes,
                                                  world->records[world->stored].size),
                                         &arena, &record),
                     ERR_NONE);
    group_load(world->group, &record);
    group_start(world->group, world->now);
    arena_done(&arena);
}

/* ---- Runs ---- */

static void finish(struct world *world) {
    for (int turn = 0; turn < 200; turn++) {
        while (world->settled < world->record_count)
            settle_store(world, 0);
        pass(world, 10000);
    }
    assert_int_equal(group_state(world->group), GROUP_EMPTY);
    assert_true(group_is_unused(world->group));
    for (int i = 0; i < world->request_count; i++)
        assert_int_equal(world->requests[i].answers, 1);
    group_free(world->group);
    for (int i = 0; i < world->record_count; i++)
        free(world->records[i].bytes);
}

static int run(struct world *world, uint64_t seed) {
    memset(world, 0, sizeof(*world));
    rng_seed(&world->rng, seed);
    world->settings = (struct group_settings){6000, 30000, 0, CLIENTS};
    world->settings.initial_rebalance_delay_ms = (int)rng_below(&world->rng, 3) * 500;
    if (chance(world, 30))
        world->settings.size_max = 2 + (int)rng_below(&world->rng, CLIENTS - 2);
    world->now = (struct group_now){0, 1700000000000};
    world->stored = -1;
    for (int i = 0; i < CLIENTS; i++)
        world->clients[i].assigned_generation = -1;
    new_group(world);
    for (int step = 0; step < STEPS; step++) {
        act(world, (int)rng_below(&world->rng, CLIENTS));
        if (chance(world, 50))
            settle_store(world, 5);
        if (chance(world, 60))
            pass(world, (int64_t)rng_below(&world->rng, chance(world, 5) ? 12000 : 800));
        if (chance(world, 1))
            move(world);
        assert_int_equal(world->told_state, group_state(world->group));
    }
    finish(world);
    return world->synced_count;
}

static void whatever_clients_do_assignments_are_one_and_all_are_answered(void **state) {
    struct world *world = malloc(sizeof(*world));
    const char *only = getenv("SEED");
    long synced = 0;
    (void)state;

    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        if (only != NULL)
            seed = strtoull(only, NULL, 10);
        print_message("seed %llu\n", (unsigned long long)seed);
        synced += run(world, seed);
        if (only != NULL)
            break;
    }
    assert_true(only != NULL || synced > 20L * SEEDS);
    print_message("%ld assignments told\n", synced);
    free(world);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whatever_clients_do_assignments_are_one_and_all_are_answered),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
