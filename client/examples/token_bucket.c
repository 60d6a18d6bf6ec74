/*
 * Prints the lines of standard input no faster than tokens are fed to a topic: one token a line.
 *
 *   token_bucket BOOTSTRAP GROUP TOPIC          several of one group share the tokens
 *
 * Feed it with, for example: while sleep 1; do echo 10; done | barnabas produce TOPIC
 * Ends with 1 if no token comes for five seconds.
 */
#include <barnabas/token_bucket.h>
#include <stdio.h>
#include <stdlib.h>

static struct barnabas_token_bucket *open_bucket(const char *bootstrap, const char *group,
                                                 const char *topic) {
    const struct barnabas_token_bucket_options options = {.topic = topic, .capacity = 100};
    struct barnabas_config *config = barnabas_config_new();
    struct barnabas_token_bucket *bucket = NULL;
    struct barnabas_reason reason = {""};
    int error = config == NULL ? BARNABAS_OUT_OF_MEMORY : BARNABAS_OK;

    if (error == BARNABAS_OK)
        error = barnabas_config_set(config, "bootstrap.servers", bootstrap, &reason);
    if (error == BARNABAS_OK)
        error = barnabas_config_set(config, "group.id", group, &reason);
    if (error == BARNABAS_OK) /* tokens fed before we came count as well */
        error = barnabas_config_set(config, "auto.offset.reset", "earliest", &reason);
    if (error == BARNABAS_OK)
        error = barnabas_token_bucket_open(config, &options, &bucket, &reason);
    if (error != BARNABAS_OK)
        fprintf(stderr, "%s %s\n", barnabas_error_text(error), reason.text);
    barnabas_config_free(config);
    return bucket;
}

int main(int argc, char **argv) {
    struct barnabas_token_bucket *bucket;
    char *line = NULL;
    size_t size = 0;
    int error = BARNABAS_OK;

    if (argc != 4) {
        fprintf(stderr, "usage: token_bucket BOOTSTRAP GROUP TOPIC\n");
        return 2;
    }
    bucket = open_bucket(argv[1], argv[2], argv[3]);
    if (bucket == NULL)
        return 1;
    while (error == BARNABAS_OK && getline(&line, &size, stdin) > 0) {
        error = barnabas_token_bucket_take(bucket, 1, 5000);
        if (error == BARNABAS_OK) {
            fputs(line, stdout);
            fflush(stdout);
        }
    }
    if (error != BARNABAS_OK)
        fprintf(stderr, "no token: %s\n", barnabas_error_text(error));
    free(line);
    barnabas_token_bucket_close(bucket);
    return error == BARNABAS_OK ? 0 : 1;
}
