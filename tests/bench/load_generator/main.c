/*
 * load_generator produce|fetch|latency|metadata|connections --address HOST:PORT --topic NAME
 *                [option VALUE]...
 *
 *   --record-bytes 100 --batch-records 1000 --codec none --partitions 1 --connections 1 --depth 5
 *   --acks 1 --bytes 100000000 --fetch-bytes-max 1048576 --rate 1000 --seconds 5
 *   --server PID (may be repeated)
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/bench/load_generator/target.h"

enum { OPTION_ADDRESS = 1, OPTION_TOPIC, OPTION_CODEC, OPTION_SERVER, OPTION_BYTES, OPTION_NUMBER };

static void usage(void) {
    fputs("usage: load_generator produce|fetch|latency|metadata|connections --address HOST:PORT "
          "--topic NAME ...\n",
          stderr);
    exit(2);
}

static void take_address(struct load_options *options, char *address) {
    char *colon = strrchr(address, ':');

    if (colon == NULL)
        usage();
    *colon = '\0';
    options->host = address;
    options->port = (uint16_t)strtoul(colon + 1, NULL, 10);
}

static void parse(int argc, char **argv, struct load_options *options) {
    static const struct {
        const char *name;
        size_t field;
    } numbers[] = {
        {"record-bytes", offsetof(struct load_options, record_bytes)},
        {"batch-records", offsetof(struct load_options, batch_records)},
        {"partitions", offsetof(struct load_options, partitions)},
        {"connections", offsetof(struct load_options, connections)},
        {"depth", offsetof(struct load_options, depth)},
        {"acks", offsetof(struct load_options, acks)},
        {"fetch-bytes-max", offsetof(struct load_options, fetch_bytes_max)},
        {"rate", offsetof(struct load_options, rate)},
        {"seconds", offsetof(struct load_options, seconds)},
    };
    enum { NUMBERS = sizeof(numbers) / sizeof(*numbers), FIXED = 5 };
    struct option list[NUMBERS + FIXED + 1] = {{"address", required_argument, NULL, OPTION_ADDRESS},
                                               {"topic", required_argument, NULL, OPTION_TOPIC},
                                               {"codec", required_argument, NULL, OPTION_CODEC},
                                               {"server", required_argument, NULL, OPTION_SERVER},
                                               {"bytes", required_argument, NULL, OPTION_BYTES}};
    int option;

    for (size_t i = 0; i < NUMBERS; i++)
        list[FIXED + i] =
            (struct option){numbers[i].name, required_argument, NULL, OPTION_NUMBER + (int)i};
    while ((option = getopt_long(argc, argv, "", list, NULL)) != -1) {
        if (option == OPTION_ADDRESS)
            take_address(options, optarg);
        else if (option == OPTION_TOPIC)
            options->topic = optarg;
        else if (option == OPTION_CODEC)
            options->codec = optarg;
        else if (option == OPTION_BYTES)
            options->bytes = strtoull(optarg, NULL, 10);
        else if (option == OPTION_SERVER && options->server_count < SERVERS_MAX)
            options->servers[options->server_count++] = (int)strtol(optarg, NULL, 10);
        else if (option >= OPTION_NUMBER && option < OPTION_NUMBER + NUMBERS)
            *(int *)((char *)options + numbers[option - OPTION_NUMBER].field) =
                (int)strtol(optarg, NULL, 10);
        else
            usage();
    }
}

int main(int argc, char **argv) {
    static const struct {
        const char *name;
        void (*run)(const struct load_options *options);
    } loads[] = {
        {"produce", load_produce},         {"fetch", load_fetch},
        {"latency", load_latency},         {"metadata", load_metadata},
        {"connections", load_connections},
    };
    struct load_options options = {
        .codec = "none",
        .partitions = 1,
        .record_bytes = 100,
        .batch_records = 1000,
        .connections = 1,
        .depth = 5,
        .acks = 1,
        .fetch_bytes_max = 1 << 20,
        .bytes = 100000000,
        .rate = 1000,
        .seconds = 5,
    };

    if (argc < 2)
        usage();
    parse(argc - 1, argv + 1, &options);
    if (options.host == NULL || options.topic == NULL || options.connections < 1 ||
        options.rate < 1 || options.batch_records < 1 || options.record_bytes < 8 ||
        options.partitions < 1)
        usage();
    target_wait_for_topic(&options);
    for (size_t i = 0; i < sizeof(loads) / sizeof(*loads); i++) {
        if (strcmp(argv[1], loads[i].name) == 0) {
            loads[i].run(&options);
            return 0;
        }
    }
    usage();
}
