/*
 * Questions about partitions that only their leaders answer, asked in rounds: each round finds out
 * who leads what has no answer yet, and asks every such leader for its part. What a leader no
 * longer leads, or cannot be reached for, is asked in the next round, until the time is up; so
 * what is asked must do no harm if it is done twice.
 *
 * Threads: the caller's; `ask` runs there, too.
 */
#ifndef CLIENT_ADMIN_LEADER_ROUNDS_H
#define CLIENT_ADMIN_LEADER_ROUNDS_H

#include "client/admin/admin_call.h"

struct leader_rounds {
    const struct barnabas_offset_spec *lines; /* each partition once; what is asked of it */
    size_t count;
    struct barnabas_offset *items; /* the answers, by line */
    int32_t *leaders;              /* by line: who has to answer in this round; -1: nobody */
    int32_t leader;                /* who is being asked */
    size_t next_answer;            /* where the next answer's line is looked for first */
    /* Asks `leader` for the lines that are its, and puts the answers into their items. */
    enum error (*ask)(struct leader_rounds *rounds, struct barnabas_admin *admin,
                      int64_t timeout_ms);
};

/* Makes the items in the result's arena, which `result` then has as its offsets: without offset,
 * and with LEADER_NOT_AVAILABLE until they are answered. Errors: OUT_OF_MEMORY. */
MUST_CHECK enum error leader_rounds_begin(struct leader_rounds *rounds, struct admin_result *result,
                                          const struct barnabas_offset_spec *lines, size_t count);

/* Whether the leader being asked has to answer this line. */
bool leader_rounds_asks(const struct leader_rounds *rounds, size_t line);

/* The item of an answer; NULL if it was not asked for. */
struct barnabas_offset *leader_rounds_item(struct leader_rounds *rounds, struct bytes topic,
                                           int32_t partition);

/* Asks until every line has its answer or the time is up. Errors: why nobody can be found who
 * leads; those of single lines stand in their items. */
MUST_CHECK enum error leader_rounds_run(struct leader_rounds *rounds, struct barnabas_admin *admin,
                                        int64_t timeout_ms);

#endif
