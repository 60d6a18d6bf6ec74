/*
 * A consumer that a test steers: commands come by lines on standard input, what happens goes out
 * by lines on standard output.
 *
 *   consumer_driver KEY=VALUE...
 *
 *   subscribe TOPIC...  pattern REGEX  unsubscribe  commit  async  pause T P  resume T P
 *   seek T P OFFSET  time T P TIMESTAMP  committed T P  assignment  stall MS  close
 *
 *   assigned T:P... | revoked T:P... | lost T:P... | message T P OFFSET VALUE |
 *   event KIND T P OFFSET ERROR | failed ERROR | seen ERROR T:P=OFFSET... (a commit, by an
 *   interceptor) | and an answer to each command: NAME ...
 */
#include <barnabas/barnabas.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define POLL_MS   20
#define WORDS_MAX 16

struct driver {
    struct barnabas_consumer *consumer;
    char line[4096];
    size_t used;
    bool closing;
};

static void say_partitions(const char *what, const struct barnabas_topic_partition *partitions,
                           size_t count) {
    printf("%s", what);
    for (size_t i = 0; i < count; i++)
        printf(" %s:%d", partitions[i].topic, partitions[i].partition);
    printf("\n");
    fflush(stdout);
}

static void on_rebalance(void *context, struct barnabas_consumer *consumer,
                         enum barnabas_rebalance_kind kind,
                         const struct barnabas_topic_partition *partitions, size_t count) {
    static const char *const names[] = {"assigned", "revoked", "lost"};

    (void)context;
    (void)consumer;
    say_partitions(names[kind], partitions, count);
}

static void on_commit(void *context, int error, const struct barnabas_offset *offsets,
                      size_t count) {
    (void)context;
    printf("async %s", barnabas_error_name(error));
    for (size_t i = 0; i < count; i++)
        printf(" %s:%d=%" PRId64, offsets[i].topic, offsets[i].partition, offsets[i].offset);
    printf("\n");
    fflush(stdout);
}

/* As an interceptor. */
static void see_commit(void *context, int error, const struct barnabas_offset *offsets,
                       size_t count) {
    (void)context;
    printf("seen %s", barnabas_error_name(error));
    for (size_t i = 0; i < count; i++)
        printf(" %s:%d=%" PRId64, offsets[i].topic, offsets[i].partition, offsets[i].offset);
    printf("\n");
    fflush(stdout);
}

static void say_assignment(const struct driver *driver) {
    struct barnabas_topic_partition partitions[1000];
    size_t count;

    barnabas_consumer_assignment(driver->consumer, partitions, 1000, &count);
    say_partitions("assignment", partitions, count < 1000 ? count : 1000);
}

static void say_committed(const struct driver *driver, const char *topic, int32_t partition) {
    struct barnabas_offset offset = {.topic = topic, .partition = partition};
    int error = barnabas_consumer_committed(driver->consumer, &offset, 1, 30000);

    printf("committed %s %s %d %" PRId64 "\n", barnabas_error_name(error), topic, partition,
           offset.offset);
}

static void stall(long ms) {
    const struct timespec pause = {ms / 1000, ms % 1000 * 1000000};

    nanosleep(&pause, NULL);
}

/* A command about one partition: NAME TOPIC PARTITION [NUMBER]. */
static bool run_on_partition(const struct driver *driver, char *const *words, size_t count) {
    struct barnabas_consumer *consumer = driver->consumer;
    int32_t partition = count > 2 ? (int32_t)strtol(words[2], NULL, 10) : 0;
    int64_t number = count > 3 ? strtoll(words[3], NULL, 10) : 0;
    int error;

    if (count < 3)
        return false;
    if (strcmp(words[0], "pause") == 0)
        error = barnabas_consumer_pause(consumer, words[1], partition);
    else if (strcmp(words[0], "resume") == 0)
        error = barnabas_consumer_resume(consumer, words[1], partition);
    else if (strcmp(words[0], "seek") == 0)
        error = barnabas_consumer_seek(consumer, words[1], partition,
                                       (struct barnabas_position){BARNABAS_FROM_OFFSET, number});
    else if (strcmp(words[0], "time") == 0)
        error = barnabas_consumer_seek(consumer, words[1], partition,
                                       (struct barnabas_position){BARNABAS_FROM_TIME, number});
    else
        return false;
    printf("%s %s\n", words[0], barnabas_error_name(error));
    return true;
}

