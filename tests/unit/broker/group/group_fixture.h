/*
 * A group as its tests drive it: members are named by their ids, requests and answers are text.
 *
 * Stores are kept until the test says how they went. Time passes as with the coordinator: the group
 * is told of it when its next deadline has come.
 */
#ifndef TESTS_UNIT_BROKER_GROUP_GROUP_FIXTURE_H
#define TESTS_UNIT_BROKER_GROUP_GROUP_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "broker/group/group.h"

#define ANSWERS_MAX 64
#define STORES_MAX  32
#define TEXT_MAX    256

#define WALL_MS      1700000000000
#define SESSION_MS   10000
#define REBALANCE_MS 60000
#define DELAY_MS     3000

/* What came back of a join or a sync. */
struct answer {
    int count; /* how often: 0 while it waits */
    enum error error;
    int32_t generation;
    char type[32]; /* "null" for null */
    char protocol[32];
    char leader[32];
    char member[32];
    char members[TEXT_MAX]; /* "A B": for the leader; with instances "A/i B" */
    char metadata[TEXT_MAX];
    bool skip_assignment;
    char assignment[64];
};

/* A store as it was asked for. */
struct kept_store {
    int64_t ticket;
    int32_t generation;
    char leader[32];
    char protocol[32];
    char members[TEXT_MAX]; /* "A=0 B=1" */
};

struct fixture {
    struct group_settings settings;
    struct group_now now;
    struct group *group;
    struct answer answers[ANSWERS_MAX];
    int answer_count;
    struct kept_store stores[STORES_MAX]; /* those under way, oldest first */
    int store_count;
    struct kept_store last_store;
    int stores_ever;
};

/* ---- Text ---- */

static inline void put_text(char *to, size_t size, struct bytes from) {
    if (bytes_is_null(from))
        from = bytes_of_text("null");
    assert_true(from.size < size);
    memcpy(to, from.data, from.size);
    to[from.size] = '\0';
}

static inline void add_text(char *to, size_t size, const char *between, struct bytes from) {
    size_t used = strlen(to);

    used += (size_t)snprintf(to + used, size - used, "%s", between);
    put_text(to + used, size - used, from);
}

/* ---- Stores ---- */

static inline void fixture_on_store(void *context, struct group *group, int64_t ticket) {
    struct fixture *f = context;
    struct kept_store *kept = &f->stores[f->store_count++];
    struct group_record record;
    struct arena arena;

    assert_true(f->store_count <= STORES_MAX);
    arena_init(&arena, 1 << 20);
    assert_int_equal(group_record_of(group, &arena, &record), ERR_NONE);
    memset(kept, 0, sizeof(*kept));
    kept->ticket = ticket;
    kept->generation = record.generation;
    put_text(kept->leader, sizeof(kept->leader), record.leader);
    put_text(kept->protocol, sizeof(kept->protocol), record.protocol);
    for (int32_t i = 0; i < record.member_count; i++) {
        add_text(kept->members, sizeof(kept->members), i == 0 ? "" : " ", record.members[i].id);
        add_text(kept->members, sizeof(kept->members), "=", record.members[i].assignment);
    }
    f->last_store = *kept;
    f->stores_ever++;
    arena_done(&arena);
}

/* The oldest store that is under way ends. */
static inline void stored(struct fixture *f, enum error error) {
    int64_t ticket = f->stores[0].ticket;

    assert_true(f->store_count > 0);
    f->store_count--;
    memmove(f->stores, f->stores + 1, (size_t)f->store_count * sizeof(f->stores[0]));
    group_stored(f->group, ticket, error, f->now);
}

/* ---- Life ---- */

static inline void fixture_new_group(struct fixture *f) {
    const struct group_port port = {.store = fixture_on_store, .context = f};

    f->group = group_new(bytes_of_text("group"), &f->settings, &port);
}

static inline void fixture_init(struct fixture *f) {
    memset(f, 0, sizeof(*f));
    f->settings = (struct group_settings){6000, 1800000, DELAY_MS, INT32_MAX};
    f->now = (struct group_now){1000, WALL_MS};
    fixture_new_group(f);
}

/* Whatever a test did: everybody has been answered, once. */
static inline void fixture_done(struct fixture *f) {
    group_unload(f->group, ERR_NOT_COORDINATOR);
    group_free(f->group);
    for (int i = 0; i < f->answer_count; i++)
        assert_int_equal(f->answers[i].count, 1);
}

