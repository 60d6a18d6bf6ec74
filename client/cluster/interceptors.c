#include "client/cluster/interceptors.h"

#include "client/base/error.h"
#include "client/cluster/config.h"

int barnabas_config_add_producer_interceptor(
    struct barnabas_config *config, const struct barnabas_producer_interceptor *interceptor) {
    struct producer_interceptors *known = &config->producer_interceptors;

    if (known->count == BARNABAS_INTERCEPTORS_MAX)
        return ERR_INVALID_REQUEST;
    known->items[known->count++] = *interceptor;
    return ERR_NONE;
}

int barnabas_config_add_consumer_interceptor(
    struct barnabas_config *config, const struct barnabas_consumer_interceptor *interceptor) {
    struct consumer_interceptors *known = &config->consumer_interceptors;

    if (known->count == BARNABAS_INTERCEPTORS_MAX)
        return ERR_INVALID_REQUEST;
    known->items[known->count++] = *interceptor;
    return ERR_NONE;
}
