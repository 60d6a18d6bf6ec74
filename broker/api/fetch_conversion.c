#include "broker/api/fetch_conversion.h"

#include <stdlib.h>
#include <strings.h>

#include "broker/config/topic_config.h"
#include "broker/log/down_conversion.h"

#define MAGIC_1_VERSION_MIN 2
#define MAGIC_2_VERSION_MIN 4
#define PLAIN_BYTES_MAX     ((size_t)128 << 20) /* bound of what one batch may decompress to */

bool fetch_is_converted(int16_t api_version) {
    return api_version < MAGIC_2_VERSION_MIN;
}

bool fetch_conversion_is_enabled(const struct config *config, const struct metadata_topic *topic) {
    const char *set = metadata_find_setting(topic, "message.downconversion.enable");

    return set == NULL ? config->log_message_downconversion_enable : strcasecmp(set, "true") == 0;
}

bool fetch_needs_zstd(const struct config *config, const struct metadata_topic *topic) {
    const char *set = metadata_find_setting(topic, "compression.type");

    return set == NULL ? topic_config_of_broker(config).compression_type == COMPRESSION_ZSTD
                       : strcmp(set, "zstd") == 0;
}

static enum error convert_range(struct partition *partition, int16_t api_version,
                                struct file_range *range, struct down_conversion *conversion) {
    size_t size = range->size;
    uint8_t *stored = malloc(size);
    enum error error;

    if (stored == NULL)
        return ERR_OUT_OF_MEMORY;
    error = log_range_copy(partition_log(partition), range, stored, &size);
    if (error == ERR_NONE) {
        conversion->stored = bytes_of(stored, size);
        conversion->magic = api_version < MAGIC_1_VERSION_MIN ? 0 : 1;
        conversion->plain_bytes_max = PLAIN_BYTES_MAX;
        error = down_convert(conversion);
        conversion->stored = BYTES_NULL;
    }
    free(stored);
    return error;
}

enum error fetch_convert(struct partition *partition, const struct partition_read *read,
                         int16_t api_version, struct partition_read_result *result,
                         struct message_set_builder *set) {
    struct partition_read next = *read;
    enum error error = ERR_NONE;

    *set = (struct message_set_builder){0};
    next.update_progress = false;
    next.at_least_one_batch = true;
    while (error == ERR_NONE && set->size == 0 && result->records.size > 0) {
        struct down_conversion conversion = {.first_offset = next.fetch_offset};
        error = convert_range(partition, api_version, &result->records, &conversion);
        log_range_release(&result->records);
        result->records = (struct file_range){0};
        if (error != ERR_NONE || conversion.next_offset <= next.fetch_offset)
            break;
        *set = conversion.set;
        next.fetch_offset = conversion.next_offset;
        if (set->size == 0)
            error = partition_read(partition, &next, result);
    }
    return error;
}
