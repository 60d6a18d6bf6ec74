#include "client/admin/leader_rounds.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "client/base/clock.h"

/* Between two rounds, for leaders to be elected. */
#define ROUND_PAUSE_MS 100

/* So long one leader may keep a round waiting: whoever is dead is looked for anew then. */
#define LEADER_MS_MAX 5000

enum error leader_rounds_begin(struct leader_rounds *rounds, struct admin_result *result,
                               const struct barnabas_offset_spec *lines, size_t count) {
    rounds->lines = lines;
    rounds->count = count;
    rounds->next_answer = 0;
    rounds->items = arena_alloc(&result->arena, count + 1, sizeof(*rounds->items));
    rounds->leaders = arena_alloc(&result->arena, count + 1, sizeof(*rounds->leaders));
    if (rounds->items == NULL || rounds->leaders == NULL)
        return ERR_OUT_OF_MEMORY;
    for (size_t i = 0; i < count; i++) {
        rounds->leaders[i] = -1;
        rounds->items[i] = (struct barnabas_offset){
            .topic = text_in_arena(&result->arena, bytes_of_text(lines[i].topic)),
            .partition = lines[i].partition,
            .offset = BARNABAS_OFFSET_NONE,
            .leader_epoch = -1,
            .metadata = "",
            .error = ERR_LEADER_NOT_AVAILABLE,
        };
        if (rounds->items[i].topic == NULL)
            return ERR_OUT_OF_MEMORY;
    }
    result->offsets = (struct barnabas_offsets){count, rounds->items};
    return ERR_NONE;
}

/* Whether the leader being asked has to answer this line. */
static bool is_asked(const struct leader_rounds *rounds, size_t line) {
    return rounds->leaders[line] == rounds->leader;
}

static enum error on_answer(struct admin_call *call, const void *response) {
    struct leader_rounds *rounds = CONTAINER_OF(call, struct leader_rounds, call);

    return rounds->question->read(rounds, response);
}

enum error leader_rounds_ask(struct leader_rounds *rounds, struct barnabas_admin *admin,
                             int64_t timeout_ms) {
    struct admin_result *answered = NULL;
    struct arena arena;
    enum error error = ERR_OUT_OF_MEMORY;

    arena_init(&arena, SIZE_MAX / 2);
    if (rounds->question->begin(rounds, &arena, rounds->count, timeout_ms)) {
        for (size_t i = 0; i < rounds->count; i++)
            if (is_asked(rounds, i))
                rounds->question->add_line(rounds, &rounds->lines[i]);
        rounds->call = (struct admin_call){
            .target = rounds->leader,
            .api = rounds->question->api,
            .request = rounds->request,
            .timeout_ms = timeout_ms,
            .read = on_answer,
        };
        error = admin_call_run(admin, &rounds->call, &answered);
    }
    arena_done(&arena);
    if (error == ERR_NONE)
        admin_result_free(answered); /* all is in the items */
    return error;
}

/* Looked for behind the last one found: brokers mostly keep the order. */
struct barnabas_offset *leader_rounds_item(struct leader_rounds *rounds, struct bytes topic,
                                           int32_t partition) {
    for (size_t step = 0; step < rounds->count; step++) {
        size_t i = (rounds->next_answer + step) % rounds->count;

        if (is_asked(rounds, i) && rounds->lines[i].partition == partition &&
            bytes_equal_text(topic, rounds->lines[i].topic)) {
            rounds->next_answer = i + 1;
            return &rounds->items[i];
        }
    }
    return NULL;
}

static const struct barnabas_partition_info *find_partition(const struct barnabas_topics *topics,
                                                            const struct barnabas_offset_spec *line,
                                                            int *error) {
    *error = ERR_UNKNOWN_TOPIC_OR_PARTITION;
    for (size_t i = 0; i < topics->count; i++) {
        const struct barnabas_topic_info *topic = &topics->items[i];

        if (strcmp(topic->name, line->topic) != 0)
            continue;
        if (topic->error != ERR_NONE)
            *error = topic->error;
        for (size_t j = 0; j < topic->partition_count; j++)
            if (topic->partitions[j].partition == line->partition)
                return &topic->partitions[j];
    }
    return NULL;
}

/* Who leads what is still to be asked for. */
static enum error find_leaders(struct leader_rounds *rounds, struct barnabas_admin *admin,
                               int64_t timeout_ms) {
    const char **names = calloc(rounds->count + 1, sizeof(*names));
    struct barnabas_topics *topics = NULL;
    size_t name_count = 0;
    enum error error;

    if (names == NULL)
        return ERR_OUT_OF_MEMORY;
    for (size_t i = 0; i < rounds->count; i++) {
        size_t j = 0;

        while (j < name_count && strcmp(names[j], rounds->lines[i].topic) != 0)
            j++;
        if (j == name_count)
            names[name_count++] = rounds->lines[i].topic;
    }
    error = barnabas_admin_describe_topics(admin, names, name_count, timeout_ms, &topics);
    for (size_t i = 0; error == ERR_NONE && i < rounds->count; i++) {
        const struct barnabas_partition_info *partition;
        int unknown;

        rounds->leaders[i] = -1;
        if (!error_is_retriable(rounds->items[i].error))
            continue; /* answered */
        partition = find_partition(topics, &rounds->lines[i], &unknown);
        if (partition == NULL)
            rounds->items[i].error = unknown;
        else if (partition->leader < 0)
            rounds->items[i].error = ERR_LEADER_NOT_AVAILABLE;
        else
            rounds->leaders[i] = partition->leader;
    }
    barnabas_topics_free(topics);
    free(names);
    return error;
}

static int64_t time_left_ms(int64_t deadline_ms) {
    return deadline_ms - clock_monotonic_ms(clock_system());
}

/* True if something is to be asked again. */
static bool ask_leaders(struct leader_rounds *rounds, struct barnabas_admin *admin,
                        int64_t deadline_ms) {
    bool again = false;

    for (size_t i = 0; i < rounds->count; i++) {
        int64_t left_ms = time_left_ms(deadline_ms);
        enum error error = ERR_REQUEST_TIMED_OUT;

        if (rounds->leaders[i] < 0)
            continue;
        rounds->leader = rounds->leaders[i];
        if (left_ms > 0)
            error =
                leader_rounds_ask(rounds, admin, left_ms < LEADER_MS_MAX ? left_ms : LEADER_MS_MAX);
        for (size_t j = i; j < rounds->count; j++)
            if (is_asked(rounds, j)) {
                rounds->leaders[j] = -1;
                if (error != ERR_NONE)
                    rounds->items[j].error = error;
            }
    }
    for (size_t i = 0; i < rounds->count; i++)
        again |= error_is_retriable(rounds->items[i].error) &&
                 rounds->items[i].error != ERR_UNKNOWN_TOPIC_OR_PARTITION;
    return again;
}

enum error leader_rounds_run(struct leader_rounds *rounds, struct barnabas_admin *admin,
                             int64_t timeout_ms) {
    const struct timespec pause = {0, ROUND_PAUSE_MS * 1000000};
    int64_t deadline_ms = handle_deadline(timeout_ms);
    int64_t left_ms = timeout_ms;
    enum error error;

    for (;;) {
        if ((error = find_leaders(rounds, admin, left_ms)) != ERR_NONE)
            return error;
        if (!ask_leaders(rounds, admin, deadline_ms))
            return ERR_NONE;
        nanosleep(&pause, NULL);
        left_ms = time_left_ms(deadline_ms);
        if (left_ms <= 0)
            return ERR_NONE; /* the errors stand in the items */
    }
}