/* Time passes. */
static inline void pass(struct fixture *f, int64_t ms) {
    int64_t until = f->now.ms + ms;
    int64_t next;
    int turns = 0;

    while ((next = group_next_deadline(f->group)) <= until) {
        int64_t step = next > f->now.ms ? next - f->now.ms : 0;
        assert_true(++turns < 1000); /* or it spins */
        f->now.ms += step;
        f->now.wall_ms += step;
        group_expire(f->group, f->now);
    }
    f->now.wall_ms += until - f->now.ms;
    f->now.ms = until;
}

/* ---- Requests ---- */

/* What is left out is as a plain consumer has it. */
struct ask {
    const char *member;    /* "" by default */
    const char *instance;  /* none by default */
    const char *gives;     /* the id a new member gets */
    const char *type;      /* "consumer" */
    const char *protocols; /* "range": names, with spaces between them */
    const char *metadata;  /* "" : of each protocol */
    const char *assigns;   /* "A=0 B=1" */
    int32_t generation;
    int32_t session_ms;
    int32_t rebalance_ms;
    int version; /* of JoinGroup: 4 asks for a member id first, 9 knows skip_assignment; of
                    SyncGroup: 5 tells type and protocol */
};

static inline struct answer *new_answer(struct fixture *f) {
    assert_true(f->answer_count < ANSWERS_MAX);
    return &f->answers[f->answer_count++];
}

static inline void on_joined(void *request, const struct group_join_result *result) {
    struct answer *answer = request;

    answer->count++;
    answer->error = result->error;
    answer->generation = result->generation;
    answer->skip_assignment = result->skip_assignment;
    put_text(answer->type, sizeof(answer->type), result->protocol_type);
    put_text(answer->protocol, sizeof(answer->protocol), result->protocol);
    put_text(answer->leader, sizeof(answer->leader), result->leader);
    put_text(answer->member, sizeof(answer->member), result->member_id);
    for (int32_t i = 0; i < result->member_count; i++) {
        const char *between = i == 0 ? "" : " ";
        add_text(answer->members, sizeof(answer->members), between, result->members[i].id);
        if (!bytes_is_null(result->members[i].instance_id))
            add_text(answer->members, sizeof(answer->members), "/", result->members[i].instance_id);
        add_text(answer->metadata, sizeof(answer->metadata), between, result->members[i].metadata);
    }
}

static inline int split_protocols(const struct ask *ask, struct group_protocol *protocols,
                                  int max) {
    const char *text = ask->protocols == NULL ? "range" : ask->protocols;
    int count = 0;

    while (*text != '\0') {
        size_t size = strcspn(text, " ");
        assert_true(count < max);
        protocols[count++] = (struct group_protocol){
            bytes_of(text, size), bytes_of_text(ask->metadata == NULL ? "" : ask->metadata)};
        text += size + (text[size] == ' ');
    }
    return count;
}

static inline struct answer *fixture_join(struct fixture *f, const struct ask *ask) {
    struct answer *answer = new_answer(f);
    struct group_protocol protocols[8];
    const struct group_join join = {
        .member_id = bytes_of_text(ask->member == NULL ? "" : ask->member),
        .instance_id = bytes_of_text(ask->instance),
        .new_member_id = bytes_of_text(ask->gives),
        .client_id = bytes_of_text("client"),
        .client_host = bytes_of_text("/127.0.0.1"),
        .rebalance_timeout_ms = ask->rebalance_ms == 0 ? REBALANCE_MS : ask->rebalance_ms,
        .session_timeout_ms = ask->session_ms == 0 ? SESSION_MS : ask->session_ms,
        .protocol_type = bytes_of_text(ask->type == NULL ? "consumer" : ask->type),
        .protocols = protocols,
        .protocol_count = split_protocols(ask, protocols, 8),
        .is_member_id_required = ask->version >= 4,
        .can_skip_assignment = ask->version >= 9,
        .joined = on_joined,
        .request = answer,
    };

    group_join(f->group, &join, f->now);
    return answer;
}

static inline void on_synced(void *request, const struct group_sync_result *result) {
    struct answer *answer = request;

    answer->count++;
    answer->error = result->error;
    put_text(answer->type, sizeof(answer->type), result->protocol_type);
    put_text(answer->protocol, sizeof(answer->protocol), result->protocol);
    put_text(answer->assignment, sizeof(answer->assignment), result->assignment);
}

static inline int split_assigns(const char *text, struct group_assignment *assigned, int max) {
    int count = 0;

    while (text != NULL && *text != '\0') {
        size_t name = strcspn(text, "="), size = strcspn(text, " ");
        assert_true(count < max);
        assigned[count++] = (struct group_assignment){bytes_of(text, name),
                                                      bytes_of(text + name + 1, size - name - 1)};
        text += size + (text[size] == ' ');
    }
    return count;
}

