#include "controller/core/topic_name.h"

static bool is_allowed(uint8_t c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_' || c == '-';
}

const char *controller_topic_name_fault(struct bytes name) {
    if (bytes_is_null(name) || name.size == 0)
        return "Topic name is empty.";
    if (name.size > TOPIC_NAME_BYTES_MAX)
        return "Topic name is longer than 249 characters.";
    if (bytes_equal_text(name, ".") || bytes_equal_text(name, ".."))
        return "Topic name cannot be \".\" or \"..\".";
    for (size_t i = 0; i < name.size; i++)
        if (!is_allowed(name.data[i]))
            return "Topic name contains a character other than ASCII alphanumerics, '.', '_' and "
                   "'-'.";
    return NULL;
}

void controller_topic_name_fold(struct bytes name, char *folded) {
    for (size_t i = 0; i < name.size; i++)
        folded[i] = name.data[i] == '.' ? '_' : (char)name.data[i];
}
