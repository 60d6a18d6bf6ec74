/*
 * The interceptors of a handle, as its configuration named them. Copied when it is opened, and
 * fixed from then on: any thread may look.
 */
#ifndef CLIENT_CLUSTER_INTERCEPTORS_H
#define CLIENT_CLUSTER_INTERCEPTORS_H

#include <barnabas/interceptor.h>

struct producer_interceptors {
    size_t count;
    struct barnabas_producer_interceptor items[BARNABAS_INTERCEPTORS_MAX];
};

struct consumer_interceptors {
    size_t count;
    struct barnabas_consumer_interceptor items[BARNABAS_INTERCEPTORS_MAX];
};

#endif
