#include "ops/cli/session.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ops/cli/context_file.h"
#include "ops/cli/report.h"

#define BOOTSTRAP_DEFAULT  "127.0.0.1:9092"
#define TIMEOUT_MS_DEFAULT 30000

/* Where the brokers were sought, for what is said when there are none. */
static char bootstrap_used[512] = BOOTSTRAP_DEFAULT;

static bool config_set(struct barnabas_config *config, const char *key, const char *value) {
    struct barnabas_reason reason;

    if (barnabas_config_set(config, key, value, &reason) == BARNABAS_OK)
        return true;
    fprintf(stderr, "barnabas: %s\n", reason.text);
    return false;
}

/* One -X KEY=VALUE. */
static bool config_set_pair(struct barnabas_config *config, const char *pair) {
    const char *equals = strchr(pair, '=');
    char *key;
    bool set;

    if (equals == NULL) {
        fprintf(stderr, "barnabas: -X %s: not KEY=VALUE\n", pair);
        return false;
    }
    key = strndup(pair, (size_t)(equals - pair));
    if (key == NULL)
        return false;
    set = config_set(config, key, equals + 1);
    free(key);
    return set;
}

static void session_log(void *context, enum barnabas_log_level level, const char *event,
                        const char *details) {
    static const char *const names[] = {"debug", "info", "warn", "error"};

    (void)context;
    fprintf(stderr, "barnabas: %s %s %s\n", names[level], event, details);
}

static bool context_take(void *context, const char *key, const char *value) {
    return config_set(context, key, value);
}

/* The context that was asked for, or the file's own. That there is no file matters only if one was
 * asked for. */
static bool apply_context(const struct invocation *invocation, struct barnabas_config *config) {
    const char *name = invocation_value(invocation, "context", NULL);
    char path[4096];
    FILE *file = context_file_path(path, sizeof(path)) ? fopen(path, "r") : NULL;
    enum context_found found;
    size_t line_number;

    if (file == NULL) {
        if (name == NULL && getenv("BARNABAS_CONFIG") == NULL)
            return true;
        fprintf(stderr, "barnabas: the file with contexts cannot be read: %s\n", path);
        return false;
    }
    found = context_read(file, name, context_take, config, &line_number);
    fclose(file);
    if (found == CONTEXT_BROKEN)
        fprintf(stderr, "barnabas: %s:%zu: not a context's setting\n", path, line_number);
    if (found == CONTEXT_MISSING)
        fprintf(stderr, "barnabas: %s: has no context %s\n", path,
                name == NULL ? "that its first lines name" : name);
    return found == CONTEXT_FOUND;
}

struct barnabas_config *session_config(const struct invocation *invocation) {
    struct barnabas_config *config = barnabas_config_new();
    const char *environment = getenv("BARNABAS_BOOTSTRAP");
    const char *bootstrap;
    const char *pair;
    bool fine;

    if (config == NULL)
        return NULL;
    fine = config_set(config, "client.id", "barnabas-cli") &&
           config_set(config, "bootstrap.servers", BOOTSTRAP_DEFAULT) &&
           apply_context(invocation, config);
    /* What is asked for on the command line counts more than the environment, and that more than
     * the file. */
    if (fine && environment != NULL && environment[0] != '\0' &&
        !invocation_has(invocation, "context"))
        fine = config_set(config, "bootstrap.servers", environment);
    for (size_t i = 0; fine && (pair = invocation_value_at(invocation, "set", i)) != NULL; i++)
        fine = config_set_pair(config, pair);
    bootstrap = invocation_value(invocation, "bootstrap", NULL);
    if (fine && bootstrap != NULL)
        fine = config_set(config, "bootstrap.servers", bootstrap);
    if (!fine) {
        barnabas_config_free(config);
        return NULL;
    }
    snprintf(bootstrap_used, sizeof(bootstrap_used), "%s",
             barnabas_config_get(config, "bootstrap.servers"));
    if (invocation_has(invocation, "verbose"))
        barnabas_config_set_logger(config, session_log, NULL);
    return config;
}

bool session_default(const struct invocation *invocation, struct barnabas_config *config,
                     const char *key, const char *value) {
    size_t size = strlen(key);
    const char *pair;

    for (size_t i = 0; (pair = invocation_value_at(invocation, "set", i)) != NULL; i++)
        if (strncmp(pair, key, size) == 0 && pair[size] == '=')
            return true;
    return config_set(config, key, value);
}

