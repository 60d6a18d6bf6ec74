/*
 * Slow work on a topic, done by eight threads: messages of one key in order, those of different
 * keys at the same time.
 *
 *   parallel BOOTSTRAP GROUP TOPIC SECONDS
 *
 * The work is to wait 10 ms and to print key and value.
 */
#include <barnabas/parallel.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

/* Runs on a worker's thread. What is printed at once comes out whole: stdio locks itself. */
static int on_message(void *context, const struct barnabas_message *message) {
    const struct timespec work = {.tv_nsec = 10000000};

    (void)context;
    nanosleep(&work, NULL);
    printf("%.*s %.*s\n", (int)message->key_size,
           message->key == NULL ? "" : (const char *)message->key, (int)message->value_size,
           (const char *)message->value);
    fflush(stdout);
    return BARNABAS_OK;
}

static struct barnabas_config *configure(const char *bootstrap, const char *group) {
    struct barnabas_config *config = barnabas_config_new();
    struct barnabas_reason reason = {""};

    if (config == NULL)
        return NULL;
    if (barnabas_config_set(config, "bootstrap.servers", bootstrap, &reason) != BARNABAS_OK ||
        barnabas_config_set(config, "group.id", group, &reason) != BARNABAS_OK ||
        barnabas_config_set(config, "auto.offset.reset", "earliest", &reason) != BARNABAS_OK) {
        fprintf(stderr, "%s\n", reason.text);
        barnabas_config_free(config);
        return NULL;
    }
    return config;
}

int main(int argc, char **argv) {
    const struct barnabas_parallel_options options = {.worker_count = 8};
    const char *topic = argc == 5 ? argv[3] : "";
    struct barnabas_parallel *parallel;
    struct barnabas_config *config;
    struct barnabas_reason reason = {""};
    int error;

    if (argc != 5) {
        fprintf(stderr, "usage: parallel BOOTSTRAP GROUP TOPIC SECONDS\n");
        return 2;
    }
    config = configure(argv[1], argv[2]);
    if (config == NULL)
        return 1;
    error =
        barnabas_parallel_open(config, &topic, 1, &options, on_message, NULL, &parallel, &reason);
    barnabas_config_free(config);
    if (error != BARNABAS_OK) {
        fprintf(stderr, "%s %s\n", barnabas_error_text(error), reason.text);
        return 1;
    }
    error = barnabas_parallel_run(parallel, strtol(argv[4], NULL, 10) * 1000);
    if (error != BARNABAS_OK)
        fprintf(stderr, "%s\n", barnabas_error_text(error));
    barnabas_parallel_close(parallel); /* finishes and commits what was begun */
    return error == BARNABAS_OK ? 0 : 1;
}
