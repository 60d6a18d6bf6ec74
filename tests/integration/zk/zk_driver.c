/*
 * A ZooKeeper session to be driven by a test: commands on standard input, one per line; what
 * happens on standard output, one line each. zk_client_test.py is its test.
 *
 *   zk_driver CONNECT TIMEOUT_MS [USER:PASSWORD [set_acl]]
 *
 * commands                              lines
 *   get|exists|children TAG PATH [watch]  done TAG ERROR ... (data, version, names)
 *   create TAG PATH FLAGS DATA            done TAG ERROR created=PATH     FLAGS: p, e, s, es
 *   set TAG PATH VERSION DATA             done TAG ERROR version=N
 *   remove TAG PATH VERSION | sync TAG PATH
 *   multi TAG OP...                       done TAG ERROR ops=ERROR,...    OP: check:PATH:VERSION,
 *                          create:PATH:FLAGS:DATA, set:PATH:VERSION:DATA, delete:PATH:VERSION
 *   big TAG PATH SIZE                     a set of SIZE bytes
 *   pipeline TAG COUNT PATH               COUNT sets and gets at once: done TAG NONE in_order=yes
 *   watches TAG COUNT PARENT              makes COUNT children and watches the data of each
 *   flood TAG COUNT PATH                  COUNT gets whose lines are only counted, see "closed"
 *   register ID DATA                      registered EPOCH | refused ERROR
 *   adopt                                 a second session takes the registration over while the
 *                                         first lives on, as a leftover of a former session
 *   hold COMMAND...                       until there is another line; then that command, before
 *                                         all that has arrived meanwhile
 *   state                                 state session=ID timeout=MS deadline=KIND watched=COUNT
 *   close                                 closed cancelled=COUNT answered=COUNT, and ends
 * Also: session NEW|RECONNECTED|DISCONNECTED|EXPIRED|AUTH_FAILED, watch KIND PATH.
 * "-" as DATA is null.
 */
#include <event2/event.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "client/base/logger.h"
#include "client/net/loop.h"
#include "zk-schema/broker_registration.h"
#include "zk-schema/zk_client.h"

#define WORDS_MAX 64
#define OPS_MAX   32

/* The port that the registration sees: whichever session is the present one. */
struct present_session {
    struct zk zk; /* first */
    struct zk *session;
};

struct driver {
    struct loop *loop;
    struct event *input;
    struct zk_client_config config;
    struct zk_client *client;
    struct zk_client *former;    /* after "adopt" */
    struct zk_listener listener; /* of `client` */
    struct zk_listener silent;   /* of `former` */
    struct present_session present;
    struct broker_registration *registration;
    struct loop_timer timer;
    uint64_t watched; /* watch events */
    bool closing;
    uint64_t cancelled, answered; /* completions during and before the close */
    size_t line_size;
    char line[1 << 16];
};

static struct driver driver;

struct pending {
    char tag[32];
    bool is_quiet;
};

/* A command of many requests. */
struct group {
    char tag[32];
    uint64_t asked, answered;
    bool in_order;
    enum error error;
};

struct group_member {
    struct group *group;
    uint64_t number;
};

static void say(const char *format, ...) PRINTF_LIKE(1, 2);

static void say(const char *format, ...) {
    va_list arguments;

    va_start(arguments, format);
    vprintf(format, arguments);
    va_end(arguments);
    putchar('\n');
    fflush(stdout);
}

static void count(void) {
    if (driver.closing)
        driver.cancelled++;
    else
        driver.answered++;
}

static void on_done(void *context, const struct zk_result *result) {
    struct pending *pending = context;

    count();
    if (!pending->is_quiet) {
        printf("done %s %s version=%d cversion=%d owner=%lld", pending->tag,
               error_name(result->error), result->stat.version, result->stat.cversion,
               (long long)result->stat.ephemeral_owner);
        if (!bytes_is_null(result->data))
            printf(" data=%.*s", BYTES_FORMAT(result->data));
        if (result->created_path != NULL)
            printf(" created=%s", result->created_path);
        for (size_t i = 0; i < result->child_count; i++)
            printf("%s%s", i == 0 ? " children=" : ",", result->children[i]);
        for (size_t i = 0; i < result->op_count; i++) {
            const struct zk_op_result *op = &result->ops[i];
            printf("%s%s", i == 0 ? " ops=" : ",", error_name(op->error));
            if (op->created_path != NULL)
                printf(":%s", op->created_path);
            if (op->stat.mzxid != 0)
                printf(":%d", op->stat.version);
        }
        say("%s", "");
    }
    free(pending);
}

