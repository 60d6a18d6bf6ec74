/*
 * Works on a topic whose work sometimes fails: what fails is tried again after 100 ms, 300 ms and a
 * second, without holding up the rest, and in the end put aside.
 *
 *   retry_topics BOOTSTRAP GROUP TOPIC SECONDS
 *
 * TOPIC, TOPIC.retry-1, -2, -3 and TOPIC.dead-letter must exist. A value "fail N ..." fails N times
 * before it succeeds; "give up" is not worth another try.
 */
#include <barnabas/retry.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Runs inside barnabas_retry_run. */
static enum barnabas_handled on_message(void *context, const struct barnabas_message *message,
                                        const struct barnabas_attempt *attempt) {
    char text[200];
    unsigned failures_wanted = 0;

    (void)context;
    snprintf(text, sizeof(text), "%.*s", (int)message->value_size, (const char *)message->value);
    if (strcmp(text, "give up") == 0)
        return BARNABAS_HANDLE_GIVE_UP;
    if (sscanf(text, "fail %u", &failures_wanted) == 1 && attempt->failures < failures_wanted)
        return BARNABAS_HANDLE_AGAIN;
    printf("%s, which was %s:%" PRId32 ":%" PRId64 ", after %" PRIu32 " failures\n", text,
           attempt->topic, attempt->partition, attempt->offset, attempt->failures);
    fflush(stdout);
    return BARNABAS_HANDLED;
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
    struct barnabas_retry_options options = {.delay_count = 3, .delays_ms = {100, 300, 1000}};
    struct barnabas_config *config;
    struct barnabas_retry *retry;
    struct barnabas_reason reason = {""};
    int error;

    if (argc != 5) {
        fprintf(stderr, "usage: retry_topics BOOTSTRAP GROUP TOPIC SECONDS\n");
        return 2;
    }
    config = configure(argv[1], argv[2]);
    if (config == NULL)
        return 1;
    options.topic = argv[3];
    error = barnabas_retry_open(config, &options, on_message, NULL, &retry, &reason);
    barnabas_config_free(config);
    if (error != BARNABAS_OK) {
        fprintf(stderr, "%s %s\n", barnabas_error_text(error), reason.text);
        return 1;
    }
    error = barnabas_retry_run(retry, strtol(argv[4], NULL, 10) * 1000);
    if (error != BARNABAS_OK)
        fprintf(stderr, "%s\n", barnabas_error_text(error));
    barnabas_retry_close(retry);
    return error == BARNABAS_OK ? 0 : 1;
}