static inline struct answer *fixture_sync(struct fixture *f, const struct ask *ask) {
    struct answer *answer = new_answer(f);
    struct group_assignment assigned[16];
    const struct group_sync sync = {
        .member_id = bytes_of_text(ask->member == NULL ? "" : ask->member),
        .instance_id = bytes_of_text(ask->instance),
        .generation = ask->generation,
        .protocol_type = bytes_of_text(ask->type),
        .protocol = bytes_of_text(ask->protocols),
        .assignments = assigned,
        .assignment_count = split_assigns(ask->assigns, assigned, 16),
        .synced = on_synced,
        .request = answer,
    };

    group_sync(f->group, &sync, f->now);
    return answer;
}

#define JOIN(f, ...) fixture_join((f), &(struct ask){__VA_ARGS__})
#define SYNC(f, ...) fixture_sync((f), &(struct ask){__VA_ARGS__})

static inline enum error heartbeat(struct fixture *f, const char *member, const char *instance,
                                   int32_t generation) {
    return group_heartbeat(f->group, bytes_of_text(member), bytes_of_text(instance), generation,
                           f->now);
}

static inline enum error leave(struct fixture *f, const char *member, const char *instance) {
    return group_leave(f->group, bytes_of_text(member), bytes_of_text(instance), f->now);
}

/* ---- What is expected ---- */

#define assert_waits(answer) assert_int_equal((answer)->count, 0)

static inline void assert_refused(const struct answer *answer, enum error error,
                                  const char *member) {
    assert_int_equal(answer->count, 1);
    assert_int_equal(answer->error, error);
    assert_int_equal(answer->generation, -1);
    assert_string_equal(answer->leader, "");
    assert_string_equal(answer->protocol, "null");
    assert_string_equal(answer->members, "");
    assert_string_equal(answer->member, member);
}

/* `members` "": not told. */
static inline void assert_joined(const struct answer *answer, const char *member,
                                 int32_t generation, const char *leader, const char *members) {
    assert_int_equal(answer->count, 1);
    assert_int_equal(answer->error, ERR_NONE);
    assert_int_equal(answer->generation, generation);
    assert_string_equal(answer->member, member);
    assert_string_equal(answer->leader, leader);
    assert_string_equal(answer->members, members);
}

static inline void assert_synced(const struct answer *answer, const char *assignment) {
    assert_int_equal(answer->count, 1);
    assert_int_equal(answer->error, ERR_NONE);
    assert_string_equal(answer->assignment, assignment);
}

static inline void assert_sync_failed(const struct answer *answer, enum error error) {
    assert_int_equal(answer->count, 1);
    assert_int_equal(answer->error, error);
    assert_string_equal(answer->assignment, "");
    assert_string_equal(answer->type, "null");
}

/* ---- Groups that are there already ---- */

/* `names` are letters: "AB", the first one leads; lower case letters are static, their instance is
 * "i" and the letter. Generation 1, members wait for what the leader assigns. */
static inline void fixture_complete_join(struct fixture *f, const char *names) {
    for (const char *name = names; *name != '\0'; name++) {
        const char id[] = {*name, '\0'};
        const char instance[] = {'i', *name, '\0'};
        bool is_static = *name >= 'a';
        JOIN(f, .gives = id, .instance = is_static ? instance : NULL);
    }
    /* Each one that came after the first prolonged the delay once; no more come. */
    pass(f, 2 * (int64_t)DELAY_MS);
    assert_int_equal(group_state(f->group), GROUP_COMPLETING_REBALANCE);
    assert_int_equal(group_generation(f->group), 1);
}

/* Each is assigned its name in lower case. */
static inline void fixture_make_stable(struct fixture *f, const char *names) {
    char assigns[TEXT_MAX] = "";

    fixture_complete_join(f, names);
    for (const char *name = names; *name != '\0'; name++) {
        size_t used = strlen(assigns);
        snprintf(assigns + used, sizeof(assigns) - used, "%s%c=%c", used == 0 ? "" : " ", *name,
                 *name | 0x20);
    }
    for (const char *name = names; *name != '\0'; name++) {
        const char id[] = {*name, '\0'};
        SYNC(f, .member = id, .generation = 1, .assigns = name == names ? assigns : NULL);
    }
    stored(f, ERR_NONE);
    assert_int_equal(group_state(f->group), GROUP_STABLE);
}

#endif
