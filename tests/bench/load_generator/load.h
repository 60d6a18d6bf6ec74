/*
 * Load for any server that speaks Kafka's Produce 7, Fetch 4 and Metadata 1: requests are built
 * once and sent again and again, so that the client costs little beside the server.
 *
 * One topic, whose partitions are all led by the broker at the address. Prints one JSON object.
 * Threads: one.
 */
#ifndef TESTS_BENCH_LOAD_GENERATOR_LOAD_H
#define TESTS_BENCH_LOAD_GENERATOR_LOAD_H

#include "client/base/bytes.h"
#include "client/wire/writer.h"

#define SERVERS_MAX 8

struct load_options {
    const char *host; /* an IPv4 address */
    uint16_t port;
    const char *topic;
    const char *codec; /* of the batches */
    int partitions;    /* produce: every request goes to the next; the rest: the first */
    int record_bytes;
    int batch_records;
    int connections;
    int depth; /* requests outstanding per connection */
    int acks;
    int fetch_bytes_max;
    uint64_t bytes;           /* in all (produce), per connection (fetch) */
    int rate;                 /* records per second (latency) */
    int seconds;              /* latency, metadata, connections */
    int servers[SERVERS_MAX]; /* process ids, whose CPU time and memory are measured */
    int server_count;
};

/* Each ends the program if the server does not do as it should. */
void load_produce(const struct load_options *options); /* produce_load.c */
void load_fetch(const struct load_options *options);   /* fetch_load.c */
void load_latency(const struct load_options *options); /* latency_load.c */
/* All topics, on one connection. */
void load_metadata(const struct load_options *options); /* metadata_load.c */
/* Connections that do nothing, and what they cost. */
void load_connections(const struct load_options *options); /* connections_load.c */

#endif
