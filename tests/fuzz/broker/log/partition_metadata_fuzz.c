/* A partition.metadata with any content is refused, or it names a topic id. */
#include "broker/log/partition_metadata.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct uuid topic_id = {{0}};
    enum error error = partition_metadata_parse(bytes_of(data, size), &topic_id);

    CHECK(error == ERR_NONE || error == ERR_DISK_CORRUPT);
    CHECK((error == ERR_NONE) == !uuid_is_zero(&topic_id));
    return 0;
}