static struct pending *pending_new(const char *tag, bool is_quiet) {
    struct pending *pending = calloc(1, sizeof(*pending));

    CHECK(pending != NULL);
    snprintf(pending->tag, sizeof(pending->tag), "%s", tag);
    pending->is_quiet = is_quiet;
    return pending;
}

static struct group *group_new(const char *tag) {
    struct group *group = calloc(1, sizeof(*group));

    CHECK(group != NULL);
    snprintf(group->tag, sizeof(group->tag), "%s", tag);
    group->in_order = true;
    return group;
}

static struct group_member *group_add(struct group *group) {
    struct group_member *member = calloc(1, sizeof(*member));

    CHECK(member != NULL);
    *member = (struct group_member){group, group->asked++};
    return member;
}

static void on_member_done(void *context, const struct zk_result *result) {
    struct group_member *member = context;
    struct group *group = member->group;

    count();
    if (result->error != ERR_NONE)
        group->error = result->error;
    if (member->number != group->answered++)
        group->in_order = false;
    free(member);
    if (group->answered == group->asked) {
        say("done %s %s in_order=%s", group->tag, error_name(group->error),
            group->in_order ? "yes" : "no");
        free(group);
    }
}

static void on_session(struct zk_listener *listener, enum zk_session_state state) {
    static const char *const names[] = {"NEW", "RECONNECTED", "DISCONNECTED", "EXPIRED",
                                        "AUTH_FAILED"};

    if (listener == &driver.silent)
        return;
    say("session %s", names[state]);
    if (driver.registration != NULL)
        broker_registration_on_session(driver.registration, state);
}

static void on_watch(struct zk_listener *listener, enum zk_event_kind kind, const char *path) {
    static const char *const names[] = {"CREATED", "DELETED", "DATA", "CHILDREN"};

    if (listener == &driver.silent)
        return;
    driver.watched++;
    say("watch %s %s", names[kind], path);
    if (driver.registration != NULL)
        broker_registration_on_watch(driver.registration, kind, path);
}

/* ---- The registration's port ---- */

static struct zk *present(const struct zk *zk) {
    return ((const struct present_session *)zk)->session;
}

static void present_get(struct zk *zk, const char *path, bool watch, zk_completion *done,
                        void *context) {
    zk_get(present(zk), path, watch, done, context);
}

static void present_exists(struct zk *zk, const char *path, bool watch, zk_completion *done,
                           void *context) {
    zk_exists(present(zk), path, watch, done, context);
}

static void present_remove(struct zk *zk, const char *path, int32_t version, zk_completion *done,
                           void *context) {
    zk_remove(present(zk), path, version, done, context);
}

static void present_multi(struct zk *zk, const struct zk_op *ops, size_t op_count,
                          zk_completion *done, void *context) {
    zk_multi(present(zk), ops, op_count, done, context);
}

static int64_t present_session_id(const struct zk *zk) {
    return zk_session_id(present(zk));
}

static const struct zk_methods present_methods = {
    .get = present_get,
    .exists = present_exists,
    .remove = present_remove,
    .multi = present_multi,
    .session_id = present_session_id,
};

static void on_registered(void *context, int64_t broker_epoch) {
    (void)context;
    say("registered %lld", (long long)broker_epoch);
}

static void on_refused(void *context, enum error error) {
    (void)context;
    say("refused %s", error_name(error));
}

static void on_timer(struct loop_timer *timer) {
    broker_registration_on_time(driver.registration, clock_monotonic_ms(clock_system()),
                                zk_client_session_timeout_ms(driver.client));
    loop_timer_arm(timer, 50);
}

static void start_registration(int32_t broker_id, struct bytes data) {
    struct broker_registration_config config = {
        .zk = &driver.present.zk,
        .broker_id = broker_id,
        .data = data,
        .on_registered = on_registered,
        .on_refused = on_refused,
    };

    driver.present.zk.methods = &present_methods;
    driver.present.session = zk_client_zk(driver.client);
    CHECK(broker_registration_new(&config, &driver.registration) == ERR_NONE);
    loop_timer_init(&driver.timer, driver.loop, on_timer);
    loop_timer_arm(&driver.timer, 50);
    broker_registration_start(driver.registration);
}

static void adopt(void) {
    driver.former = driver.client;
    zk_client_zk(driver.former)->listener = &driver.silent;
    broker_registration_on_session(driver.registration, ZK_SESSION_EXPIRED);
    CHECK(zk_client_open(&driver.config, &driver.client) == ERR_NONE);
    driver.present.session = zk_client_zk(driver.client);
}

