#include "ops/cli/partition_name.h"

#include <string.h>

bool partition_name_parse(const char *text, struct partition_name *name) {
    const char *colon = strrchr(text, ':');
    size_t size = colon == NULL ? strlen(text) : (size_t)(colon - text);
    int64_t number = 0;

    if (size == 0 || size >= sizeof(name->topic))
        return false;
    memcpy(name->topic, text, size);
    name->topic[size] = '\0';
    name->partition = PARTITION_ALL;
    if (colon == NULL)
        return true;
    for (const char *at = colon + 1; *at != '\0'; at++) {
        if (*at < '0' || *at > '9' || number > INT32_MAX)
            return false;
        number = number * 10 + (*at - '0');
    }
    if (colon[1] == '\0' || number > INT32_MAX)
        return false;
    name->partition = (int32_t)number;
    return true;
}
