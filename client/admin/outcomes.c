#include "client/admin/outcomes.h"

enum error outcomes_begin(struct admin_call *call, size_t count) {
    struct barnabas_outcomes *outcomes = &call->result->outcomes;

    outcomes->count = 0;
    outcomes->items = arena_alloc(&call->result->arena, count + 1, sizeof(*outcomes->items));
    return outcomes->items == NULL ? ERR_OUT_OF_MEMORY : ERR_NONE;
}

enum error outcomes_add(struct admin_call *call, struct bytes topic, int32_t partition,
                        enum error error, struct bytes message) {
    struct barnabas_outcomes *outcomes = &call->result->outcomes;
    struct barnabas_outcome *outcome =
        (struct barnabas_outcome *)(uintptr_t)&outcomes->items[outcomes->count++];

    if (message.data == NULL || message.size == 0)
        message = bytes_of_text(error_text(error));
    outcome->topic = admin_text(call, topic);
    outcome->partition = partition;
    outcome->error = error;
    outcome->message = admin_text(call, message);
    return outcome->topic == NULL || outcome->message == NULL ? ERR_OUT_OF_MEMORY : ERR_NONE;
}
