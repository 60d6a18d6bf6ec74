#include "ops/cli/setting_flags.h"

#include <stdlib.h>
#include <string.h>

static const struct {
    const char *flag;
    enum barnabas_setting_operation operation;
    const char *word;
} operations[] = {
    {"config", BARNABAS_SETTING_SET, "set"},
    {"delete-config", BARNABAS_SETTING_DELETE, "delete"},
    {"append", BARNABAS_SETTING_APPEND, "append"},
    {"subtract", BARNABAS_SETTING_SUBTRACT, "subtract"},
};

static bool take_one(const char *flag, enum barnabas_setting_operation operation, const char *text,
                     struct barnabas_setting_change *change) {
    const char *equals = strchr(text, '=');
    bool with_value = operation != BARNABAS_SETTING_DELETE;

    if ((equals == NULL) == with_value || equals == text || text[0] == '\0') {
        fprintf(stderr, "barnabas: --%s %s: not %s\n", flag, text,
                with_value ? "KEY=VALUE" : "a KEY");
        return false;
    }
    change->operation = operation;
    change->key = with_value ? strndup(text, (size_t)(equals - text)) : strdup(text);
    change->value = with_value ? equals + 1 : NULL;
    return change->key != NULL;
}

bool setting_changes_take(const struct invocation *invocation, struct setting_changes *changes) {
    memset(changes, 0, sizeof(*changes));
    for (size_t i = 0; i < sizeof(operations) / sizeof(operations[0]); i++) {
        const char *text;

        for (size_t j = 0; (text = invocation_value_at(invocation, operations[i].flag, j)) != NULL;
             j++)
            if (!take_one(operations[i].flag, operations[i].operation, text,
                          &changes->items[changes->count++]))
                return false;
    }
    return true;
}

void setting_changes_done(struct setting_changes *changes) {
    for (size_t i = 0; i < changes->count; i++)
        free((char *)(uintptr_t)changes->items[i].key);
    changes->count = 0;
}

void setting_changes_print(const struct setting_changes *changes, char *text, size_t size) {
    size_t at = 0;

    text[0] = '\0';
    for (size_t i = 0; i < changes->count && at < size; i++) {
        const struct barnabas_setting_change *change = &changes->items[i];
        int written =
            snprintf(text + at, size - at, "%s%s %s%s%s", i == 0 ? "" : ", ",
                     operations[change->operation].word, change->key,
                     change->value == NULL ? "" : "=", change->value == NULL ? "" : change->value);

        at += written < 0 ? 0 : (size_t)written;
    }
}
