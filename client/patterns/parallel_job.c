#include "client/patterns/parallel_job.h"

#include <stdlib.h>
#include <string.h>

static const void *copy_into(char **at, const void *source, size_t size) {
    const void *copy = *at;

    if (source == NULL)
        return NULL;
    if (size > 0)
        memcpy(*at, source, size);
    *at += size;
    return copy;
}

struct parallel_job *parallel_job_new(const struct barnabas_message *message) {
    size_t headers_size = message->header_count * sizeof(struct barnabas_header);
    size_t size = sizeof(struct parallel_job) + headers_size + message->key_size +
                  message->value_size + strlen(message->topic) + 1;
    struct barnabas_header *headers;
    struct parallel_job *job;
    char *at;

    for (size_t i = 0; i < message->header_count; i++)
        size += message->headers[i].key_size + message->headers[i].value_size;
    job = calloc(1, size);
    if (job == NULL)
        return NULL;
    headers = (struct barnabas_header *)(job + 1);
    at = (char *)headers + headers_size;
    job->message = *message;
    job->message.topic = copy_into(&at, message->topic, strlen(message->topic) + 1);
    job->message.key = copy_into(&at, message->key, message->key_size);
    job->message.value = copy_into(&at, message->value, message->value_size);
    job->message.headers = headers;
    for (size_t i = 0; i < message->header_count; i++) {
        headers[i] = message->headers[i];
        headers[i].key = copy_into(&at, message->headers[i].key, message->headers[i].key_size);
        headers[i].value =
            copy_into(&at, message->headers[i].value, message->headers[i].value_size);
    }
    return job;
}

size_t parallel_worker_of(const struct barnabas_message *message, size_t worker_count) {
    uint64_t hash = UINT64_C(0xcbf29ce484222325) ^ (uint32_t)message->partition; /* FNV-1a */
    const uint8_t *key = message->key;

    if (key == NULL)
        return (size_t)((uint64_t)message->offset % worker_count);
    for (size_t i = 0; i < message->key_size; i++)
        hash = (hash ^ key[i]) * UINT64_C(0x100000001b3);
    return (size_t)((hash ^ hash >> 32) % worker_count);
}
