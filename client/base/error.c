#include "client/base/error.h"

#include <stddef.h>

const char *error_name(enum error error) {
    switch (error) {
#define ERROR_NAME(name, code, retriable, text) \
    case ERR_##name:                            \
        return #name;
        ERROR_LIST(ERROR_NAME)
#undef ERROR_NAME
    }
    return "UNKNOWN_ERROR";
}

const char *error_text(enum error error) {
    switch (error) {
#define ERROR_TEXT(name, code, retriable, text) \
    case ERR_##name:                            \
        return text;
        ERROR_LIST(ERROR_TEXT)
#undef ERROR_TEXT
    }
    return "an error that this version does not know";
}

bool error_is_retriable(enum error error) {
    switch (error) {
#define ERROR_RETRIABLE(name, code, retriable, text) \
    case ERR_##name:                                 \
        return retriable;
        ERROR_LIST(ERROR_RETRIABLE)
#undef ERROR_RETRIABLE
    }
    return false;
}

int16_t error_to_wire(enum error error) {
    if (error > -1000)
        return (int16_t)error;
    switch ((int)error) {
    case ERR_DISK_CORRUPT:
    case ERR_DISK_FAILED:
    case ERR_DISK_FULL:
        return ERR_KAFKA_STORAGE_ERROR;
    case ERR_DUPLICATE_BATCH:
        return ERR_NONE;
    default:
        return ERR_UNKNOWN_SERVER_ERROR;
    }
}
