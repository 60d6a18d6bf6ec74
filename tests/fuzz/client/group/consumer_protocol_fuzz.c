/*
 * Reads the input as a subscription and as an assignment. What is read must come out again the
 * same after it was written, and an assignor must cope with whatever members say of themselves.
 */
#include "client/group/assignor.h"

#define ARENA_BYTES ((size_t)64 << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Two members say the same, to each assignor. */
static void assign(const struct subscription *subscription, struct arena *arena) {
    static const char *const names[] = {"range", "roundrobin", "sticky", "cooperative-sticky"};
    /* Members stand where they say; racks of one letter are the likeliest to be found. */
    const struct bytes standing[] = {bytes_of_text("a"), bytes_of_text("b"), bytes_of_text("a")};
    const struct assignor_racks racks[] = {{1, standing}, {2, standing}, {0, NULL}};
    const struct assignor_topic topics[] = {{bytes_of_text("orders"), 3, racks},
                                            {bytes_of_text("users"), 2, NULL}};
    struct assignor_member members[] = {{bytes_of_text("x"), BYTES_NULL, *subscription},
                                        {bytes_of_text("y"), BYTES_NULL, *subscription}};

    for (size_t i = 0; i < ARRAY_COUNT(names); i++) {
        struct assignment assignments[2];
        enum error error = assignor_assign(assignor_find(bytes_of_text(names[i])), members, 2,
                                           topics, ARRAY_COUNT(topics), arena, assignments);

        CHECK(error == ERR_NONE || error == ERR_OUT_OF_MEMORY);
    }
}

static void subscribe(struct bytes data, struct arena *arena) {
    struct subscription read;
    struct subscription again;
    struct bytes written;

    if (subscription_decode(data, arena, &read) != ERR_NONE)
        return;
    CHECK(subscription_encode(&read, arena, &written) == ERR_NONE);
    CHECK(subscription_decode(written, arena, &again) == ERR_NONE);
    CHECK(read.topic_count == again.topic_count && read.owned.count == again.owned.count);
    CHECK(read.generation_id == again.generation_id);
    CHECK(bytes_equal(read.user_data, again.user_data));
    assign(&read, arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct assignment read;
    struct bytes written;
    struct arena arena;

    arena_init(&arena, ARENA_BYTES);
    subscribe(bytes_of(data, size), &arena);
    if (assignment_decode(bytes_of(data, size), &arena, &read) == ERR_NONE)
        CHECK(assignment_encode(&read, &arena, &written) == ERR_NONE);
    arena_done(&arena);
    return 0;
}
