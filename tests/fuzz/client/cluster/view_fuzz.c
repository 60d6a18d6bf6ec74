/* Believes the input as one metadata answer after another: the first byte of each is its version,
 * the second its size. */
#include "client/cluster/view.h"
#include "client/wire/message/metadata.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void update(struct view *view, int16_t version, struct bytes answer) {
    struct metadata_response response;
    struct wire_reader reader;
    struct arena arena;
    bool settled;

    wire_reader_init(&reader, answer);
    arena_init(&arena, (size_t)1 << 20);
    if (metadata_response_decode(&reader, version, &arena, &response) == ERR_NONE)
        CHECK(view_update(view, &response, &settled) == ERR_NONE);
    arena_done(&arena);
}

static void look(const struct view *view) {
    const struct view_topic *topic = view_topic(view, "t");

    for (int32_t i = 0; topic != NULL && i < topic->partition_count; i++) {
        const struct view_partition *partition = view_partition(view, "t", i);

        CHECK(partition == &topic->partitions[i]);
    }
    for (size_t i = 0; i < view_broker_count(view); i++)
        CHECK(view_broker(view, view_broker_at(view, i)->id) != NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct view *view;

    CHECK(view_new(&view) == ERR_NONE);
    while (size >= 2) {
        int16_t version = data[0] % (metadata_api.version_max + 1);
        size_t answer_size = data[1] < size - 2 ? data[1] : size - 2;

        update(view, version, bytes_of(data + 2, answer_size));
        look(view);
        data += 2 + answer_size;
        size -= 2 + answer_size;
    }
    view_free(view);
    return 0;
}