bool session_timeout_ms(const struct invocation *invocation, int64_t otherwise,
                        int64_t *timeout_ms) {
    int64_t seconds;

    if (!invocation_number(invocation, "timeout", 1, 1000000, -1, &seconds))
        return false;
    *timeout_ms = seconds < 0 ? otherwise : seconds * 1000;
    return true;
}

enum exit_status session_admin(const struct invocation *invocation, struct barnabas_admin **admin,
                               int64_t *timeout_ms) {
    struct barnabas_config *config;
    struct barnabas_reason reason;
    int error;

    if (!session_timeout_ms(invocation, TIMEOUT_MS_DEFAULT, timeout_ms))
        return EXIT_USAGE;
    config = session_config(invocation);
    if (config == NULL)
        return EXIT_USAGE;
    error = barnabas_admin_open(config, admin, &reason);
    barnabas_config_free(config);
    if (error == BARNABAS_OK)
        return EXIT_OK;
    return session_fail(reason.text[0] != '\0' ? reason.text : "cannot start", error);
}

bool session_json(const struct invocation *invocation, bool *json) {
    const char *output = invocation_value(invocation, "output", "table");

    *json = strcmp(output, "json") == 0;
    if (*json || strcmp(output, "table") == 0)
        return true;
    fprintf(stderr, "barnabas: --output %s: neither table nor json\n", output);
    return false;
}

void session_hint(int error) {
    if (error == BARNABAS_CONNECTION_FAILED || error == BARNABAS_NAME_UNRESOLVED)
        fprintf(stderr, "barnabas: no broker answers at %s; -b or BARNABAS_BOOTSTRAP says where\n",
                bootstrap_used);
}

enum exit_status session_fail(const char *what, int error) {
    report_add(json_pack("{s:s, s:s, s:s}", "name", what, "error", barnabas_error_name(error),
                         "message", barnabas_error_text(error)));
    fprintf(stderr, "barnabas: %s: %s: %s\n", what, barnabas_error_name(error),
            barnabas_error_text(error));
    session_hint(error);
    return exit_status_of(error);
}

enum exit_status session_outcomes(const char *what, const struct barnabas_outcomes *outcomes) {
    enum exit_status status = EXIT_OK;
    size_t failed = 0;

    for (size_t i = 0; i < outcomes->count; i++) {
        const struct barnabas_outcome *outcome = &outcomes->items[i];

        if (outcome->error == BARNABAS_OK)
            continue;
        failed++;
        status = exit_status_of(outcome->error);
        report_add(json_pack("{s:s, s:i, s:s, s:s}", "name", outcome->topic, "partitionIndex",
                             outcome->partition, "error", barnabas_error_name(outcome->error),
                             "message", outcome->message));
        fprintf(stderr, "barnabas: %s %s", what, outcome->topic);
        if (outcome->partition >= 0)
            fprintf(stderr, ":%d", outcome->partition);
        fprintf(stderr, ": %s: %s\n", barnabas_error_name(outcome->error), outcome->message);
    }
    return failed > 0 && failed < outcomes->count ? EXIT_PARTLY_FAILED : status;
}

bool session_looks_first(const struct invocation *invocation) {
    return invocation_has(invocation, "dry-run") || !invocation_has(invocation, "yes");
}

enum exit_status session_confirm(const struct invocation *invocation, const char *question,
                                 const char *typed) {
    char answer[300];
    bool json;

    if (invocation_has(invocation, "yes"))
        return EXIT_OK;
    if (!session_json(invocation, &json) || json || !isatty(STDIN_FILENO)) {
        fprintf(stderr, "barnabas: refused: nobody can be asked; --yes does it without\n");
        return EXIT_REFUSED;
    }
    fflush(stdout); /* what is asked about */
    if (typed == NULL)
        fprintf(stderr, "%s [y/N] ", question);
    else
        fprintf(stderr, "%s Type %s to go on: ", question, typed);
    if (fgets(answer, sizeof(answer), stdin) == NULL)
        return EXIT_CANCELLED;
    answer[strcspn(answer, "\n")] = '\0';
    if (typed != NULL ? strcmp(answer, typed) == 0
                      : strcmp(answer, "y") == 0 || strcmp(answer, "yes") == 0)
        return EXIT_OK;
    fprintf(stderr, "barnabas: cancelled\n");
    return EXIT_CANCELLED;
}
