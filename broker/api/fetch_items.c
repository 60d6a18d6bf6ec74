#include "broker/api/fetch_items.h"

struct fetch_item *fetch_list_items(struct api_call *call, const struct fetch_request *request,
                                    int32_t *count) {
    struct fetch_item *items;
    int32_t total = 0;

    for (int32_t i = 0; i < request->topics_count; i++)
        total += request->topics[i].partitions_count;
    items = api_alloc(call, (size_t)total, sizeof(*items));
    if (items == NULL)
        return NULL;
    *count = 0;
    for (int32_t i = 0; i < request->topics_count; i++) {
        const struct fetch_request_topics *topic = &request->topics[i];
        for (int32_t j = 0; j < topic->partitions_count; j++) {
            const struct fetch_request_topics_partitions *p = &topic->partitions[j];
            bool by_id = call->header.api_version >= FETCH_TOPIC_ID_VERSION_MIN;
            items[(*count)++] = (struct fetch_item){
                .topic = by_id ? BYTES_NULL : topic->topic,
                .topic_id = topic->topic_id,
                .index = p->partition,
                .current_leader_epoch = p->current_leader_epoch < 0 ? -1 : p->current_leader_epoch,
                .fetch_offset = p->fetch_offset,
                .last_fetched_epoch = p->last_fetched_epoch,
                .log_start_offset = p->log_start_offset,
                .bytes_max = p->partition_max_bytes,
            };
        }
    }
    return items;
}

struct fetch_item *fetch_list_forgotten(struct api_call *call, const struct fetch_request *request,
                                        int32_t *count) {
    struct fetch_item *items;
    int32_t total = 0;

    for (int32_t i = 0; i < request->forgotten_topics_data_count; i++)
        total += request->forgotten_topics_data[i].partitions_count;
    items = api_alloc(call, (size_t)total, sizeof(*items));
    if (items == NULL)
        return NULL;
    *count = 0;
    for (int32_t i = 0; i < request->forgotten_topics_data_count; i++) {
        const struct fetch_request_forgotten_topics_data *topic =
            &request->forgotten_topics_data[i];
        for (int32_t j = 0; j < topic->partitions_count; j++)
            items[(*count)++] = (struct fetch_item){
                .topic = topic->topic, .topic_id = topic->topic_id, .index = topic->partitions[j]};
    }
    return items;
}
