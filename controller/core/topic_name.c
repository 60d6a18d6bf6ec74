#include "controller/core/topic_name.h"

#include <stdio.h>

#include "client/base/check.h"

static bool is_allowed(uint8_t c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_' || c == '-';
}

/* What a message says of a name, before and after naming it; NULL if nothing is wrong. */
struct fault {
    const char *before, *after;
};

static struct fault fault_of(struct bytes name) {
    if (bytes_is_null(name) || name.size == 0)
        return (struct fault){"the empty string is not allowed", NULL};
    if (bytes_equal_text(name, ".") || bytes_equal_text(name, ".."))
        return (struct fault){"", " is not allowed"};
    if (name.size > TOPIC_NAME_BYTES_MAX)
        return (struct fault){"the length of ", " is longer than the max allowed length 249"};
    for (size_t i = 0; i < name.size; i++)
        if (!is_allowed(name.data[i]))
            return (struct fault){"", " contains one or more characters other than ASCII "
                                      "alphanumerics, '.', '_' and '-'"};
    return (struct fault){NULL, NULL};
}

bool controller_topic_name_is_valid(struct bytes name) {
    return fault_of(name).before == NULL;
}

void controller_topic_name_explain(struct bytes name, char *message, size_t size) {
    struct fault fault = fault_of(name);

    CHECK(fault.before != NULL);
    if (fault.after == NULL)
        (void)snprintf(message, size, "Topic name is invalid: %s", fault.before);
    else
        (void)snprintf(message, size, "Topic name is invalid: %s'%.*s'%s", fault.before,
                       BYTES_FORMAT(name), fault.after);
}

void controller_topic_name_fold(struct bytes name, char *folded) {
    for (size_t i = 0; i < name.size; i++)
        folded[i] = name.data[i] == '.' ? '_' : (char)name.data[i];
}
