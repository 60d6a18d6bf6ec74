/* Which broker answers for the settings of a thing. */
#ifndef CLIENT_ADMIN_SETTINGS_TARGET_H
#define CLIENT_ADMIN_SETTINGS_TARGET_H

#include "client/admin/admin_call.h"

/* A broker answers for itself only, every broker for the others. Errors: INVALID_REQUEST (a
 * broker's name that is no id). */
MUST_CHECK enum error settings_target(enum barnabas_resource resource, const char *name,
                                      int32_t *target);

#endif
