/*
 * Questions about partitions that only their leaders answer, asked in rounds: each round finds out
 * who leads what has no answer yet, and asks every such leader for its part. What a leader no
 * longer leads, or cannot be reached for, is asked in the next round, until the time is up; so
 * what is asked must do no harm if it is done twice.
 *
 * Threads: the caller's; what a leader answers is read on the background thread, while the caller
 * waits.
 */
#ifndef CLIENT_ADMIN_LEADER_ROUNDS_H
#define CLIENT_ADMIN_LEADER_ROUNDS_H

#include "client/admin/admin_call.h"

struct leader_rounds;

/* What is asked; a constant. */
struct leader_question {
    const struct wire_api *api;
    /* Begins a request with room for `count` lines, in the arena. False if memory is out. */
    bool (*begin)(struct leader_rounds *rounds, struct arena *arena, size_t count,
                  int64_t timeout_ms);
    void (*add_line)(struct leader_rounds *rounds, const struct barnabas_offset_spec *line);
    /* Puts the answers into their items; MALFORMED if one was not asked for. */
    enum error (*read)(struct leader_rounds *rounds, const void *response);
};

struct leader_rounds {
    const struct leader_question *question;
    void *request; /* of the question's API; the struct that leader_question fills */
    const struct barnabas_offset_spec *lines; /* each partition once; what is asked of it */
    size_t count;
    struct barnabas_offset *items; /* the answers, by line */
    int32_t *leaders;              /* by line: who has to answer in this round; -1: nobody */
    int32_t leader;                /* who is being asked */
    size_t next_answer;            /* where the next answer's line is looked for first */
    struct admin_call call;        /* its own */
};

/* Makes the items in the result's arena, which `result` then has as its offsets: without offset,
 * and with LEADER_NOT_AVAILABLE until they are answered. Errors: OUT_OF_MEMORY. */
MUST_CHECK enum error leader_rounds_begin(struct leader_rounds *rounds, struct admin_result *result,
                                          const struct barnabas_offset_spec *lines, size_t count);

/* The item of an answer; NULL if it was not asked for. */
struct barnabas_offset *leader_rounds_item(struct leader_rounds *rounds, struct bytes topic,
                                           int32_t partition);

/* Asks `leader` once for the lines that are its. Errors: as the call's; `read`'s. */
MUST_CHECK enum error leader_rounds_ask(struct leader_rounds *rounds, struct barnabas_admin *admin,
                                        int64_t timeout_ms);

/* Asks until every line has its answer or the time is up. Errors: why nobody can be found who
 * leads; those of single lines stand in their items. */
MUST_CHECK enum error leader_rounds_run(struct leader_rounds *rounds, struct barnabas_admin *admin,
                                        int64_t timeout_ms);

#endif