/* ---- Commands ---- */

static int flags_of(const char *text) {
    return (strchr(text, 'e') != NULL ? ZK_EPHEMERAL : 0) |
           (strchr(text, 's') != NULL ? ZK_SEQUENTIAL : 0);
}

static struct bytes data_of(const char *text) {
    return text == NULL || strcmp(text, "-") == 0 ? BYTES_NULL : bytes_of_text(text);
}

static int version_of(const char *text) {
    return (int)strtol(text, NULL, 10);
}

static struct zk_op op_of(char *text) {
    char *rest = text;
    const char *kind = strsep(&rest, ":");
    struct zk_op op = {.path = strsep(&rest, ":")};

    if (strcmp(kind, "create") == 0) {
        op.kind = ZK_OP_CREATE;
        op.flags = flags_of(strsep(&rest, ":"));
        op.data = data_of(rest);
        return op;
    }
    op.kind = strcmp(kind, "set") == 0     ? ZK_OP_SET
              : strcmp(kind, "check") == 0 ? ZK_OP_CHECK
                                           : ZK_OP_DELETE;
    op.version = version_of(strsep(&rest, ":"));
    op.data = data_of(rest);
    return op;
}

static void run_multi(struct zk *zk, char **words, int word_count) {
    struct zk_op ops[OPS_MAX];
    size_t op_count = 0;

    for (int i = 2; i < word_count; i++)
        ops[op_count++] = op_of(words[i]);
    zk_multi(zk, ops, op_count, on_done, pending_new(words[1], false));
}

static void run_pipeline(struct zk *zk, const char *tag, int64_t total, const char *path) {
    struct group *group = group_new(tag);

    for (int64_t i = 0; i < total; i++) {
        zk_set(zk, path, bytes_of_text("x"), ZK_ANY_VERSION, on_member_done, group_add(group));
        zk_get(zk, path, false, on_member_done, group_add(group));
    }
}

static void run_watches(struct zk *zk, const char *tag, int64_t total, const char *parent) {
    struct group *group = group_new(tag);
    char path[256];

    for (int64_t i = 0; i < total; i++) {
        snprintf(path, sizeof(path), "%s/%04lld", parent, (long long)i);
        zk_create(zk, path, BYTES_NULL, ZK_PERSISTENT, on_member_done, group_add(group));
        zk_get(zk, path, true, on_member_done, group_add(group));
    }
}

static void run_big(struct zk *zk, const char *tag, const char *path, size_t size) {
    char *data = malloc(size);

    CHECK(data != NULL);
    memset(data, 'x', size);
    zk_set(zk, path, bytes_of(data, size), ZK_ANY_VERSION, on_done, pending_new(tag, false));
    free(data);
}

static void run_state(struct zk *zk) {
    int64_t deadline = zk_client_session_deadline_ms(driver.client);
    int64_t now = clock_monotonic_ms(clock_system());

    say("state session=%lld timeout=%d deadline=%s watched=%llu", (long long)zk_session_id(zk),
        zk_client_session_timeout_ms(driver.client),
        deadline == INT64_MAX   ? "none"
        : deadline == INT64_MIN ? "no_session"
        : deadline > now        ? "ahead"
                                : "past",
        (unsigned long long)driver.watched);
}

static void run_close(void) {
    driver.closing = true;
    zk_client_close(driver.client);
    zk_client_close(driver.former);
    say("closed cancelled=%llu answered=%llu", (unsigned long long)driver.cancelled,
        (unsigned long long)driver.answered);
    if (driver.registration != NULL)
        loop_timer_done(&driver.timer);
    broker_registration_free(driver.registration);
    event_free(driver.input);
    loop_stop(driver.loop);
}

static bool run_simple(struct zk *zk, char **w, int n) {
    bool watch = n > 3 && strcmp(w[3], "watch") == 0;

    if (strcmp(w[0], "get") == 0 && n > 2)
        zk_get(zk, w[2], watch, on_done, pending_new(w[1], false));
    else if (strcmp(w[0], "exists") == 0 && n > 2)
        zk_exists(zk, w[2], watch, on_done, pending_new(w[1], false));
    else if (strcmp(w[0], "children") == 0 && n > 2)
        zk_children(zk, w[2], watch, on_done, pending_new(w[1], false));
    else if (strcmp(w[0], "create") == 0 && n > 4)
        zk_create(zk, w[2], data_of(w[4]), flags_of(w[3]), on_done, pending_new(w[1], false));
    else if (strcmp(w[0], "set") == 0 && n > 4)
        zk_set(zk, w[2], data_of(w[4]), version_of(w[3]), on_done, pending_new(w[1], false));
    else if (strcmp(w[0], "remove") == 0 && n > 3)
        zk_remove(zk, w[2], version_of(w[3]), on_done, pending_new(w[1], false));
    else if (strcmp(w[0], "sync") == 0 && n > 2)
        zk_sync(zk, w[2], on_done, pending_new(w[1], false));
    else
        return false;
    return true;
}

