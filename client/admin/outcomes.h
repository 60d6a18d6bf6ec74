/* Filling a result that says what became of each topic or partition. */
#ifndef CLIENT_ADMIN_OUTCOMES_H
#define CLIENT_ADMIN_OUTCOMES_H

#include "client/admin/admin_call.h"

/* Room for `count` outcomes. Errors: OUT_OF_MEMORY. */
MUST_CHECK enum error outcomes_begin(struct admin_call *call, size_t count);

/* Adds one of them; a null message becomes the error's text. Errors: OUT_OF_MEMORY. */
MUST_CHECK enum error outcomes_add(struct admin_call *call, struct bytes topic, int32_t partition,
                                   enum error error, struct bytes message);

#endif