static void run_command(struct driver *driver, char *line) {
    struct barnabas_consumer *consumer = driver->consumer;
    char *words[WORDS_MAX];
    size_t count = 0;
    int error = BARNABAS_OK;

    for (char *word = strtok_r(line, " ", &line); word != NULL && count < WORDS_MAX;
         word = strtok_r(NULL, " ", &line))
        words[count++] = word;
    if (count == 0)
        return;
    if (strcmp(words[0], "committed") == 0 && count == 3) {
        say_committed(driver, words[1], (int32_t)strtol(words[2], NULL, 10));
        return;
    }
    if (strcmp(words[0], "assignment") == 0) {
        say_assignment(driver);
        return;
    }
    if (run_on_partition(driver, words, count))
        return;
    if (strcmp(words[0], "subscribe") == 0)
        error = barnabas_consumer_subscribe(consumer, (const char *const *)&words[1], count - 1,
                                            on_rebalance, NULL);
    else if (strcmp(words[0], "pattern") == 0)
        error = barnabas_consumer_subscribe_pattern(consumer, words[1], on_rebalance, NULL, NULL);
    else if (strcmp(words[0], "unsubscribe") == 0)
        error = barnabas_consumer_unsubscribe(consumer);
    else if (strcmp(words[0], "commit") == 0)
        error = barnabas_consumer_commit(consumer, NULL, 0, 30000);
    else if (strcmp(words[0], "async") == 0)
        error = barnabas_consumer_commit_async(consumer, NULL, 0, on_commit, NULL);
    else if (strcmp(words[0], "stall") == 0)
        stall(strtol(words[1], NULL, 10));
    else if (strcmp(words[0], "close") == 0)
        driver->closing = true;
    else
        exit(2);
    printf("%s %s\n", words[0], barnabas_error_name(error));
}

/* Runs the commands that have come. End of input is a close. */
static void read_commands(struct driver *driver) {
    struct pollfd input = {STDIN_FILENO, POLLIN, 0};

    while (!driver->closing && poll(&input, 1, 0) > 0) {
        ssize_t got = read(STDIN_FILENO, driver->line + driver->used,
                           sizeof(driver->line) - driver->used - 1);
        char *end;

        if (got <= 0) {
            driver->closing = true;
            return;
        }
        driver->used += (size_t)got;
        driver->line[driver->used] = '\0';
        while (!driver->closing && (end = strchr(driver->line, '\n')) != NULL) {
            size_t size = (size_t)(end - driver->line) + 1;

            *end = '\0';
            run_command(driver, driver->line);
            driver->used -= size;
            memmove(driver->line, driver->line + size, driver->used + 1);
        }
        fflush(stdout);
    }
}

static void say_polled(const struct barnabas_polled *polled) {
    for (size_t i = 0; i < polled->message_count; i++) {
        const struct barnabas_message *m = &polled->messages[i];

        printf("message %s %d %" PRId64 " %.*s\n", m->topic, m->partition, m->offset,
               (int)m->value_size, (const char *)m->value);
    }
    for (size_t i = 0; i < polled->event_count; i++) {
        const struct barnabas_event *e = &polled->events[i];

        printf("event %d %s %d %" PRId64 " %s\n", (int)e->kind, e->topic, e->partition, e->offset,
               barnabas_error_name(e->error));
    }
    if (polled->message_count + polled->event_count > 0)
        fflush(stdout);
}

static void log_line(void *context, enum barnabas_log_level level, const char *event,
                     const char *details) {
    struct timespec now;

    (void)context;
    clock_gettime(CLOCK_REALTIME, &now);
    fprintf(stderr, "%ld.%03ld %d %s %s\n", (long)now.tv_sec, now.tv_nsec / 1000000, (int)level,
            event, details);
}

static struct barnabas_config *configure(int argc, char **argv) {
    const struct barnabas_consumer_interceptor interceptor = {.on_commit = see_commit};
    struct barnabas_config *config = barnabas_config_new();
    struct barnabas_reason reason;

    for (int i = 1; i < argc; i++) {
        char *value = strchr(argv[i], '=');

        *value++ = '\0';
        if (barnabas_config_set(config, argv[i], value, &reason) != BARNABAS_OK) {
            fprintf(stderr, "%s\n", reason.text);
            exit(2);
        }
    }
    barnabas_config_set_logger(config, log_line, NULL);
    if (barnabas_config_add_consumer_interceptor(config, &interceptor) != BARNABAS_OK)
        exit(2);
    return config;
}

int main(int argc, char **argv) {
    struct barnabas_config *config = configure(argc, argv);
    struct driver driver = {0};
    struct barnabas_reason reason = {""};
    const char *told = "";

    if (barnabas_consumer_open(config, &driver.consumer, &reason) != BARNABAS_OK) {
        fprintf(stderr, "%s\n", reason.text);
        return 2;
    }
    barnabas_config_free(config);
    while (!driver.closing) {
        struct barnabas_polled polled;
        int error = barnabas_consumer_poll(driver.consumer, POLL_MS, &polled);

        if (error != BARNABAS_OK && strcmp(told, barnabas_error_name(error)) != 0) {
            told = barnabas_error_name(error);
            printf("failed %s\n", told);
            fflush(stdout);
        }
        say_polled(&polled);
        read_commands(&driver);
    }
    barnabas_consumer_close(driver.consumer);
    printf("closed\n");
    return 0;
}
