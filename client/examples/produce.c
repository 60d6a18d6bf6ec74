/*
 * Sends each line of standard input as a record, and says of each where it was stored.
 *
 *   produce BOOTSTRAP TOPIC
 *
 * A line "key=value" becomes a record with a key: records of one key lie in one partition, in the
 * order in which they were sent.
 */
#include <barnabas/producer.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Runs on the library's thread, once for each record. */
static void on_delivered(void *context, const struct barnabas_delivery *delivery) {
    int *failed = context;

    if (delivery->error == BARNABAS_OK) {
        printf("%s:%d at %" PRId64 "\n", delivery->topic, delivery->partition, delivery->offset);
    } else {
        fprintf(stderr, "not stored: %s\n", barnabas_error_text(delivery->error));
        (*failed)++;
    }
}

static int send_line(struct barnabas_producer *producer, const char *topic, char *line,
                     int *failed) {
    char *equals = strchr(line, '=');
    struct barnabas_record record = {
        .topic = topic,
        .partition = BARNABAS_PARTITION_ANY,
        .timestamp = BARNABAS_TIMESTAMP_NOW,
        .value = line,
        .value_size = strlen(line),
    };

    if (equals != NULL) {
        record.key = line;
        record.key_size = (size_t)(equals - line);
        record.value = equals + 1;
        record.value_size = strlen(equals + 1);
    }
    /* Key and value are copied. If the buffer is full this waits. */
    return barnabas_producer_send(producer, &record, on_delivered, failed);
}

int main(int argc, char **argv) {
    struct barnabas_config *config = barnabas_config_new();
    struct barnabas_producer *producer = NULL;
    struct barnabas_reason reason = {""};
    char *line = NULL;
    size_t size = 0;
    int failed = 0;
    int error;

    if (argc != 3 || config == NULL) {
        fprintf(stderr, "usage: produce BOOTSTRAP TOPIC\n");
        return 2;
    }
    error = barnabas_config_set(config, "bootstrap.servers", argv[1], &reason);
    if (error == BARNABAS_OK)
        error = barnabas_producer_open(config, &producer, &reason);
    barnabas_config_free(config);
    if (error != BARNABAS_OK) {
        fprintf(stderr, "%s %s\n", barnabas_error_text(error), reason.text);
        return 1;
    }
    while (error == BARNABAS_OK && getline(&line, &size, stdin) > 0) {
        line[strcspn(line, "\n")] = '\0';
        error = send_line(producer, argv[2], line, &failed);
    }
    free(line);
    if (error != BARNABAS_OK)
        fprintf(stderr, "not sent: %s\n", barnabas_error_text(error));
    /* Waits for the reports of all that was sent; on_delivered is not called afterwards. */
    barnabas_producer_close(producer, 30000);
    return error == BARNABAS_OK && failed == 0 ? 0 : 1;
}
