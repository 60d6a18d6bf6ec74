#include "client/producer/outgoing.h"

#include <stdlib.h>
#include <string.h>

void outgoing_init(struct barnabas_outgoing *outgoing, const struct barnabas_record *record) {
    *outgoing = (struct barnabas_outgoing){.record = *record};
}

/* An interceptor may have put other headers into the record, so ours are found by our own array. */
void outgoing_done(struct barnabas_outgoing *outgoing) {
    for (size_t i = 0; i < outgoing->own_count; i++)
        free((void *)(uintptr_t)outgoing->headers[i].key);
    free(outgoing->headers);
}

struct barnabas_record *barnabas_outgoing_record(struct barnabas_outgoing *outgoing) {
    return &outgoing->record;
}

/* The array begins with the headers whose memory is ours, in the order of their making, and goes on
 * with the record's view of all: that one is what is sent. */
int barnabas_outgoing_add_header(struct barnabas_outgoing *outgoing, const char *key,
                                 const void *value, size_t value_size) {
    struct barnabas_record *record = &outgoing->record;
    size_t own_count = outgoing->own_count + 1;
    size_t key_size = strlen(key);
    struct barnabas_header *headers;
    struct barnabas_header *all;
    char *copy;

    headers = calloc(own_count + record->header_count + 1, sizeof(*headers));
    copy = malloc(key_size + value_size + 1);
    if (headers == NULL || copy == NULL) {
        free(headers);
        free(copy);
        return ERR_OUT_OF_MEMORY;
    }
    memcpy(copy, key, key_size);
    if (value_size > 0)
        memcpy(copy + key_size, value, value_size);
    if (outgoing->own_count > 0)
        memcpy(headers, outgoing->headers, outgoing->own_count * sizeof(*headers));
    all = headers + own_count;
    if (record->header_count > 0)
        memcpy(all, record->headers, record->header_count * sizeof(*all));
    headers[own_count - 1] = (struct barnabas_header){
        copy, key_size, value == NULL ? NULL : copy + key_size, value_size};
    all[record->header_count++] = headers[own_count - 1];
    record->headers = all;
    free(outgoing->headers);
    outgoing->headers = headers;
    outgoing->own_count = own_count;
    return ERR_NONE;
}

void outgoing_show(struct barnabas_outgoing *outgoing,
                   const struct producer_interceptors *interceptors) {
    for (size_t i = 0; i < interceptors->count; i++)
        if (interceptors->items[i].on_send != NULL)
            interceptors->items[i].on_send(interceptors->items[i].context, outgoing);
}

void interceptors_ack(const struct producer_interceptors *interceptors,
                      const struct barnabas_delivery *delivery) {
    for (size_t i = 0; i < interceptors->count; i++)
        if (interceptors->items[i].on_ack != NULL)
            interceptors->items[i].on_ack(interceptors->items[i].context, delivery);
}
