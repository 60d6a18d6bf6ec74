/* Checkpoint files and partition.metadata: any text is refused or gives entries that hold what the
 * format allows. */
#include "broker/log/checkpoint_file.h"
#include "broker/log/partition_metadata.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct offset_checkpoint *entries;
    struct uuid topic_id;
    struct arena arena;
    size_t count;

    arena_init(&arena, 1 << 22);
    if (offset_checkpoint_parse(bytes_of(data, size), &arena, &entries, &count) == ERR_NONE) {
        for (size_t i = 0; i < count; i++) {
            CHECK(entries[i].topic.size > 0 && entries[i].topic.size < 250);
            CHECK(entries[i].partition >= 0);
            CHECK(entries[i].offset >= 0);
        }
    }
    arena_done(&arena);
    if (size > 0 && partition_metadata_parse(bytes_of(data, size), &topic_id) == ERR_NONE)
        CHECK(!uuid_is_zero(&topic_id));
    return 0;
}