static void run_command(char **w, int n);

/* Holds up the executor until there is more to read, and then does something before all else. */
static void run_hold(char **w, int n) {
    struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};

    CHECK(poll(&input, 1, -1) == 1);
    run_command(w + 1, n - 1);
}

static void run_command(char **w, int n) {
    struct zk *zk = zk_client_zk(driver.client);

    if (run_simple(zk, w, n))
        return;
    if (strcmp(w[0], "multi") == 0 && n > 2 && n <= OPS_MAX)
        run_multi(zk, w, n);
    else if (strcmp(w[0], "pipeline") == 0 && n == 4)
        run_pipeline(zk, w[1], version_of(w[2]), w[3]);
    else if (strcmp(w[0], "watches") == 0 && n == 4)
        run_watches(zk, w[1], version_of(w[2]), w[3]);
    else if (strcmp(w[0], "big") == 0 && n == 4)
        run_big(zk, w[1], w[2], strtoul(w[3], NULL, 10));
    else if (strcmp(w[0], "flood") == 0 && n == 4)
        for (int i = 0; i < version_of(w[2]); i++)
            zk_get(zk, w[3], false, on_done, pending_new(w[1], true));
    else if (strcmp(w[0], "register") == 0 && n == 3)
        start_registration(version_of(w[1]), data_of(w[2]));
    else if (strcmp(w[0], "adopt") == 0)
        adopt();
    else if (strcmp(w[0], "hold") == 0 && n > 1)
        run_hold(w, n);
    else if (strcmp(w[0], "state") == 0)
        run_state(zk);
    else if (strcmp(w[0], "close") == 0)
        run_close();
    else
        say("unknown %s", w[0]);
}

static void run_line(char *line) {
    char *words[WORDS_MAX];
    int word_count = 0;
    char *word;

    while (word_count < WORDS_MAX && (word = strsep(&line, " ")) != NULL) {
        if (*word != '\0')
            words[word_count++] = word;
    }
    if (word_count > 0)
        run_command(words, word_count);
}

static void on_input(evutil_socket_t fd, short events, void *context) {
    ssize_t size =
        read((int)fd, driver.line + driver.line_size, sizeof(driver.line) - 1 - driver.line_size);
    char *line = driver.line;
    char *end;

    (void)events;
    (void)context;
    if (size <= 0) { /* the test is gone: so is the process, session and all */
        exit(1);
    }
    driver.line_size += (size_t)size;
    driver.line[driver.line_size] = '\0';
    while (!driver.closing && (end = strchr(line, '\n')) != NULL) {
        *end = '\0';
        run_line(line);
        line = end + 1;
    }
    driver.line_size -= (size_t)(line - driver.line);
    memmove(driver.line, line, driver.line_size);
}

int main(int argument_count, char **arguments) {
    CHECK(argument_count >= 3);
    logger_set_level(LOG_LEVEL_DEBUG);
    CHECK(loop_new(&driver.loop) == ERR_NONE);
    driver.listener = (struct zk_listener){on_session, on_watch};
    driver.silent = driver.listener;
    driver.config = (struct zk_client_config){
        .connect = arguments[1],
        .session_timeout_ms = version_of(arguments[2]),
        .digest_auth = argument_count > 3 ? arguments[3] : NULL,
        .set_acl = argument_count > 4,
        .executor = loop_executor(driver.loop),
        .listener = &driver.listener,
    };
    if (zk_client_open(&driver.config, &driver.client) != ERR_NONE) {
        say("not opened");
        loop_free(driver.loop);
        return 1;
    }
    driver.input =
        event_new(loop_base(driver.loop), STDIN_FILENO, EV_READ | EV_PERSIST, on_input, NULL);
    CHECK(driver.input != NULL && event_add(driver.input, NULL) == 0);
    loop_run(driver.loop);
    loop_free(driver.loop);
    return 0;
}
