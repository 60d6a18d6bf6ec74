#include "client/admin/settings_target.h"

#include <errno.h>
#include <stdlib.h>

enum error settings_target(enum barnabas_resource resource, const char *name, int32_t *target) {
    char *end;
    long id;

    *target = CALL_ANY_BROKER;
    if (resource != BARNABAS_RESOURCE_BROKER || name[0] == '\0')
        return ERR_NONE;
    errno = 0;
    id = strtol(name, &end, 10);
    if (errno != 0 || end == name || *end != '\0' || id < 0 || id > INT32_MAX)
        return ERR_INVALID_REQUEST;
    *target = (int32_t)id;
    return ERR_NONE;
}
